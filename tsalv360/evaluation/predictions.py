"""Predictions of test clips as the explorer's pages read them: one script for each video."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tsalv360.job.files import link_or_copy, whole_file, whole_folder


@dataclass(frozen=True)
class ClipPrediction:
    """The maps of the right and the first wrong prompt for a clip, as of `small_png`, and their CC with the target."""

    video: str
    clip: str
    event: str
    frame: int  # native number of the target
    prompt: str
    cc: float
    value: float
    png: str
    wrong: str | None = None  # where no other event is visible, there is no wrong prompt
    cc_wrong: float | None = None
    value_wrong: float | None = None
    png_wrong: str | None = None


def write_predictions(
    folder: str | Path, clips: Iterable[ClipPrediction], kept: Mapping[str, Sequence[int]], model: str, fold: int
) -> None:
    """Write `<video>.js` for each video of the clips to a folder that appears whole or not at all.

    Parameters: `kept` has the native numbers of each video's frames; names of the `model` and its `fold`.
    """
    of_videos = defaultdict(list)
    for clip in clips:
        content = asdict(clip) | {"picture": kept[clip.video].index(clip.frame)}
        del content["video"], content["frame"]
        of_videos[clip.video].append(content)
    with whole_folder(folder) as partial:
        for video, of_video in of_videos.items():
            content = {"model": model, "fold": fold, "clips": of_video}
            text = f"window.TSALV360_PREDICTIONS = {json.dumps(content, allow_nan=False)};\n"
            Path(partial, f"{video}.js").write_text(text, encoding="utf-8")


def gather_predictions(folds: Iterable[str | Path], folder: str | Path) -> None:
    """Link or copy the files of all folds into one folder, which appears whole or not at all, named as the model.

    The pages cannot list folders: `models.js` beside it names all models that have one.
    """
    with whole_folder(folder) as partial:
        for file in (file for fold in folds for file in sorted(Path(fold).glob("*.js"))):
            link_or_copy(file, partial / file.name)
    models = sorted(path.name for path in Path(folder).parent.iterdir() if path.is_dir() and path.name[0] != ".")
    with whole_file(Path(folder).with_name("models.js")) as partial:
        partial.write_text(f"window.TSALV360_MODELS = {json.dumps(models)};\n", encoding="utf-8")
