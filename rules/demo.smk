DEMO = next((source for source in CONFIG.sources if source.kind == "demo"), None)

if DEMO:

    rule demo:
        output:
            video=demo.video_path(DEMO, "{video}"),
            gaze=demo.gaze_paths(DEMO, "{video}"),
            truth=demo.truth_path(DEMO, "{video}"),
        log:
            f"{RESULTS}/logs/demo/{{video}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/demo/{{video}}.tsv"
        conda:
            "../envs/pipeline.yaml"
        resources:
            mem_mb=1000,
            runtime=10,
        params:
            source={
                key: value for key, value in asdict(DEMO).items() if key != "n_videos"
            },
        message:
            "Drawing demo video {wildcards.video} and simulating its observers"
        script:
            "../scripts/demo.py"
