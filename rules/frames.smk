rule frames:
    input:
        index=rules.index.output[0],
        video=lambda w: RECORDINGS[w.video].video,
    output:
        directory(f"{RESULTS}/frames/{{video}}"),
    params:
        settings=CONFIG.frames,
        skip_first=lambda w: RECORDINGS[w.video].skip_first,
    log:
        f"{RESULTS}/logs/frames/{{video}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/frames/{{video}}.tsv"
    resources:
        mem_mb=1500,
        runtime=30,
    conda:
        "../envs/pipeline.yaml"
    message:
        "Extracting the frames of {wildcards.video}"
    script:
        "../scripts/frames.py"
