rule assemble:
    input:
        index=rules.index.output[0],
        events=rules.events.output.events,
        tracks=rules.events.output.tracks,
        assignments=rules.events.output.assignments,
        fixations=rules.fixations.output.table,
        saliency=rules.saliency.output.maps,
        points=rules.saliency.output.points,
        source_maps=get_source_maps,
        captions=get_captions,
        records=get_records,
    output:
        directory(f"{RESULTS}/assembled/{{video}}"),
    log:
        f"{RESULTS}/logs/assemble/{{video}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/assemble/{{video}}.tsv"
    wildcard_constraints:
        video=one_of(CONSTRUCTED),
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=1000,
        runtime=20,
    params:
        version=version("assemble"),
        curation=if_curated(settings("curation", "mode", "uncurated")),
        viewports=if_curated(settings("viewports", "lead_s")),
        events=if_curated(settings("events", "assign_deg")),
        saliency=if_curated(settings("saliency")),
    message:
        "Assembling video {wildcards.video} for the dataset"
    script:
        "../scripts/assemble.py"


rule import_video:
    input:
        index=rules.index.output[0],
        truth=lambda w: RECORDINGS[w.video].gaze,
    output:
        directory(f"{RESULTS}/assembled/{{video}}"),
    log:
        f"{RESULTS}/logs/import_video/{{video}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/import_video/{{video}}.tsv"
    wildcard_constraints:
        video=one_of(PUBLISHED),
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=1000,
        runtime=20,
    params:
        version=version("import_video"),
        gaze=stamps("gaze"),
    message:
        "Checking and importing the published video {wildcards.video}"
    script:
        "../scripts/import_video.py"


rule clips:
    input:
        expand(rules.assemble.output, video=VIDEOS),
    output:
        directory(f"{RESULTS}/clips"),
    log:
        f"{RESULTS}/logs/clips.log",
    benchmark:
        f"{RESULTS}/benchmarks/clips.tsv"
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        version=version("clips"),
        splits=SPLITS,
    message:
        "Collecting the clips that models read"
    script:
        "../scripts/clips.py"


rule dataset:
    input:
        parts=expand(rules.assemble.output, video=VIDEOS),
        indexes=expand(rules.index.output, video=VIDEOS),
        frames=expand(rules.frames.output, video=PUBLISHED),
        dropped=expand(rules.events.output.dropped, video=CONSTRUCTED),
        reliability=expand(rules.reliability.output, video=CONSTRUCTED),
    output:
        directory(f"{RESULTS}/dataset"),
    log:
        f"{RESULTS}/logs/dataset.log",
    benchmark:
        f"{RESULTS}/benchmarks/dataset.tsv"
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        version=version("dataset"),
        splits=SPLITS,
        origins=ORIGINS,
        data_settings=CONFIG.data_settings(),
    message:
        "Building the dataset"
    script:
        "../scripts/dataset.py"
