rule reliability:
    input:
        index=rules.index.output[0],
        fixations=rules.fixations.output.table,
        notes=rules.fixations.output.notes,
        events=rules.events.output.events,
    output:
        f"{RESULTS}/reliability/{{video}}.parquet",
    log:
        f"{RESULTS}/logs/reliability/{{video}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/reliability/{{video}}.tsv"
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=1500,
        runtime=60,
    params:
        version=version("reliability"),
        events=settings("events"),
        reliability=settings("reliability"),
    message:
        "Measuring how reliable the events of video {wildcards.video} are"
    script:
        "../scripts/reliability.py"
