rule report:
    input:
        dataset=rules.dataset.output[0],
        indexes=expand(rules.index.output, video=CONSTRUCTED),
        notes=expand(rules.fixations.output.notes, video=CONSTRUCTED),
        events=expand(rules.events.output.events, video=CONSTRUCTED),
        tracks=expand(rules.events.output.tracks, video=CONSTRUCTED),
        dropped=expand(rules.events.output.dropped, video=CONSTRUCTED),
        reliability=expand(rules.reliability.output, video=CONSTRUCTED),
        viewports=expand(rules.viewports.output, video=CONSTRUCTED),
        sheets=expand(rules.sheets.output, video=CONSTRUCTED),
        truth=get_truth,
        camera_paths=get_camera_paths,
        captions=get_all_captions,
        records=get_all_records,
    output:
        f"{RESULTS}/report.html",
    log:
        f"{RESULTS}/logs/report.log",
    benchmark:
        f"{RESULTS}/benchmarks/report.tsv"
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        version=version("report"),
        origins=ORIGINS,
        data_settings=CONFIG.data_settings(),
    message:
        "Writing the report page"
    script:
        "../scripts/report.py"
