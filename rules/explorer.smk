EXPLORER = f"{RESULTS}/explorer"


rule explorer_video:
    input:
        index=rules.index.output[0],
        fixations=rules.fixations.output.table,
        tracks=rules.events.output.tracks,
        frames=rules.frames.output[0],
        saliency=rules.saliency.output.maps,
    output:
        video=f"{EXPLORER}/videos/{{video}}.mp4",
        # of pages that are opened from disk
        script=(
            f"{EXPLORER}/videos/{{video}}.mp4.js" if CONFIG.explorer.from_disk else []
        ),
    log:
        f"{RESULTS}/logs/explorer_video/{{video}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/explorer_video/{{video}}.tsv"
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=1000,
        runtime=60,
    params:
        version=version("explorer_video"),
        frames=settings("frames", "height"),
        saliency=settings("saliency", "sigma_deg", "window_s"),
        explorer=settings("explorer", "height", "from_disk"),
    message:
        "Encoding video {wildcards.video} with its saliency for the explorer"
    script:
        "../scripts/explorer_video.py"


rule explorer_page:
    input:
        index=rules.index.output[0],
        notes=rules.fixations.output.notes,
        fixations=rules.fixations.output.table,
        events=rules.events.output.events,
        tracks=rules.events.output.tracks,
        dropped=rules.events.output.dropped,
        reliability=rules.reliability.output[0],
        sheet=rules.sheets.output[0],
        captions=get_captions,
        part=rules.assemble.output[0],
        media=rules.explorer_video.output.video,
        truth=get_truth_of_video,
    output:
        page=f"{EXPLORER}/videos/{{video}}.html",
        sheet=f"{EXPLORER}/videos/{{video}}.sheet.jpg",
    log:
        f"{RESULTS}/logs/explorer_page/{{video}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/explorer_page/{{video}}.tsv"
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        version=version("explorer_page"),
        folder=CONFIG.dataset.name,
        origins=lambda w: {w.video: ORIGINS[w.video]},
        splits=lambda w: splits_of(w.video),
        frames=settings("frames", "height"),
        explorer=settings("explorer", "height", "from_disk"),
    message:
        "Writing the explorer's page of video {wildcards.video}"
    script:
        "../scripts/explorer_page.py"


rule explorer:
    input:
        pages=expand(rules.explorer_page.output.page, video=CONSTRUCTED),
        dataset=rules.dataset.output[0],
        indexes=expand(rules.index.output, video=CONSTRUCTED),
        notes=expand(rules.fixations.output.notes, video=CONSTRUCTED),
        events=expand(rules.events.output.events, video=CONSTRUCTED),
        tracks=expand(rules.events.output.tracks, video=CONSTRUCTED),
        dropped=expand(rules.events.output.dropped, video=CONSTRUCTED),
        reliability=expand(rules.reliability.output, video=CONSTRUCTED),
        truth=get_truth,
        camera_paths=get_camera_paths,
        captions=get_all_captions,
        records=get_all_records,
    output:
        index=f"{EXPLORER}/index.html",
        bundle=[f"{EXPLORER}/{file.name}" for file in BUNDLE],
    log:
        f"{RESULTS}/logs/explorer.log",
    benchmark:
        f"{RESULTS}/benchmarks/explorer.tsv"
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        version=version("explorer"),
        origins=ORIGINS,
        splits=SPLITS,
        data_settings=CONFIG.data_settings(),
    message:
        "Writing the index of the explorer"
    script:
        "../scripts/explorer.py"
