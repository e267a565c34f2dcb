# The published folder: `snakemake publish`.
PERMISSIONS = {
    video: CONFIG.publish.permission(one.source, is_drawn(video))
    for video, one in RECORDINGS.items()
}
PASSED_ON = [video for video in CONSTRUCTED if PERMISSIONS[video]]
SHOWN = frozenset(PASSED_ON)


rule pack_pictures:
    input:
        index=rules.index.output[0],
        frames=rules.frames.output[0],
        viewports=lambda w: (
            expand(rules.viewports.output, video=w.video) if w.video in SHOWN else []
        ),
        part=rules.assemble.output[0],
    output:
        directory(f"{RESULTS}/packed/{{video}}"),
    log:
        f"{RESULTS}/logs/pack_pictures/{{video}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/pack_pictures/{{video}}.tsv"
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        version=version("pack_pictures"),
        passed_on=lambda w: bool(PERMISSIONS[w.video]),
    message:
        "Packing the pictures of video {wildcards.video}"
    script:
        "../scripts/pack_pictures.py"


# Only of videos that may be shown, and without the names of curators.
use rule explorer as published_explorer with:
    input:
        pages=expand(rules.explorer_page.output.page, video=PASSED_ON),
        dataset=rules.dataset.output[0],
        indexes=expand(rules.index.output, video=PASSED_ON),
        notes=expand(rules.fixations.output.notes, video=PASSED_ON),
        events=expand(rules.events.output.events, video=PASSED_ON),
        tracks=expand(rules.events.output.tracks, video=PASSED_ON),
        dropped=expand(rules.events.output.dropped, video=PASSED_ON),
        reliability=expand(rules.reliability.output, video=PASSED_ON),
        truth=get_truth,
        camera_paths=[],
        captions=get_all_captions,
        records=[],
    output:
        index=f"{RESULTS}/packed_explorer/index.html",
        bundle=[f"{RESULTS}/packed_explorer/{file.name}" for file in BUNDLE],
    log:
        f"{RESULTS}/logs/published_explorer.log",
    benchmark:
        f"{RESULTS}/benchmarks/published_explorer.tsv"
    message:
        "Writing the index of the published explorer"


rule publish:
    input:
        dataset=rules.dataset.output[0],
        indexes=expand(rules.index.output, video=VIDEOS),
        parts=expand(rules.assemble.output, video=VIDEOS),
        pictures=expand(rules.pack_pictures.output, video=VIDEOS),
        explorer=rules.published_explorer.output if PASSED_ON else [],
        pages=expand(rules.explorer_page.output, video=PASSED_ON),
        media=expand(rules.explorer_video.output, video=PASSED_ON),
    output:
        directory(f"{RESULTS}/publish"),
    log:
        f"{RESULTS}/logs/publish.log",
    benchmark:
        f"{RESULTS}/benchmarks/publish.tsv"
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        version=version("publish"),
        publish=settings("publish"),
        folder=CONFIG.dataset.name,
        origins=ORIGINS,
        permissions=PERMISSIONS,
        files={video: one.video.name for video, one in RECORDINGS.items()},
        extraction=EXTRACTION,
        settings=CONFIG.publish,
    message:
        "Writing the folder to publish"
    script:
        "../scripts/publish.py"
