rule report:
    input:
        dataset=rules.dataset.output[0],
        indexes=expand(rules.index.output, video=VIDEOS),
        notes=expand(rules.fixations.output.notes, video=VIDEOS),
        events=expand(rules.events.output.events, video=VIDEOS),
        tracks=expand(rules.events.output.tracks, video=VIDEOS),
        dropped=expand(rules.events.output.dropped, video=VIDEOS),
        viewports=expand(rules.viewports.output, video=VIDEOS),
        truth=get_truth,
        camera_paths=get_camera_paths,
    output:
        f"{RESULTS}/report.html",
    log:
        f"{RESULTS}/logs/report.log",
    benchmark:
        f"{RESULTS}/benchmarks/report.tsv"
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        config=CONFIG.as_dict(),
    message:
        "Writing the report page"
    script:
        "../scripts/report.py"
