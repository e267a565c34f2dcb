"""How much faster a training step of the published model is from cached features than from frames.

    python benchmarks/features.py results/demo                  CPU, two threads, about ten minutes; after `make demo`
    python benchmarks/features.py results/demo --device cuda

Needs the extra `train`. Weights are random: time does not depend on them. Both ways use the same batches of eight
consecutive clips without rotation; features are written and read by the code of the training. Times are wall time,
medians of steps that alternate between the two ways; the first step of each does not count. `--tiny` tests the script.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import pandas as pd
import torch

from tsalv360.contracts.layout import MAPS
from tsalv360.contracts.tables import CLIPS, write_table
from tsalv360.job.files import write_json
from tsalv360.model import ModelSettings
from tsalv360.training.batches import ClipBatches, Sample, plain_batches
from tsalv360.training.clips import ClipFiles, read_clips
from tsalv360.training.features import start_model, write_features
from tsalv360.training.settings import TrainSettings
from tsalv360.training.train import BatchModel, cc_loss, kl_loss

TINY = ModelSettings(patch_size=64, map_size=(120, 240), width=4, embedding=32, text_width=64, decoder=(8, 8, 8, 8))


def part_of(results: Path, folder: Path, n_batches: int, size: int) -> ClipFiles:
    """Write a dataset to `folder` that trains on the first clips of as many videos as there are batches."""
    whole, part = results / "dataset", folder / "dataset"
    clips = read_clips(ClipFiles(whole, results / "frames")).sort_values(["target_frame", "event_id"])
    clips = pd.concat([of_video.head(size) for _, of_video in clips.groupby("video")][:n_batches])
    part.mkdir()
    for name in (MAPS, "annotations.parquet"):
        (part / name).symlink_to((whole / name).resolve())
    write_table(part / "clips.parquet", clips[list(CLIPS)].reset_index(drop=True), CLIPS)
    videos = sorted(clips.video.unique())
    write_json(part / "splits.json", {"folds": [{"train": videos, "validation": [], "test": []}]})
    return ClipFiles(part, results / "frames")


def step(network: BatchModel, optimizer: torch.optim.Optimizer, data: ClipBatches, samples: list[Sample]) -> float:
    """Return the seconds of a step, including reading."""
    start = time.perf_counter()
    batch = data[samples]
    prediction = network(batch)
    targets = batch.targets.to(prediction.device)
    (kl_loss(prediction, targets) + 0.05 * cc_loss(prediction, targets)).mean().backward()
    optimizer.step()
    optimizer.zero_grad()
    if prediction.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="folder of a built dataset's results")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--tiny", action="store_true", help="a tiny model")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    device = "cpu" if asked.device == "cpu" else "auto"
    settings = TrainSettings(weights="random", cached_rolls=1, roll=False, flip="never")
    shape = TINY if asked.tiny else ModelSettings()
    with tempfile.TemporaryDirectory(dir=asked.results) as folder:
        files = part_of(asked.results, Path(folder), asked.steps + 1, settings.batch_size)
        features = Path(folder, "features")
        start = time.perf_counter()
        write_features(features, files, 0, shape, settings, device)
        taken = time.perf_counter() - start
        clips, size = read_clips(files), (2 * shape.map_size[0], 2 * shape.map_size[1])
        batches = plain_batches(clips, settings.batch_size)
        n_frames = sum(clips.frames[[sample.row for sample in batch]].explode().nunique() for batch in batches)
        ways = {"frames": ClipBatches(clips, files, size), "features": ClipBatches(clips, files, size, features)}
        model = start_model(shape, settings).to(asked.device)
        parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        network, optimizer = BatchModel(model), torch.optim.AdamW(parameters, settings.learning_rate)
        times = [{way: step(network, optimizer, data, batch) for way, data in ways.items()} for batch in batches][1:]
    median = {way: statistics.median(one[way] for one in times) for way in ways}
    print(f"writing features: {taken / n_frames:.3g} s per frame, {n_frames / len(batches):.3g} frames per batch")
    for way, seconds in median.items():
        print(f"a step from {way}: {seconds:.3g} s, {settings.batch_size / seconds:.3g} clips/s")
    print(f"speed-up: {median['frames'] / median['features']:.2f}")


if __name__ == "__main__":
    main()
