rule frames:
    input:
        index=rules.index.output[0],
        video=lambda w: RECORDINGS[w.video].video,
    output:
        directory(f"{RESULTS}/frames/{{video}}"),
    log:
        f"{RESULTS}/logs/frames/{{video}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/frames/{{video}}.tsv"
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=1500,
        runtime=30,
    params:
        settings=asdict(CONFIG.frames),
        skip_first=lambda w: RECORDINGS[w.video].skip_first,
        view=lambda w: RECORDINGS[w.video].view,
    message:
        "Extracting the frames of {wildcards.video}"
    script:
        "../scripts/frames.py"
