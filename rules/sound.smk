rule sound:
    input:
        index=rules.index.output[0],
        tracks=rules.events.output.tracks,
        viewports=rules.viewports.output[0],
        video=lambda w: RECORDINGS[w.video].video,
    output:
        directory(f"{RESULTS}/viewports_with_sound/{{video}}"),
    log:
        f"{RESULTS}/logs/sound/{{video}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/sound/{{video}}.tsv"
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=1500,
        runtime=20,
    params:
        version=version("sound"),
    message:
        "Adding the sound of video {wildcards.video} to its viewports"
    script:
        "../scripts/sound.py"
