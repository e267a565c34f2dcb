rule saliency:
    input:
        fixations=rules.fixations.output.table,
        assignments=rules.events.output.assignments,
        tracks=rules.events.output.tracks,
    output:
        directory(f"{RESULTS}/saliency/{{video}}"),
    log:
        f"{RESULTS}/logs/saliency/{{video}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/saliency/{{video}}.tsv"
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        settings=asdict(CONFIG.saliency),
    message:
        "Making the saliency maps of {wildcards.video}"
    script:
        "../scripts/saliency.py"
