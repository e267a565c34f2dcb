rule index:
    input:
        video=lambda w: RECORDINGS[w.video].video,
    output:
        f"{RESULTS}/videos/{{video}}.json",
    log:
        f"{RESULTS}/logs/index/{{video}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/index/{{video}}.tsv"
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=1000,
        runtime=20,
    params:
        version=version("index"),
        recording=recording("fps", "view", "skip_first", "projection", "pose"),
        video=stamps("video"),
        frames=settings("frames", "force_2to1", "ready", "native"),
    message:
        "Indexing video {wildcards.video}"
    script:
        "../scripts/index.py"
