"""The command `tsalv360`: what people do beside the workflow."""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

from snakemake.common.configfile import load_configfile
from snakemake.exceptions import WorkflowError
from snakemake.utils import update_config

from tsalv360.captions.compare import write_comparison
from tsalv360.check import check_data
from tsalv360.check.table import as_text
from tsalv360.config import ConfigError, load_config
from tsalv360.evaluation.summary import compare_models, comparison_text
from tsalv360.job.errors import InputError
from tsalv360.job.files import write_json
from tsalv360.job.libraries import require_extra
from tsalv360.media.video import View
from tsalv360.prediction import predict, write_predictions
from tsalv360.prediction.outputs import Format, Maps, TableFormat, refuse_existing
from tsalv360.prediction.windows import Precision

DEFAULT = Path(__file__).parents[1] / "config" / "config.yaml"
LOCAL = Path("config", "local.yaml")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="tsalv360", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    data = commands.add_parser("data", help="videos and gaze").add_subparsers(required=True, metavar="COMMAND")
    _add_check(data.add_parser("check", help="look into the folders of the config before anything runs"))
    captions = commands.add_parser("captions", help="captions of events")
    captioning = captions.add_subparsers(required=True, metavar="COMMAND")
    _add_compare(captioning.add_parser("compare", help="captions of two backends side by side, with the clips"))
    curation = commands.add_parser("curation", help="people judge the events in Label Studio")
    _add_curation(curation.add_subparsers(required=True, metavar="COMMAND"))
    _add_predict(commands.add_parser("predict", help="saliency of prompts in a video, by a trained model"))
    evaluation = commands.add_parser("evaluate", help="trained models").add_subparsers(required=True, metavar="COMMAND")
    _add_evaluate_compare(evaluation.add_parser("compare", help="two models on the same clips"))
    options = parser.parse_args(arguments)
    try:
        return options.run(options)
    except InputError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    except (ConfigError, WorkflowError, OSError) as error:
        print(f"The configuration cannot be used.\n{error}", file=sys.stderr)
        return 1


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.description = "Look into all videos and gaze of the config. Exit status 0 when the build can run, else 1."
    _add_configfile(parser)
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)), help="default: all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was found there too")
    parser.set_defaults(run=_check)


def _add_compare(parser: argparse.ArgumentParser) -> None:
    parser.description = "Write a page with the captions of two backends that both captioned the dataset of the config."
    _add_configfile(parser)
    parser.add_argument(
        "--backends", nargs=2, metavar=("FIRST", "SECOND"), help="default: the first two of captions.backends"
    )
    parser.add_argument("--clip-weights", type=Path, metavar="FILE", help="of CLIP RN50: adds the CLIP similarity")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="default: captions_compare.html in the dataset's results"
    )
    parser.set_defaults(run=_compare)


def _add_curation(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    for name, meaning in {
        "start": "run a Label Studio of your own with the tasks of the dataset, until Ctrl-C",
        "push": "bring the tasks to Label Studio: makes new ones, updates changed ones, touches no work of people",
        "status": "show how far the curation is",
        "pull": "bring what people said into curation/, files for git",
        "import": "bring an export (JSON) of any Label Studio into curation/, without a server",
    }.items():
        command = commands.add_parser(name, help=meaning, description=f"{meaning[0].upper()}{meaning[1:]}.")
        _add_configfile(command)
        command.set_defaults(run=_curation, command=name)
        if name == "push":
            command.add_argument(
                "--send-back",
                action="store_true",
                help="also make a further task of each event on which people disagree",
            )
        if name == "import":
            command.add_argument("file", type=Path, metavar="FILE")


def _add_predict(parser: argparse.ArgumentParser) -> None:
    parser.description = "Write where people look in a 360° video for what sentences say. Needs the extra train."
    parser.add_argument(
        "video", type=Path, metavar="VIDEO", help="a 360° video, or a folder of frames such as 0021.jpg"
    )
    parser.add_argument("--text", action="append", required=True, help="what to look for; may be given several times")
    parser.add_argument("--checkpoint", type=Path, required=True, metavar="FILE", help="trained weights")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="default: VIDEO's name and -saliency")
    parser.add_argument("--stride", type=int, default=1, help="frames at 16 fps from map to map, 1 to 8; default: 1")
    parser.add_argument("--maps", choices=get_args(Maps), default="video", help="how maps are kept; default: video")
    parser.add_argument("--table", choices=get_args(TableFormat), default="csv", help="default: csv")
    parser.add_argument(
        "--format", choices=get_args(Format), default="own", help="tsv360: maps as TSV360 has them, too"
    )
    parser.add_argument("--compare", action="store_true", help="a video of all prompts side by side, too")
    parser.add_argument("--device", default="auto", help="cpu, cuda, mps …; default: a GPU where there is one")
    parser.add_argument("--precision", choices=get_args(Precision), default="float32", help="default: float32")
    parser.add_argument("--height", type=int, default=960, help="of the frames trained with, in pixels; default: 960")
    parser.add_argument("--fps", type=float, help="native rate of a folder of frames")
    parser.add_argument("--view", choices=get_args(View), default="whole", help="which part of stereo pictures")
    parser.add_argument("--force-2to1", action="store_true", help="take pictures of any shape as full panoramas")
    parser.set_defaults(run=_predict)


def _add_evaluate_compare(parser: argparse.ArgumentParser) -> None:
    parser.description = "Compare two models on the same clips: paired differences, with 95 % intervals by video."
    for name in ("first", "second"):
        parser.add_argument(name, type=Path, metavar=name.upper(), help="a folder of an evaluation, or its scores")
    parser.set_defaults(run=_evaluate_compare)


def _add_configfile(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--configfile", nargs="+", type=Path, default=[], help="as snakemake's; default: config/local.yaml, if there"
    )


def read_config(files: Sequence[Path]) -> dict[str, Any]:
    """The content of config files laid over the default one, as the Snakefile does: `files`, else config/local.yaml."""
    content: dict[str, Any] = load_configfile(DEFAULT)
    if not files and LOCAL.exists():
        print(f"{LOCAL} lies over the default config.", file=sys.stderr)
        files = [LOCAL]
    for file in files:
        update_config(content, load_configfile(file))
    return content


def _check(options: argparse.Namespace) -> int:
    check = check_data(load_config(read_config(options.configfile)), options.cores)
    print(as_text(check))
    if options.json:
        write_json(options.json, asdict(check))
    return 0 if check.can_build else 1


def _compare(options: argparse.Namespace) -> int:
    config = load_config(read_config(options.configfile))
    backends = options.backends or config.captions.backends[:2]
    if len(backends) < 2:
        raise InputError("captions.backends", f"only {backends[0]}", "two to compare", "Name them with --backends.")
    measure, why = None, "no weights were named (--clip-weights FILE)."
    if options.clip_weights:
        if find_spec("open_clip"):
            from tsalv360.captions.similarity import Similarity

            measure = Similarity(options.clip_weights)
        else:
            why = "open_clip, of the extra train, is not installed."
    page = options.output or config.folder() / "captions_compare.html"
    both = backends[0], backends[1]
    n_events = write_comparison(config.folder(), config.captions.shards, both, page, measure, why)
    print(f"{page}: {n_events} events" + ("" if measure else f"; CLIP similarity left out: {why}"))
    return 0


def _curation(options: argparse.Namespace) -> int:
    require_extra("tsalv360 curation", "curation", ("label_studio_sdk",))
    from tsalv360.curation import commands

    config = load_config(read_config(options.configfile))
    match options.command:
        case "start":
            commands.start(config)
        case "push":
            commands.push(config, options.send_back)
        case "status":
            commands.status(config)
        case "pull":
            commands.pull(config)
        case "import":
            commands.import_file(config, options.file)
    return 0


def _predict(options: argparse.Namespace) -> int:
    output = options.output or Path(f"{options.video.absolute().stem}-saliency")
    refuse_existing(output)
    asked = {
        name: getattr(options, name)
        for name in ("stride", "device", "precision", "height", "fps", "view", "force_2to1")
    }
    predictions = predict(options.video, options.text, options.checkpoint, **asked)
    wanted = {name: getattr(options, name) for name in ("maps", "table", "format", "compare")}
    print(f"{len(write_predictions(predictions, output, **wanted))} maps: {output}")
    return 0


def _evaluate_compare(options: argparse.Namespace) -> int:
    print(comparison_text(compare_models(options.first, options.second)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
