"""From 360° videos and gaze to a text-driven saliency dataset: the configuration and the default target."""

import gc
import hashlib
import os
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.settings.types import DeploymentMethod
from snakemake.utils import min_version, update_config

min_version("9.20")
# A plan has millions of permanent objects; checking them for garbage takes a sixteenth of the planning time.
gc.set_threshold(200_000, 50, 100)

from tsalv360.captions import shard_of
from tsalv360.captions.settings import check_installed as check_captioner_installed
from tsalv360.config import (
    check_writable,
    load_config,
    make_folds,
    plan_recordings,
    with_nulls,
)
from tsalv360.contracts.settings import tracked
from tsalv360.evaluation.external import stamp
from tsalv360.explorer import BUNDLE
from tsalv360.job.installed import link_package
from tsalv360.job.yaml_file import read_mapping
from tsalv360.sources import demo, published
from tsalv360.training.settings import check_cache, check_clips, check_weights
from tsalv360.training.settings import check_installed as check_training_installed
from tsalv360.workflow.curated import before_build, of_dataset
from tsalv360.workflow.records import announce, keep_outputs, keep_records_in, retrained

# Scripts in a separate environment find this package, and end when this process ends.
PACKAGE = link_package(Path(".snakemake", "package"))
os.environ.update(
    PYTHONPATH=f"{PACKAGE}{os.pathsep}{os.getenv('PYTHONPATH', '')}",
    TSALV360_RUN=f"{os.getpid()}",
)


# Beside this file, which a project's own Snakefile includes.
HERE = workflow.current_basedir.get_path_or_uri(secret_free=True)


configfile: Path(HERE, "config", "config.yaml")


# Local settings, unless a config is named on the command line.
LOCAL = Path("config/local.yaml")
OVERRIDES = workflow.overwrite_configfiles or [
    file for file in [LOCAL] if file.exists()
]
try:
    for file in OVERRIDES:
        read_mapping(file)  # raises what Snakemake passes over, such as two equal keys
except ValueError as error:
    raise WorkflowError(f"The configuration cannot be used.\n{error}") from None
if OVERRIDES == [LOCAL]:

    configfile: LOCAL

    print(f"{LOCAL} overrides the default config.", file=sys.stderr)


# Of the command line; the files' own are read as YAML.
update_config(config, with_nulls(workflow.config_settings.config))

try:
    CONFIG = load_config(config)
    RECORDINGS = plan_recordings(CONFIG)
    FOLDS = CONFIG.chosen_folds()
    SPLITS = make_folds(CONFIG, RECORDINGS)
    check_clips(CONFIG.model)
    check_cache(CONFIG.model, CONFIG.train)
    check_writable(CONFIG.folder())
except ValueError as error:
    raise WorkflowError(f"The configuration cannot be used.\n{error}") from None

RESULTS = CONFIG.folder()
MODELS = f"{RESULTS}/models/{CONFIG.train.name}"
# No training run can have the second name.
EVALUATED = CONFIG.train.name if CONFIG.evaluate.model else "without_model"
EVALUATION = f"{RESULTS}/evaluation/{EVALUATED}"
keep_records_in(RESULTS)
announce(workflow, retrained, lambda plan: before_build(plan, CONFIG, CONSTRUCTED))
VIDEOS = list(RECORDINGS)
# Videos of a published dataset already have maps and captions; the others are constructed from gaze.
PUBLISHED = [v for v in VIDEOS if RECORDINGS[v].gaze_format == published.PUBLISHED]
CONSTRUCTED = [v for v in VIDEOS if RECORDINGS[v].gaze_format != published.PUBLISHED]
SHARDS = {video: shard_of(video, CONFIG.captions.shards) for video in CONSTRUCTED}
VIDEOS_OF_SHARD = {shard: [] for shard in SHARDS.values()}
for video, shard in SHARDS.items():
    VIDEOS_OF_SHARD[shard].append(video)
ANY_VIDEO = "[A-Za-z0-9-]+"
WITH_CONDA = DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method


wildcard_constraints:
    video=ANY_VIDEO,
    shard="[0-9]{4}",
    fold="[0-9]+",


include: "rules/common.smk"
include: "rules/demo.smk"
include: "rules/index.smk"
include: "rules/frames.smk"
include: "rules/fixations.smk"
include: "rules/events.smk"
include: "rules/reliability.smk"
include: "rules/saliency.smk"
include: "rules/viewports.smk"
include: "rules/sound.smk"
include: "rules/sheets.smk"
include: "rules/captions.smk"
include: "rules/tasks.smk"
include: "rules/dataset.smk"
include: "rules/explorer.smk"
include: "rules/train.smk"
include: "rules/evaluate.smk"
include: "rules/publish.smk"


keep_outputs(workflow.rules)


onsuccess:
    print(*of_dataset(CONFIG), sep="\n", end="", file=sys.stderr)


rule all:
    default_target: True
    input:
        rules.dataset.output,
        rules.explorer.output if CONSTRUCTED else [],
        expand(rules.tasks.output, video=CONSTRUCTED),
