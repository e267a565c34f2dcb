rule viewports:
    input:
        index=rules.index.output[0],
        frames=rules.frames.output[0],
        tracks=rules.events.output.tracks,
        saliency=rules.saliency.output.maps,
    output:
        directory(f"{RESULTS}/viewports/{{video}}"),
    log:
        f"{RESULTS}/logs/viewports/{{video}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/viewports/{{video}}.tsv"
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=1500,
        runtime=60,
    params:
        version=version("viewports"),
        frames=settings("frames", "height"),
        viewports=settings("viewports", "width", "height", "lead_s", "interpolation"),
    message:
        "Rendering the viewports of video {wildcards.video}"
    script:
        "../scripts/viewports.py"
