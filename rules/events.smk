rule events:
    input:
        index=rules.index.output[0],
        fixations=rules.fixations.output.table,
    output:
        events=f"{RESULTS}/events/{{video}}.parquet",
        tracks=f"{RESULTS}/tracks/{{video}}.parquet",
        assignments=f"{RESULTS}/assignments/{{video}}.parquet",
        dropped=f"{RESULTS}/dropped/{{video}}.parquet",
    log:
        f"{RESULTS}/logs/events/{{video}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/events/{{video}}.tsv"
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=1500,
        runtime=20,
    params:
        version=version("events"),
        events=settings("events"),
        dataset=settings("dataset", "first_event"),
    message:
        "Detecting the events of video {wildcards.video}"
    script:
        "../scripts/events.py"
