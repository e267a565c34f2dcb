# Input functions. Settings go to the scripts as plain dicts: a change of other objects would trigger no rerun.


def get_stamps(video, *sources):
    # Of a source that an older file replaces the time is no newer, which is all that Snakemake looks at. Those of the
    # demo are not there yet.
    if DEMO and video in demo.video_ids(DEMO):
        return []
    stats = [source.stat() for source in sources]
    return [[stat.st_size, stat.st_mtime_ns] for stat in stats]


def get_videos_of_shard(wildcards):
    return VIDEOS_OF_SHARD.get(wildcards.shard, [])


def get_captioner_resources():
    memory = 24000 if loads_model(CONFIG.captions) else 1500
    minutes = 1440 if needs_extra(CONFIG.captions) else 60
    gpu = {"gpu": 1} if needs_gpu(CONFIG.captions) else {}
    return {"mem_mb": memory, "runtime": minutes, **gpu}


def stop_unless(check, *given):
    # Before anything runs, with the message alone.
    try:
        check(*given)
    except ValueError as error:
        raise WorkflowError(str(error)) from None


def get_shard_inputs(wildcards):
    # A shard that is there already needs no captioner; conda brings what is missing.
    there = Path(RESULTS, "captions", "shards", f"{wildcards.shard}.json").exists()
    if not there and not WITH_CONDA:
        stop_unless(check_captioner_installed, CONFIG.captions)
    videos = get_videos_of_shard(wildcards)
    return {
        "viewports": expand(rules.viewports.output, video=videos),
        "events": expand(rules.events.output.events, video=videos),
        "tracks": expand(rules.events.output.tracks, video=videos),
    }


def get_captions(wildcards):
    return expand(rules.captions.output, shard=SHARDS[wildcards.video])[0]


def get_all_captions(wildcards):
    return expand(rules.captions.output, shard=sorted(set(SHARDS.values())))


def records_of(videos):
    # People's work, where there is some. Drafts do not look at it.
    files = [CONFIG.curation.file(CONFIG.dataset.name, video) for video in videos]
    curated = CONFIG.curation.mode == "curated"
    return [str(file) for file in files if curated and file.exists()]


def get_records(wildcards):
    return records_of([wildcards.video])


def get_all_records(wildcards):
    return records_of(CONSTRUCTED)


def get_curation(wildcards):
    if CONFIG.curation.mode == "draft":
        return None
    return {
        "uncurated": CONFIG.curation.uncurated,
        "lead_s": CONFIG.viewports.lead_s,
        "assign_deg": CONFIG.events.assign_deg,
        "saliency": asdict(CONFIG.saliency),
    }


def get_truth(wildcards):
    drawn = demo.video_ids(DEMO) if DEMO else []
    return [demo.truth_path(DEMO, video) for video in drawn if video in VIDEOS]


def get_camera_paths(wildcards):
    return CONFIG.report.camera_path_files(VIDEOS)


def get_feature_inputs(wildcards):
    weights = CONFIG.train.weights
    return {
        "dataset": rules.dataset.output[0],
        "frames": expand(rules.frames.output, video=VIDEOS),
        "weights": [] if weights in ("", "random") else weights,
    }


def get_training_inputs(wildcards):
    # A model that is there already needs nothing more.
    if not Path(RESULTS, "models", f"fold{wildcards.fold}", "best.pt").exists():
        stop_unless(check_weights, CONFIG.model, CONFIG.train)
        if not WITH_CONDA:
            stop_unless(check_training_installed)
    features = rules.features.output if CONFIG.train.cached_turns else []
    return {**get_feature_inputs(wildcards), "features": features}


def get_gpus(n):
    return {} if CONFIG.train.device == "cpu" else {"gpu": n}


def check_tested(dataset):
    if dataset.folds == 1:
        raise ValueError("dataset.folds: 1 fold tests no video; set 2 or more")


def get_evaluation_inputs(wildcards):
    # Scores that are there already need nothing more.
    if not Path(RESULTS, "evaluation", f"fold{wildcards.fold}.parquet").exists():
        stop_unless(check_tested, CONFIG.dataset)
        if not WITH_CONDA:
            stop_unless(check_training_installed)
    return {
        "dataset": rules.dataset.output[0],
        "frames": expand(rules.frames.output, video=VIDEOS),
        "model": expand(rules.train_fold.output.best, fold=wildcards.fold)[0],
    }


def one_of(videos):
    if len(videos) == len(VIDEOS):
        return ANY_VIDEO  # a pattern of thousands of names is tried name by name
    return "|".join(videos) or "(?!)"  # of none: a pattern that nothing fits
