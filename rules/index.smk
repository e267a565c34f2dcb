rule index:
    input:
        video=lambda w: RECORDINGS[w.video].video,
        gaze=lambda w: RECORDINGS[w.video].gaze,
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
        recording=lambda w: asdict(RECORDINGS[w.video]),
        stamps=lambda w: get_stamps(
            w.video, RECORDINGS[w.video].video, *RECORDINGS[w.video].gaze
        ),
        force_2to1=CONFIG.frames.force_2to1,
        ready=CONFIG.frames.ready,
    message:
        "Looking into video {wildcards.video}"
    script:
        "../scripts/index.py"
