rule fixations:
    input:
        index=rules.index.output[0],
        gaze=lambda w: RECORDINGS[w.video].gaze,
    output:
        table=f"{RESULTS}/fixations/{{video}}.parquet",
        notes=f"{RESULTS}/fixations/{{video}}.json",
    params:
        recording=lambda w: RECORDINGS[w.video],
        settings=CONFIG.fixations,
    log:
        f"{RESULTS}/logs/fixations/{{video}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/fixations/{{video}}.tsv"
    resources:
        mem_mb=1000,
        runtime=10,
    conda:
        "../envs/pipeline.yaml"
    message:
        "Finding the fixations of {wildcards.video}"
    script:
        "../scripts/fixations.py"
