rule fixations:
    input:
        index=rules.index.output[0],
        gaze=lambda w: RECORDINGS[w.video].gaze,
    output:
        table=f"{RESULTS}/fixations/{{video}}.parquet",
        notes=f"{RESULTS}/fixations/{{video}}.json",
    log:
        f"{RESULTS}/logs/fixations/{{video}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/fixations/{{video}}.tsv"
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        version=version("fixations"),
        recording=recording("gaze_format", "gaze_id", "gaze_settings"),
        gaze=stamps("gaze"),
        fixations=settings("fixations"),
    message:
        "Detecting the fixations of video {wildcards.video}"
    script:
        "../scripts/fixations.py"
