# What only a model has, and needs.
WITH_MODEL = CONFIG.evaluate.model


rule evaluate_fold:
    input:
        unpack(get_evaluation_inputs),
    output:
        scores=f"{EVALUATION}/fold{{fold}}.parquet",
        pictures=f"{EVALUATION}/fold{{fold}}.jpg",
        predictions=(
            directory(f"{EVALUATION}/predictions/fold{{fold}}") if WITH_MODEL else []
        ),
    log:
        f"{RESULTS}/logs/evaluate/{EVALUATED}/fold{{fold}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/evaluate/{EVALUATED}/fold{{fold}}.tsv"
    conda:
        "../envs/train.yaml" if WITH_MODEL else "../envs/pipeline.yaml"
    threads: CONFIG.compute.cores
    resources:
        **(get_gpus(1) if WITH_MODEL else {}),
        mem_mb=16000,
        runtime=240,
    params:
        version=version("evaluate"),
        evaluate=settings("evaluate", "neutral_prompt", "targets", "rows", "seed"),
        saliency=settings("saliency", "sigma_deg"),
        external=get_external_stamps,
        folders=CONFIG.evaluate,
        name=CONFIG.train.name,
        compute=CONFIG.compute,
        frames=Path(RESULTS, "frames"),
    message:
        "Evaluating fold {wildcards.fold}"
    script:
        "../scripts/evaluate_fold.py"


rule evaluate:
    input:
        clips=rules.clips.output[0],
        folds=expand(rules.evaluate_fold.output.scores, fold=FOLDS),
        predictions=(
            expand(rules.evaluate_fold.output.predictions, fold=FOLDS)
            if WITH_MODEL
            else []
        ),
    output:
        scores=f"{EVALUATION}/scores.parquet",
        summary=f"{EVALUATION}/summary.parquet",
        page=f"{EVALUATION}/tables.md",
        latex=f"{EVALUATION}/tables.tex",
        figure=f"{EVALUATION}/intervals.png",
        presence=f"{EVALUATION}/presence.png" if WITH_MODEL else [],
        predictions=(
            directory(f"{EXPLORER}/predictions/{EVALUATED}") if WITH_MODEL else []
        ),
    log:
        f"{RESULTS}/logs/evaluate/{EVALUATED}.log",
    benchmark:
        f"{RESULTS}/benchmarks/evaluate/{EVALUATED}.tsv"
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
