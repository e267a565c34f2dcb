rule train:
    input:
        expand(f"{RESULTS}/models/fold{{fold}}/best.pt", fold=FOLDS),


rule features:
    input:
        unpack(get_feature_inputs),
    output:
        f"{RESULTS}/features/features.json",
    log:
        f"{RESULTS}/logs/features.log",
    benchmark:
        f"{RESULTS}/benchmarks/features.tsv"
    conda:
        "../envs/train.yaml"
    threads: CONFIG.train.cores
    resources:
        **get_gpus(1),
        mem_mb=16000,
        runtime=1440,
    params:
        train=asdict(CONFIG.train),
        model=asdict(CONFIG.model),
        frames=f"{RESULTS}/frames",
        folds=FOLDS,
    message:
        "Computing the features that training reads"
    script:
        "../scripts/features.py"


rule train_fold:
    input:
        unpack(get_training_inputs),
    output:
        best=f"{RESULTS}/models/fold{{fold}}/best.pt",
        last=f"{RESULTS}/models/fold{{fold}}/last.pt",
        steps=f"{RESULTS}/models/fold{{fold}}/steps.csv",
        metrics=f"{RESULTS}/models/fold{{fold}}/metrics.csv",
    log:
        f"{RESULTS}/logs/train/fold{{fold}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train/fold{{fold}}.tsv"
    conda:
        "../envs/train.yaml"
    threads: CONFIG.train.cores
    resources:
        **get_gpus(CONFIG.train.processes),
        mem_mb=16000,
        runtime=1440,
    params:
        train=asdict(CONFIG.train),
        model=asdict(CONFIG.model),
        frames=f"{RESULTS}/frames",
        running=f"{RESULTS}/training/fold{{fold}}",
        features=f"{RESULTS}/features",
    message:
        "Training the model of fold {wildcards.fold}"
    script:
        "../scripts/train_fold.py"
