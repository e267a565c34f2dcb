rule assemble:
    input:
        index=rules.index.output[0],
        events=rules.events.output.events,
        tracks=rules.events.output.tracks,
        assignments=rules.events.output.assignments,
        fixations=rules.fixations.output.table,
        saliency=rules.saliency.output[0],
        captions=get_captions,
    output:
        directory(f"{RESULTS}/assembled/{{video}}"),
    log:
        f"{RESULTS}/logs/assemble/{{video}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/assemble/{{video}}.tsv"
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=1000,
        runtime=20,
    params:
        skip_first=lambda w: RECORDINGS[w.video].skip_first,
    message:
        "Assembling {wildcards.video}"
    script:
        "../scripts/assemble.py"


rule dataset:
    input:
        parts=expand(rules.assemble.output, video=VIDEOS),
        indexes=expand(rules.index.output, video=VIDEOS),
        dropped=expand(rules.events.output.dropped, video=VIDEOS),
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
        settings=asdict(CONFIG.dataset),
        config=CONFIG.as_dict(),
    message:
        "Building the dataset"
    script:
        "../scripts/dataset.py"
