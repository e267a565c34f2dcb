rule tasks:
    input:
        index=rules.index.output[0],
        events=rules.events.output.events,
        tracks=rules.events.output.tracks,
        viewports=rules.viewports.output[0],
        captions=get_captions,
        media=get_media,
    output:
        f"{RESULTS}/curation_tasks/{{video}}.json",
    log:
        f"{RESULTS}/logs/tasks/{{video}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/tasks/{{video}}.tsv"
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        version=version("tasks"),
        recording=recording("source"),
        viewports=settings("viewports", "sound"),
        folder=CONFIG.dataset.name,
    message:
        "Writing the curation tasks of video {wildcards.video}"
    script:
        "../scripts/tasks.py"
