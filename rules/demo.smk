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
            version=version("demo"),
            demo={
                name: value
                for name, value in tracked(DEMO).items()
                if name not in ("kind", "n_videos")
            },
            directory=Path(DEMO.directory),
        message:
            "Drawing demo video {wildcards.video} and simulating its observers"
        script:
            "../scripts/demo.py"
