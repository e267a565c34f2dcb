rule saliency:
    input:
        index=rules.index.output[0],
        fixations=rules.fixations.output.table,
        assignments=rules.events.output.assignments,
        tracks=rules.events.output.tracks,
        source_maps=get_source_maps,
    output:
        maps=f"{RESULTS}/saliency/{{video}}.parquet",
        points=f"{RESULTS}/points/{{video}}.parquet",
    log:
        f"{RESULTS}/logs/saliency/{{video}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/saliency/{{video}}.tsv"
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        version=version("saliency"),
        saliency=settings("saliency"),
    message:
        "Computing the saliency maps of video {wildcards.video}"
    script:
        "../scripts/saliency.py"
