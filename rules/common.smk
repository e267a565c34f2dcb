# Parameters and input functions that the rules share.


# Parameters. Snakemake runs a job again when one of its plain parameters changes, so a rule names the settings that its
# results depend on, and no others. How and where a job runs is passed as an object, which Snakemake does not compare.

# Raise a version when the stage gives other results for the same input and settings: an upgrade then runs it again.
VERSIONS = {
    "demo": 2,
    "index": 3,
    "frames": 1,
    "fixations": 3,
    "events": 3,
    "reliability": 1,
    "saliency": 4,
    "viewports": 1,
    "sound": 1,
    "sheets": 1,
    "captions": 4,
    "tasks": 2,
    "assemble": 5,
    "import_video": 3,
    "clips": 2,
    "dataset": 4,
    "explorer_video": 1,
    "explorer_page": 1,
    "explorer": 1,
    "features": 1,
    "train": 2,
    "evaluate": 4,
    "pack_pictures": 1,
    "publish": 1,
}


def version(stage):
    return f"{stage} version {VERSIONS[stage]}"


def settings(section, *names):
    """Return the settings of a section of the config, all or those with these names."""
    values = tracked(getattr(CONFIG, section))
    return {name: values[name] for name in names or values}


def if_curated(values):
    """Return the settings in a curated dataset; a draft depends on none of them."""
    return values if CONFIG.curation.mode == "curated" else {}


def recording(*names):
    """Return a function that gives these fields of a video's recording."""
    return lambda w: {name: getattr(RECORDINGS[w.video], name) for name in names}


def stamps(name):
    """Return a function that gives sizes and times (s) of a video's source files, which reveal an older replacement."""

    def get_stamps(wildcards):
        if is_drawn(wildcards.video):
            return []  # the files do not exist yet
        sources = getattr(RECORDINGS[wildcards.video], name)
        files = [sources] if name == "video" else sources
        return [[file.stat().st_size, int(file.stat().st_mtime)] for file in files]

    return get_stamps


ORIGINS = {video: tuple(one.origin) for video, one in RECORDINGS.items()}
SOURCES = {video: one.source for video, one in RECORDINGS.items()}
# Weights count by their name and as an input, wherever they are stored.
TRAIN = settings("train") | {"weights": Path(CONFIG.train.weights).name}
del TRAIN["name"]
FEATURE_SETTINGS = {
    name: TRAIN[name]
    for name in ("weights", "clips", "stride", "roll", "flip", "cached_rolls", "seed")
}
# Runs that read the same features share them.
FEATURE_HASH = hashlib.sha256(repr([FEATURE_SETTINGS, settings("model")]).encode())
FEATURES = f"{RESULTS}/features/{FEATURE_HASH.hexdigest()[:8]}"


# Input functions


def get_videos_of_shard(wildcards):
    return VIDEOS_OF_SHARD.get(wildcards.shard, [])


def get_captioner_resources():
    memory = 24000 if CONFIG.captions.loads_model else 1500
    minutes = 1440 if CONFIG.captions.needs_extra else 60
    gpu = {"gpu": 1} if CONFIG.captions.needs_gpu else {}
    return {"mem_mb": memory, "runtime": minutes, **gpu}


def stop_unless(check, *given):
    # Stops before anything runs, with the message only.
    try:
        check(*given)
    except ValueError as error:
        raise WorkflowError(str(error)) from None


def get_shard_inputs(wildcards):
    # An existing shard needs no captioner; conda installs what is missing.
    exists = Path(RESULTS, "captions", "shards", f"{wildcards.shard}.json").exists()
    if not exists and not WITH_CONDA:
        stop_unless(check_captioner_installed, CONFIG.captions)
    videos = get_videos_of_shard(wildcards)
    return {
        "viewports": expand(rules.viewports.output, video=videos),
        "events": expand(rules.events.output.events, video=videos),
        "tracks": expand(rules.events.output.tracks, video=videos),
    }


def get_captions(wildcards):
    return expand(rules.captions.output, shard=SHARDS[wildcards.video])[0]


def get_source_maps(wildcards):
    # What spotlights fall on where the source has maps in place of gaze.
    source = RECORDINGS[wildcards.video]
    has_maps = source.gaze_format == "saliency_maps"
    return source.gaze if has_maps and CONFIG.saliency.method == "spotlight" else []


def get_media(wildcards):
    # The folder of videos that curators watch.
    media = rules.sound if CONFIG.viewports.sound else rules.viewports
    return expand(media.output, video=wildcards.video)[0]


def get_all_captions(wildcards):
    return expand(rules.captions.output, shard=sorted(set(SHARDS.values())))


def existing_records(videos):
    # The curators' records; a draft does not read them.
    files = [CONFIG.curation.file(CONFIG.dataset.name, video) for video in videos]
    curated = CONFIG.curation.mode == "curated"
    return [str(file) for file in files if curated and file.exists()]


def get_records(wildcards):
    return existing_records([wildcards.video])


def get_all_records(wildcards):
    return existing_records(CONSTRUCTED)


def get_truth(wildcards):
    return [demo.truth_path(DEMO, video) for video in VIDEOS if is_drawn(video)]


def get_truth_of_video(wildcards):
    video = wildcards.video
    return [demo.truth_path(DEMO, video)] if is_drawn(video) else []


def get_camera_paths(wildcards):
    return CONFIG.explorer.camera_path_files(VIDEOS)


def splits_of(video):
    parts = [(k, part) for k, fold in enumerate(SPLITS) for part in fold]
    return [f"fold {k}: {part}" for k, part in parts if video in SPLITS[k][part]]


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
    # An existing model needs no weights and no libraries.
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


def get_external_stamps(wildcards):
    # Change with the other models' maps of the fold's test videos.
    tested = videos_of_fold(wildcards.fold, "test")
    folders = CONFIG.evaluate.external_folders()
    return {name: stamp(folder, tested) for name, folder in folders.items()}


def get_evaluation_inputs(wildcards):
    # Existing scores need no libraries.
    if not Path(EVALUATION, f"fold{wildcards.fold}.parquet").exists():
        stop_unless(check_tested, CONFIG.dataset)
        if CONFIG.evaluate.model and not WITH_CONDA:
            stop_unless(check_training_installed)
    stop_unless(CONFIG.evaluate.external_folders)
    best = rules.train_fold.output.best
    return {
        "clips": rules.clips.output[0],
        "frames": expand(
            rules.frames.output, video=videos_of_fold(wildcards.fold, "test")
        ),
        "model": (
            expand(best, fold=wildcards.fold)[0] if CONFIG.evaluate.model else []
        ),
    }


def one_of(videos):
    if len(videos) == len(VIDEOS):
        return ANY_VIDEO  # matching thousands of alternatives is slow
    return "|".join(videos) or "(?!)"  # matches nothing


def is_drawn(video):
    return bool(DEMO) and video in demo.video_ids(DEMO)


# How frames are extracted, for whoever has the videos of a published dataset.
OF_ALL = settings("frames", "format", "jpeg_quality", "jpeg_chroma", "ready")
OF_ALL["size"] = [CONFIG.frames.height, 2 * CONFIG.frames.height]
EXTRACTION = {video: {**OF_ALL, "view": one.view} for video, one in RECORDINGS.items()}
