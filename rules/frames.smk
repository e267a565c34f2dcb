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
        version=version("frames"),
        recording=recording("view"),
        frames=settings(
            "frames", "height", "format", "jpeg_quality", "jpeg_chroma", "ready"
        ),
    message:
        "Extracting the frames of video {wildcards.video}"
    script:
        "../scripts/frames.py"
