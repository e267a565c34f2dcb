"""The loss of a saliency map: Kullback–Leibler divergence and correlation, differentiable, one number per map.

The loop: a fold's model trained by accelerate, on one CPU, one GPU or many, with the same result.
"""

import os
import time
from collections.abc import Iterator
from contextlib import nullcontext
from math import cos, gcd, pi
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch.utils.tensorboard import SummaryWriter

from tsalv360 import metrics
from tsalv360.job.errors import InputError
from tsalv360.job.log import progress
from tsalv360.model import TSalV360, save_checkpoint, tokenize
from tsalv360.training.batches import Group, count, epoch_batches, part_of, plain_batches
from tsalv360.training.clips import ClipFiles, read_clips
from tsalv360.training.data import Batch, ClipBatches
from tsalv360.training.features import CachedFrames, start_model
from tsalv360.training.provenance import made_of, provenance
from tsalv360.training.settings import ComputeSettings, TrainJob, TrainSettings
from tsalv360.training.state import State

EPSILON = torch.finfo(torch.float32).eps  # keeps logarithms finite; published values depend on it


def kl_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """KL(target ‖ prediction) [B] in nats of maps [B, 1, H, W], each scaled to sum 1."""
    p, t = (maps.float().flatten(1) for maps in (prediction, target))
    p, t = p / p.sum(1, keepdim=True), t / t.sum(1, keepdim=True)
    return (t * ((t + EPSILON) / (p + EPSILON)).log()).sum(1)


def cc_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """1 − Pearson's correlation [B] of maps [B, 1, H, W]; 1 for a constant prediction."""
    p, t = (maps.float().flatten(1) for maps in (prediction, target))
    p, t = p - p.mean(1, keepdim=True), t - t.mean(1, keepdim=True)
    least = torch.finfo(torch.float32).tiny
    return 1 - (p * t).sum(1) / (p.square().sum(1) * t.square().sum(1)).clamp_min(least).sqrt()


VALIDATION = ("cc", "sim", "kld")
AT_ONCE = 8  # clips that are predicted together


class OnClips(nn.Module):
    """The model as a function of tensors, as several GPUs need it."""

    def __init__(self, model: TSalV360) -> None:
        super().__init__()
        self.model = model

    def forward(self, frames: Tensor | CachedFrames, ends: list[bool], windows: Tensor, tokens: Tensor) -> Tensor:
        """Saliency [B, 1, 480, 960] of the parts of a `Batch`."""
        if isinstance(frames, Tensor):
            seen = self.model.encode_frames(frames, ends)
        else:
            seen = frames.unpacked(ends, self.model)
        clips = [[seen[place] for place in window] for window in windows.tolist()]
        return self.model.decode(clips, self.model.encode_text(tokens))


def train_fold(job: TrainJob) -> None:
    """Train a fold, or go on where a killed run left off.

    All processes of the fold call it. Writes `best.pt`, `last.pt`, `steps.csv` (each step) and `metrics.csv` (each
    epoch) to `output`, TensorBoard's files to `running`. InputError for clips, captions or weights that cannot be used,
    and for a loss that is no number, which names the clips.
    """
    settings, compute, files = job.train, job.compute, ClipFiles(job.dataset, job.frames)
    alike = DistributedDataParallelKwargs(broadcast_buffers=False)  # tables, the same everywhere
    accelerator = Accelerator(mixed_precision=settings.precision, cpu=compute.device == "cpu", kwargs_handlers=[alike])
    if compute.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
    clips = read_clips(files, settings.clips, settings.stride)
    tokenize(clips.caption.unique().tolist())  # refuses what the model cannot read before anything runs
    train, validation = (clips[clips.video.isin(files.splits[job.fold][part])] for part in ("train", "validation"))
    if train.empty:
        raise InputError(files.dataset, f"no clip that fold {job.fold} trains with", "some", "Add videos.")
    model = start_model(job.model, settings)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, settings.learning_rate, weight_decay=settings.weight_decay)
    state = State(job.running, provenance(job), made_of(job))
    state.restore(model, optimizer, accelerator.scaler)
    network = accelerator.prepare(OnClips(model))
    optimizer = accelerator.prepare(optimizer)
    size = (2 * job.model.map_size[0], 2 * job.model.map_size[1])
    data = ClipBatches(clips, files, size, job.features if settings.cached_turns else None)
    (_, width), (_, map_width) = files.size(train)
    turns = settings.cached_turns or gcd(width, map_width)  # by whole pixels of both
    epochs = [epoch_batches(train, settings, epoch, turns) for epoch in range(settings.epochs)]
    in_all = sum(map(len, epochs))
    if accelerator.is_main_process:
        n, threads = accelerator.num_processes, torch.get_num_threads()
        where = f"{n} process(es) of {threads} thread(s) on {accelerator.device.type}"
        print(f"Fold {job.fold}: {len(train)} clips, {len(validation)} for validation, {in_all} steps, {where}.")
    log = _Log(job.running, state, len(train) * settings.epochs, accelerator.is_main_process)
    done, kept_at = 0, time.monotonic()
    for epoch, batches in enumerate(epochs):
        start = min(max(0, state.step - done), len(batches))
        log.skip(batches[:start])
        ahead = batches[start:]
        done += len(batches)
        if len(state.epochs) > epoch:
            continue
        network.train()
        for batch, parts in zip(ahead, _loaded(data, ahead, compute, accelerator), strict=True):
            rate = learning_rate(settings, state.step, in_all)
            for group in optimizer.param_groups:
                group["lr"] = rate
            _seed(settings, state.step, accelerator)
            n = count(batch)
            kl, cc = _backward(network, parts, n, clips, settings, accelerator)
            norm = float(accelerator.clip_grad_norm_(parameters, settings.clip_norm))
            optimizer.step()
            optimizer.zero_grad()
            loss = kl + settings.cc_weight * cc
            state.add_step(epoch=epoch, learning_rate=rate, loss=loss, kl=kl, cc_loss=cc, gradient_norm=norm)
            log.step(n)
            if accelerator.is_main_process and time.monotonic() - kept_at > compute.keep_every_s:
                state.keep(model, optimizer, accelerator.scaler)
                kept_at = time.monotonic()
        # not the parallel network, which waits for all processes at each of its calls
        found = validate(accelerator.unwrap_model(network), data, validation, accelerator)
        is_best = state.add_epoch(epoch, found, settings.best)
        log.epoch()
        if accelerator.is_main_process:
            if is_best:
                save_checkpoint(model, job.running / "best.pt", state.provenance | {"epoch": epoch, **found})
            state.keep(model, optimizer, accelerator.scaler)
            kept_at = time.monotonic()
    log.close()
    if accelerator.is_main_process:
        state.finish(model, job.output)
    accelerator.wait_for_everyone()
    accelerator.end_training()


def learning_rate(settings: TrainSettings, step: int, n_steps: int) -> float:
    """Of an optimiser's step, from 0: linear warm-up, then constant or half a cosine down to 0."""
    warm = settings.warmup * n_steps
    if step < warm:
        return settings.learning_rate * (step + 1) / (warm + 1)
    if settings.schedule == "constant":
        return settings.learning_rate
    return settings.learning_rate * (1 + cos(pi * (step - warm) / (n_steps - warm))) / 2


def validate(network: nn.Module, data: ClipBatches, clips: pd.DataFrame, accelerator: Accelerator) -> dict[str, float]:
    """Means over clips of `VALIDATION`, computed by all processes together; empty without clips."""
    if clips.empty:
        return {}
    network.eval()
    mine = plain_batches(clips, AT_ONCE)[accelerator.process_index :: accelerator.num_processes]
    total = torch.zeros(len(VALIDATION), dtype=torch.float64)
    with torch.inference_mode():
        for batch in DataLoader(data, sampler=mine, batch_size=None):
            prediction = network(batch.frames, batch.ends, batch.windows, batch.tokens).float().cpu().numpy()
            found = [getattr(metrics, name)(prediction, batch.targets.numpy()).sum() for name in VALIDATION]
            total += torch.tensor(found)
    total = accelerator.reduce(total.to(accelerator.device))
    return {name: float(value) / len(clips) for name, value in zip(VALIDATION, total, strict=True)}


def _loaded(
    data: ClipBatches, batches: list[list[Group]], compute: ComputeSettings, accelerator: Accelerator
) -> Iterator[list[tuple[Batch, bool]]]:
    """This process's parts of each batch, and whether each counts: one without clips is computed in vain."""
    n_parts = accelerator.num_processes * compute.accumulate
    mine = range(accelerator.process_index * compute.accumulate, (accelerator.process_index + 1) * compute.accumulate)
    parts = [part_of(batch, k, n_parts) for batch in batches for k in mine]
    spare = [[Group(batch[0].rows[:1], batch[0].turn)] for batch in batches for _ in mine]
    wanted = [part or instead for part, instead in zip(parts, spare, strict=True)]
    loader = DataLoader(data, sampler=wanted, batch_size=None, num_workers=compute.workers)
    loaded = zip(loader, map(bool, parts), strict=True)
    for _ in batches:
        yield [next(loaded) for _ in mine]


def _backward(
    network: nn.Module,
    parts: list[tuple[Batch, bool]],
    n: int,
    clips: pd.DataFrame,
    settings: TrainSettings,
    accelerator: Accelerator,
) -> tuple[float, float]:
    """Add up the gradients of a batch of n clips; returns its mean KL and 1 − CC, over all processes."""
    sums = torch.zeros(2, device=accelerator.device)
    for k, (batch, counts) in enumerate(parts):
        with accelerator.no_sync(network) if k + 1 < len(parts) else nullcontext():
            prediction = network(batch.frames, batch.ends, batch.windows, batch.tokens)
            targets = batch.targets.to(prediction.device)
            kl, cc = kl_loss(prediction, targets), cc_loss(prediction, targets)
            loss = kl + settings.cc_weight * cc
            _refuse_nan(loss, batch, clips)
            # the mean is over the whole batch; accelerate's is over processes
            accelerator.backward(loss.sum() * (counts * accelerator.num_processes / n))
            sums += counts * torch.stack([kl.detach().sum(), cc.detach().sum()])
    kl_mean, cc_mean = (accelerator.reduce(sums) / n).tolist()
    return kl_mean, cc_mean


def _refuse_nan(loss: Tensor, batch: Batch, clips: pd.DataFrame) -> None:
    finite = torch.isfinite(loss).tolist()
    if not all(finite):
        odd = [str(clips.clip_id[row]) for row, good in zip(batch.rows, finite, strict=True) if not good]
        raise InputError(
            f"clips {', '.join(odd)}",
            "a loss that is no number",
            "a number",
            "Look at their frames and maps, lower train.learning_rate, or set train.precision to no.",
        )


def _seed(settings: TrainSettings, step: int, accelerator: Accelerator) -> None:
    """What a step draws depends on nothing before it, so that a run that goes on draws the same."""
    numbers = np.random.SeedSequence([settings.seed, step, accelerator.process_index]).generate_state(1)
    torch.manual_seed(int(numbers[0]))


class _Log:
    """Progress on the terminal or in the job's log, and TensorBoard; of the main process alone."""

    def __init__(self, folder: Path, state: State, n_clips: int, is_main: bool) -> None:
        self._state = state
        self._writer = SummaryWriter(str(folder / "tensorboard"), purge_step=state.step) if is_main else None
        self._bar = progress(n_clips, "clips") if is_main else None

    def skip(self, batches: list[list[Group]]) -> None:
        if self._bar is not None:
            self._bar.update(sum(map(count, batches)))

    def step(self, n: int) -> None:
        if self._bar is not None:
            self._bar.update(n)
        self._write("train", self._state.steps[-1])

    def epoch(self) -> None:
        self._write("validation", self._state.epochs[-1])

    def close(self) -> None:
        if self._writer and self._bar is not None:
            self._bar.close()
            self._writer.close()

    def _write(self, part: str, numbers: dict[str, float]) -> None:
        for name, value in numbers.items():
            if self._writer and name not in ("step", "epoch"):
                self._writer.add_scalar(f"{part}/{name}", value, self._state.step)
