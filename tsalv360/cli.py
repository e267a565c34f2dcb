"""The command `tsalv360`: tools beside the Snakemake workflow."""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from shlex import quote
from textwrap import fill
from typing import Any, get_args

from snakemake.exceptions import WorkflowError
from snakemake.utils import update_config

from tsalv360 import __version__
from tsalv360.captions.compare import Similarity, write_comparison
from tsalv360.check import as_text, check_data
from tsalv360.config import Config, ConfigError, load_config
from tsalv360.evaluation.summary import compare_models, comparison_text
from tsalv360.job.errors import InputError
from tsalv360.job.files import write_json
from tsalv360.job.installed import FILES
from tsalv360.job.libraries import require_extra
from tsalv360.job.yaml_file import read_mapping
from tsalv360.media.video import View
from tsalv360.prediction import predict, write_predictions
from tsalv360.prediction.outputs import Format, Maps, TableFormat, refuse_existing, summary
from tsalv360.prediction.windows import Precision
from tsalv360.workflow.project import TEMPLATES, make_project

DEFAULT = FILES / "config" / "config.yaml"
LOCAL = Path("config", "local.yaml")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        status = options.run(options)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # what reads the output has enough, such as head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what Python flushes when it ends
        return 128 + signal.SIGPIPE
    except (InputError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except (ConfigError, WorkflowError) as error:
        print(f"The configuration cannot be used.\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130


_GROUPS = {
    "data": "Videos and gaze",
    "captions": "Captions of events",
    "curation": "Review of events by curators, in Label Studio",
    "evaluate": "Models that were evaluated",
}
_WIDTH = 110  # of a line of help


def _parser() -> argparse.ArgumentParser:
    parsers, groups, listed = dict[str, argparse.ArgumentParser](), dict[str, Any](), dict[str, str]()

    def add_group(name: str, parser: argparse.ArgumentParser) -> None:
        """Let a parser have commands; without one it shows its help, which lists them."""
        parser.formatter_class = argparse.RawDescriptionHelpFormatter

        def show(options: argparse.Namespace) -> int:
            parser.print_help()
            return 0

        parser.set_defaults(run=show)
        parsers[name], groups[name] = parser, parser.add_subparsers(metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int], text: str, config: bool = True) -> Any:
        """Add a command with its help text, whose first sentence is the short one; returns its `add_argument`."""
        group, _, action = name.rpartition(" ")
        if group not in groups:
            add_group(group, groups[""].add_parser(group))
        listed[name] = f"{text.split('. ')[0].rstrip('.')}."
        added = groups[group].add_parser(action, description=text)
        added.set_defaults(run=run, command=action)
        if config:
            where = "as for snakemake; default: config/local.yaml, if there is one"
            added.add_argument("--configfile", nargs="+", type=Path, default=[], help=where)
        return added.add_argument

    add_group("", argparse.ArgumentParser(prog="tsalv360"))
    parsers[""].add_argument("--version", action="version", version=f"tsalv360 {__version__}")
    text = "Make a folder for a data set of your own: Snakefile, config and profiles. Its name becomes the data set's. "
    text += "The workflow itself stays in the installed package."
    add = command("init", _init, text, config=False)
    add("folder", type=Path, metavar="FOLDER", help="a new or empty folder")
    templates = "; ".join(f"{name}: {content}" for name, content in TEMPLATES.items())
    add("--template", choices=TEMPLATES, default="own-recordings", help=f"{templates}; default: own-recordings")

    text = "Check the videos and gaze of the config. Exit status 0 when the build can run, else 1."
    add = command("data check", _check, text)
    add("--cores", type=int, default=len(os.sched_getaffinity(0)), help="default: all")
    add("--json", type=Path, metavar="FILE", help="also write the findings to FILE")

    text = (
        "Guess the settings that read a gaze table. Print the entry for `videos` in the config, below comments: three "
    )
    text += "rows as directions on a panorama, statistics that betray a wrong guess, and what is uncertain."
    add = command("data import", _import_table, text, config=False)
    text = "a CSV, TSV or Parquet table, or a folder or several files with one observer each"
    add("table", nargs="+", type=Path, metavar="TABLE", help=text)
    add("--video", type=Path, metavar="FILE", help="the video, whose length and size help to guess")
    add("--picture", type=Path, metavar="FILE", help="also draw the gaze over the video's first frame into FILE (PNG)")

    text = "Add the frames that a published dataset may not pass on, from your own copies of its videos."
    add = command("data attach", _attach, text, config=False)
    add("folder", type=Path, metavar="FOLDER", help="the published folder")
    add("--videos", type=Path, required=True, metavar="VIDEOS", help="folder with the videos, under any names")

    text = "Write a page that compares the captions of two backends. Both must have captioned the dataset."
    add = command("captions compare", _compare_captions, text)
    add("--backends", nargs=2, metavar=("FIRST", "SECOND"), help="default: the first two of captions.backends")
    add("--clip-weights", type=Path, metavar="FILE", help="weights of CLIP RN50, which add the CLIP similarity")
    add("--output", type=Path, metavar="FILE", help="default: captions_compare.html in the dataset's results")

    command("curation start", _curate, "Run your own Label Studio with the tasks of the dataset, until Ctrl-C.")
    text = "Send the tasks to Label Studio: create new ones, update changed ones, keep the work of curators."
    add = command("curation push", _curate, text)
    text = "also create another task for each event on which curators disagree"
    add("--send-back", action="store_true", help=text)
    command("curation status", _curate, "Show the progress of the curation.")
    command("curation pull", _curate, "Save the annotations of curators in curation/, in files for git.")
    text = "Import a JSON export of any Label Studio into curation/, without a server."
    add = command("curation import", _curate, text)
    add("file", type=Path, metavar="FILE", help="the export")

    text = "Predict the saliency of prompts in a 360° video with a trained model. Needs the extra train."
    add = command("predict", _predict, text, config=False)
    add("video", type=Path, metavar="VIDEO", help="a 360° video, or a folder of frames such as 0021.jpg")
    add("--text", action="append", required=True, help="what to look for; may be given several times")
    add("--checkpoint", type=Path, required=True, metavar="FILE", help="trained weights")
    add("--output", type=Path, metavar="FOLDER", help="default: the name of VIDEO followed by -saliency")
    add("--stride", type=int, default=1, help="frames at 16 fps from one map to the next, 1 to 8; default: 1")
    add("--maps", choices=get_args(Maps), default="video", help="format of the maps; default: video")
    add("--table", choices=get_args(TableFormat), default="csv", help="format of the table; default: csv")
    add("--format", choices=get_args(Format), default="own", help="tsv360: also write the maps as TSV360 has them")
    add("--compare", action="store_true", help="also write a video of all prompts side by side")
    add("--device", default="auto", help="cpu, cuda, mps …; default: a GPU where there is one")
    add("--precision", choices=get_args(Precision), default="float32", help="default: float32")
    add(
        "--height",
        type=int,
        help="of the frames in training, in pixels; default: as the checkpoint says, or 960",
    )
    add("--fps", type=float, help="native frame rate of a folder of frames")
    add("--view", choices=get_args(View), default="whole", help="the part of stereo pictures to use; default: whole")
    add("--force-2to1", action="store_true", help="take pictures of any shape as full panoramas")

    text = (
        "Look around in the dataset, or in any 360° video, in your browser, until Ctrl-C. With a checkpoint, type what "
    )
    text += "to look for and see the model's saliency, which needs the extra train."
    add = command("explore", _explore, text)
    video = "a 360° video, or a folder of frames such as 0021.jpg, in place of the dataset"
    add("video", type=Path, nargs="?", metavar="VIDEO", help=video)
    add("--checkpoint", type=Path, metavar="FILE", help="trained weights of the model that answers prompts")
    add("--port", type=int, help="default: 8360, or the next one that is free")
    add("--no-browser", action="store_true", help="print the address alone")
    add("--device", help="of the model: cpu, cuda, mps …; default: a GPU where there is one")
    add("--precision", choices=get_args(Precision), help="of the model; default: float32")
    add(
        "--height",
        type=int,
        help="of VIDEO: as in predict; default: as the checkpoint says, or 960",
    )
    add("--fps", type=float, help="of VIDEO: native frame rate of a folder of frames")
    add("--view", choices=get_args(View), help="of VIDEO: the part of stereo pictures to use; default: whole")
    add("--force-2to1", action="store_true", help="of VIDEO: take pictures of any shape as full panoramas")

    text = "Send the published folder to the Hugging Face Hub, to Zenodo (as a draft), or to another folder. "
    text += "Without --yes, print what would be sent. A second run goes on where the first stopped."
    add = command("publish", _publish, text)
    add("--to", choices=("hub", "zenodo", "folder"), required=True, help="where to")
    add("--repo", metavar="USER/NAME", help="of the Hub; default: publish.repository of the config")
    add("--public", action="store_true", help="of the Hub: everybody sees the repository; default: private")
    add("--space", action="store_true", help="of the Hub: also send the explorer, as the static Space NAME-explorer")
    add("--path", type=Path, metavar="FOLDER", help="the folder to copy to")
    add("--yes", action="store_true", help="send it")

    text = "Compare two models on the same clips: paired differences, with 95 % intervals by video."
    add = command("evaluate compare", _compare_models, text, config=False)
    for name in ("first", "second"):
        add(name, type=Path, metavar=name.upper(), help="folder of an evaluation, or its file of scores")

    text = "Rank the models of several evaluations, and other models' maps in them, on the same clips: with 95 % "
    text += "intervals by video."
    add = command("evaluate table", _rank_models, text, config=False)
    help = "folder of an evaluation, or its file of scores"
    add("evaluations", nargs="+", type=Path, metavar="EVALUATION", help=help)
    add("--output", type=Path, metavar="FILE", help="also write the table to FILE: .md, .tex or .csv")
    for group, parser in parsers.items():
        own = {name: sentence for name, sentence in listed.items() if name.startswith(group)}
        what = "Tools beside the Snakemake workflow." if not group else f"{_GROUPS[group]}."
        parser.description = f"{what}\n\n{_listing(own)}\n\nAll options of one: tsalv360 COMMAND --help"
    return parsers[""]


def _listing(commands: Mapping[str, str]) -> str:
    """Return commands with their sentences, wrapped, below each other."""
    width = max(map(len, commands)) + 4
    wrapped = (
        fill(sentence, _WIDTH, initial_indent=" " * width, subsequent_indent=" " * width)
        for sentence in commands.values()
    )
    return "\n".join(f"  {name}{lines[len(name) + 2 :]}" for name, lines in zip(commands, wrapped, strict=True))


def read_config(files: Sequence[Path]) -> Config:
    """Return the configuration of `files`, else config/local.yaml, over the default one, as the Snakefile reads it."""
    content = read_mapping(DEFAULT)
    if not files and LOCAL.exists():
        print(f"{LOCAL} overrides the default config.", file=sys.stderr)
        files = [LOCAL]
    try:
        for file in files:
            update_config(content, read_mapping(file))
    except OSError as error:
        raise ConfigError(str(error)) from None
    return load_config(content)


def _init(options: argparse.Namespace) -> int:
    folder, here = options.folder, options.folder.absolute() == Path.cwd()
    for file in make_project(folder, options.template):
        print(file)
    print("\nNext:")
    commands = {
        **({} if here else {f"cd {quote(str(folder))}": ""}),
        **({} if options.template == "demo" else {"edit config/local.yaml": "name your files"}),
        "tsalv360 data check": "lists what is there, missing or broken",
        "snakemake --cores 2": "builds the data set; -n shows the plan alone",
    }
    print("\n".join(f"  {name:<24}{what}".rstrip() for name, what in commands.items()))
    return 0


def _check(options: argparse.Namespace) -> int:
    check = check_data(read_config(options.configfile), options.cores)
    print(as_text(check))
    if options.json:
        write_json(options.json, asdict(check))
    return 0 if check.can_build else 1


def _import_table(options: argparse.Namespace) -> int:
    from tsalv360.check.table import as_yaml, draw_gaze, import_table
    from tsalv360.media.pictures import write_picture

    if options.picture and not options.video:
        raise InputError("--picture", "no video", "the video over whose first frame to draw", "Name it with --video.")
    found = import_table(options.table, options.video)
    print(as_yaml(found), end="")
    if options.picture:
        write_picture(options.picture, draw_gaze(found, options.video)[..., ::-1])
    return 0 if found.samples is not None else 1


def _attach(options: argparse.Namespace) -> int:
    from tsalv360.publish.attach import as_text as attached_text
    from tsalv360.publish.attach import attach
    from tsalv360.sources.published_folder import PublishedFolder

    folder = PublishedFolder(options.folder)
    done = attach(folder, options.videos)
    print(attached_text(done, folder))
    return 1 if done.not_found else 0


def _compare_captions(options: argparse.Namespace) -> int:
    config = read_config(options.configfile)
    backends = options.backends or config.captions.backends[:2]
    if len(backends) < 2:
        raise InputError("captions.backends", f"only {backends[0]}", "two to compare", "Name them with --backends.")
    measure, reason = None, "no weights were named (--clip-weights FILE)."
    if options.clip_weights:
        if find_spec("open_clip"):
            measure = Similarity(options.clip_weights)
        else:
            reason = "open_clip, of the extra train, is not installed."
    page = options.output or config.folder() / "captions_compare.html"
    both = backends[0], backends[1]
    n_events = write_comparison(config.folder(), config.captions.shards, both, page, measure, reason)
    print(f"{page}: {n_events} events" + ("" if measure else f"; CLIP similarity left out: {reason}"))
    return 0


def _curate(options: argparse.Namespace) -> int:
    require_extra("tsalv360 curation", "curation", ("label_studio_sdk",))
    from tsalv360.curation import commands

    config = read_config(options.configfile)
    match options.command:
        case "push":
            commands.push(config, options.send_back)
        case "import":
            commands.import_file(config, options.file)
        case "start" | "status" | "pull" as name:
            getattr(commands, name)(config)
    return 0


def _predict(options: argparse.Namespace) -> int:
    output = options.output or Path(f"{options.video.absolute().stem}-saliency")
    refuse_existing(output)
    how = _chosen(options, "stride device precision height fps view force_2to1")
    predictions = predict(options.video, options.text, options.checkpoint, **how)
    table = write_predictions(predictions, output, **_chosen(options, "maps table format compare"))
    print("\n".join([f"{len(table)} maps: {output}", *summary(table, predictions.presence)]))
    return 0


def _explore(options: argparse.Namespace) -> int:
    of_model, of_video = _given(options, "device precision"), _given(options, "height fps view force_2to1")
    for given, needed, name in ((of_model, options.checkpoint, "--checkpoint"), (of_video, options.video, "VIDEO")):
        if given and not needed:
            found = ", ".join(f"--{option.replace('_', '-')}" for option in given)
            raise InputError("explore", found, f"{name} with it", f"Leave it out, or name {name}.")
    from tsalv360.explorer.commands import explore_dataset, explore_video

    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells let commands in the background ignore it
    how = {"checkpoint": options.checkpoint, **of_model, "port": options.port, "browser": not options.no_browser}
    if options.video:
        explore_video(options.video, **how, **of_video)
    else:
        explore_dataset(read_config(options.configfile).folder(), **how)
    return 0


def _publish(options: argparse.Namespace) -> int:
    from tsalv360.publish.upload.commands import publish

    config = read_config(options.configfile)
    how = _chosen(options, "repo public space path yes")
    publish(config.folder(), options.to, settings=config.publish, **how)
    return 0


def _given(options: argparse.Namespace, names: str) -> dict[str, Any]:
    return {name: value for name, value in _chosen(options, names).items() if value not in (None, False)}


def _chosen(options: argparse.Namespace, names: str) -> dict[str, Any]:
    return {name: getattr(options, name) for name in names.split()}


def _compare_models(options: argparse.Namespace) -> int:
    first, second = options.first, options.second
    print(comparison_text(compare_models(first, second), first, second))
    return 0


def _rank_models(options: argparse.Namespace) -> int:
    from tsalv360.evaluation.leaderboard import check_ending, leaderboard, leaderboard_text, write_leaderboard

    if options.output:
        check_ending(options.output)
    table = leaderboard(options.evaluations)
    print(leaderboard_text(table))
    if options.output:
        write_leaderboard(table, options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
