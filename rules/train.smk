rule train:
    input:
        expand(f"{MODELS}/fold{{fold}}/best.pt", fold=FOLDS),


rule features:
    input:
        unpack(get_feature_inputs),
    output:
        f"{FEATURES}/fold{{fold}}.json",
    log:
        f"{RESULTS}/logs/features/fold{{fold}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/features/fold{{fold}}.tsv"
    conda:
        "../envs/train.yaml"
    threads: CONFIG.compute.cores
    resources:
        **get_gpus(1),
        mem_mb=16000,
        runtime=1440,
    params:
        version=version("features"),
        train=FEATURE_SETTINGS,
        model=settings("model"),
        frames=Path(RESULTS, "frames"),
        training=CONFIG.train,
        compute=CONFIG.compute,
    message:
        "Computing the CLIP features for the training of fold {wildcards.fold}"
    script:
        "../scripts/features.py"


rule train_fold:
    input:
        unpack(get_training_inputs),
    output:
        best=f"{MODELS}/fold{{fold}}/best.pt",
        last=f"{MODELS}/fold{{fold}}/last.pt",
        steps=f"{MODELS}/fold{{fold}}/steps.csv",
        metrics=f"{MODELS}/fold{{fold}}/metrics.csv",
    log:
        f"{RESULTS}/logs/train/{CONFIG.train.name}/fold{{fold}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train/{CONFIG.train.name}/fold{{fold}}.tsv"
    conda:
        "../envs/train.yaml"
    threads: CONFIG.compute.cores
    resources:
        **get_gpus(CONFIG.compute.processes),
        mem_mb=16000,
        runtime=1440,
    params:
        version=version("train"),
        train=TRAIN,
        model=settings("model"),
        training=CONFIG.train,
        compute=CONFIG.compute,
        frames=Path(RESULTS, "frames"),
        running=Path(RESULTS, "training", CONFIG.train.name),
        features=Path(FEATURES),
    message:
        "Training the model of fold {wildcards.fold}"
    script:
        "../scripts/train_fold.py"
