DEMO = next((source for source in CONFIG.sources if source.kind == "demo"), None)

if DEMO:

    rule demo:
        output:
            video=demo.video_path(DEMO, "{video}"),
            gaze=demo.gaze_paths(DEMO, "{video}"),
            truth=demo.truth_path(DEMO, "{video}"),
        params:
            source=DEMO,
        log:
            f"{RESULTS}/logs/demo/{{video}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/demo/{{video}}.tsv"
        resources:
            mem_mb=1000,
            runtime=10,
        conda:
            "../envs/pipeline.yaml"
        message:
            "Drawing demo video {wildcards.video} and simulating its observers"
        script:
            "../scripts/demo.py"
