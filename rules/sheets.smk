rule sheets:
    input:
        index=rules.index.output[0],
        events=rules.events.output.events,
        tracks=rules.events.output.tracks,
        frames=rules.frames.output[0],
        saliency=rules.saliency.output.maps,
        viewports=rules.viewports.output[0],
    output:
        f"{RESULTS}/sheets/{{video}}.jpg",
    log:
        f"{RESULTS}/logs/sheets/{{video}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/sheets/{{video}}.tsv"
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=1000,
        runtime=20,
    params:
        version=version("sheets"),
    message:
        "Drawing the contact sheet of video {wildcards.video}"
    script:
        "../scripts/sheets.py"
