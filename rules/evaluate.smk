rule evaluate_fold:
    input:
        unpack(get_evaluation_inputs),
    output:
        scores=f"{RESULTS}/evaluation/fold{{fold}}.parquet",
        pictures=f"{RESULTS}/evaluation/fold{{fold}}.jpg",
    log:
        f"{RESULTS}/logs/evaluate/fold{{fold}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/evaluate/fold{{fold}}.tsv"
    conda:
        "../envs/train.yaml"
    threads: CONFIG.train.cores
    resources:
        **get_gpus(1),
        mem_mb=16000,
        runtime=240,
    params:
        settings=asdict(CONFIG.evaluate),
        sigma_deg=CONFIG.saliency.sigma_deg,
        frames=f"{RESULTS}/frames",
        device=CONFIG.train.device,
    message:
        "Evaluating the model of fold {wildcards.fold}"
    script:
        "../scripts/evaluate_fold.py"


rule evaluate:
    input:
        dataset=rules.dataset.output[0],
        folds=expand(rules.evaluate_fold.output.scores, fold=FOLDS),
    output:
        scores=f"{RESULTS}/evaluation/scores.parquet",
        summary=f"{RESULTS}/evaluation/summary.parquet",
        page=f"{RESULTS}/evaluation/tables.md",
        latex=f"{RESULTS}/evaluation/tables.tex",
        figure=f"{RESULTS}/evaluation/intervals.png",
    log:
        f"{RESULTS}/logs/evaluate.log",
    benchmark:
        f"{RESULTS}/benchmarks/evaluate.tsv"
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        settings=asdict(CONFIG.evaluate),
    message:
        "Putting the scores of all folds together"
    script:
        "../scripts/evaluate.py"
