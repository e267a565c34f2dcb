# What the rules have in common: their parameters, and their input functions.


# Parameters. Snakemake runs a job again when one of its plain parameters changes, so a rule names the settings that its
# results depend on, and no others. How and where a job runs it gets as an object, which Snakemake does not compare.

# Raised when the results of a stage change for the same input and settings: an upgrade then makes them again.
VERSIONS = {
    "demo": 1,
    "index": 2,
    "frames": 1,
    "fixations": 1,
    "events": 1,
    "saliency": 1,
    "viewports": 1,
    "sound": 1,
    "sheets": 1,
    "captions": 1,
    "tasks": 1,
    "assemble": 1,
    "import_video": 1,
    "clips": 1,
    "dataset": 1,
    "report": 1,
    "features": 1,
    "train": 1,
    "evaluate": 1,
}


def version(stage):
    return f"{stage} version {VERSIONS[stage]}"


def settings(section, *names):
    """The settings of a section of the config, or those of these names."""
    values = tracked(getattr(CONFIG, section))
    return {name: values[name] for name in names or values}


def if_curated(values):
    """The settings, where people's verdicts enter the dataset; drafts depend on none of them."""
    return values if CONFIG.curation.mode == "curated" else {}


def recording(*names):
    """What the config says of a video, by name."""
    return lambda w: {name: getattr(RECORDINGS[w.video], name) for name in names}


def stamps(name):
    """Sizes and times, in seconds, of a video's source files. An older file that replaces one is seen by these alone."""

    def get_stamps(wildcards):
        if DEMO and wildcards.video in demo.video_ids(DEMO):
            return []  # not there yet
        sources = getattr(RECORDINGS[wildcards.video], name)
        files = [sources] if name == "video" else sources
        return [[file.stat().st_size, int(file.stat().st_mtime)] for file in files]

    return get_stamps


ORIGINS = {video: tuple(one.origin) for video, one in RECORDINGS.items()}
SOURCES = {video: source for video, (source, _) in ORIGINS.items()}
# Weights count by their name, and as an input, wherever they lie.
TRAIN = settings("train") | {"weights": Path(CONFIG.train.weights).name}
del TRAIN["name"]
FEATURE_SETTINGS = {
    name: TRAIN[name]
    for name in ("weights", "clips", "stride", "roll", "flip", "cached_rolls", "seed")
}
# Two runs that read the same features share them.
FEATURES = "{}/features/{}".format(
    RESULTS,
    hashlib.sha256(repr([FEATURE_SETTINGS, settings("model")]).encode()).hexdigest()[
        :8
    ],
)


# Input functions


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


def get_media(wildcards):
    # What curators see and hear.
    media = rules.sound if CONFIG.viewports.sound else rules.viewports
    return expand(media.output, video=wildcards.video)[0]


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


def get_truth(wildcards):
    drawn = demo.video_ids(DEMO) if DEMO else []
    return [demo.truth_path(DEMO, video) for video in drawn if video in VIDEOS]


def get_camera_paths(wildcards):
    return CONFIG.report.camera_path_files(VIDEOS)


def videos_of_fold(fold, *parts):
    return [video for part in parts for video in SPLITS[int(fold)][part]]


def get_weights():
    return [] if CONFIG.train.weights in ("", "random") else CONFIG.train.weights


def get_feature_inputs(wildcards):
    videos = videos_of_fold(wildcards.fold, "train", "validation")
    return {
        "clips": rules.clips.output[0],
        "frames": expand(rules.frames.output, video=videos),
        "weights": get_weights(),
    }


def get_training_inputs(wildcards):
    # A model that is there already needs nothing more.
    if not Path(MODELS, f"fold{wildcards.fold}", "best.pt").exists():
        stop_unless(check_weights, CONFIG.model, CONFIG.train)
        if not WITH_CONDA:
            stop_unless(check_training_installed)
    features = expand(rules.features.output, fold=wildcards.fold)
    return {
        **get_feature_inputs(wildcards),
        "features": features if CONFIG.train.cached_rolls else [],
    }


def get_gpus(n):
    return {} if CONFIG.compute.device == "cpu" else {"gpu": n}


def check_tested(dataset):
    if dataset.folds == 1:
        raise ValueError("dataset.folds: 1 fold tests no video; set 2 or more")


def get_evaluation_inputs(wildcards):
    # Scores that are there already need nothing more.
    if not Path(EVALUATION, f"fold{wildcards.fold}.parquet").exists():
        stop_unless(check_tested, CONFIG.dataset)
        if not WITH_CONDA:
            stop_unless(check_training_installed)
    return {
        "clips": rules.clips.output[0],
        "frames": expand(
            rules.frames.output, video=videos_of_fold(wildcards.fold, "test")
        ),
        "model": expand(rules.train_fold.output.best, fold=wildcards.fold)[0],
    }


def one_of(videos):
    if len(videos) == len(VIDEOS):
        return ANY_VIDEO  # a pattern of thousands of names is tried name by name
    return "|".join(videos) or "(?!)"  # of none: a pattern that nothing fits
