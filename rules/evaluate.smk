rule evaluate_fold:
    input:
        unpack(get_evaluation_inputs),
    output:
        scores=f"{EVALUATION}/fold{{fold}}.parquet",
        pictures=f"{EVALUATION}/fold{{fold}}.jpg",
        predictions=directory(f"{EVALUATION}/predictions/fold{{fold}}"),
    log:
        f"{RESULTS}/logs/evaluate/{CONFIG.train.name}/fold{{fold}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/evaluate/{CONFIG.train.name}/fold{{fold}}.tsv"
    conda:
        "../envs/train.yaml"
    threads: CONFIG.compute.cores
    resources:
        **get_gpus(1),
        mem_mb=16000,
        runtime=240,
    params:
        version=version("evaluate"),
        evaluate=settings("evaluate", "neutral_prompt", "targets", "rows", "seed"),
        saliency=settings("saliency", "sigma_deg"),
        name=CONFIG.train.name,
        compute=CONFIG.compute,
        frames=Path(RESULTS, "frames"),
    message:
        "Evaluating the model of fold {wildcards.fold}"
    script:
        "../scripts/evaluate_fold.py"


rule evaluate:
    input:
        clips=rules.clips.output[0],
        folds=expand(rules.evaluate_fold.output.scores, fold=FOLDS),
        predictions=expand(rules.evaluate_fold.output.predictions, fold=FOLDS),
    output:
        scores=f"{EVALUATION}/scores.parquet",
        summary=f"{EVALUATION}/summary.parquet",
        page=f"{EVALUATION}/tables.md",
        latex=f"{EVALUATION}/tables.tex",
        figure=f"{EVALUATION}/intervals.png",
        predictions=directory(f"{EXPLORER}/predictions/{CONFIG.train.name}"),
    log:
        f"{RESULTS}/logs/evaluate/{CONFIG.train.name}.log",
    benchmark:
        f"{RESULTS}/benchmarks/evaluate/{CONFIG.train.name}.tsv"
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        version=version("evaluate"),
        evaluate=settings("evaluate", "bootstrap", "seed", "targets"),
        sources=SOURCES,
    message:
        "Combining the scores of all folds"
    script:
        "../scripts/evaluate.py"
