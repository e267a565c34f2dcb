def get_captions(wildcards):
    return rules.captions.output[0].format(shard=SHARDS[wildcards.video])


rule tasks:
    input:
        index=rules.index.output[0],
        events=rules.events.output.events,
        tracks=rules.events.output.tracks,
        viewports=rules.viewports.output[0],
        captions=get_captions,
    output:
        f"{RESULTS}/curation_tasks/{{video}}.json",
    params:
        media=f"{CONFIG.dataset.name}/viewports/{{video}}",
    log:
        f"{RESULTS}/logs/tasks/{{video}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/tasks/{{video}}.tsv"
    resources:
        mem_mb=500,
        runtime=5,
    conda:
        "../envs/pipeline.yaml"
    message:
        "Writing the curation tasks of {wildcards.video}"
    script:
        "../scripts/tasks.py"
