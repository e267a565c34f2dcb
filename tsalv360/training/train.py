"""The training of a fold's model, by accelerate on one CPU, one GPU or many with the same result, and its loss."""

import os
import warnings
from collections.abc import Iterator
from functools import partial
from math import cos, gcd, pi

import numpy as np
import pandas as pd
import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader

from tsalv360 import metrics
from tsalv360.job.errors import InputError
from tsalv360.model import TSalV360, tokenize
from tsalv360.model.presence import Presence
from tsalv360.training.batches import Batch, ClipBatches, Sample, epoch_batches, plain_batches, split_batch
from tsalv360.training.clips import ClipFiles, absent_captions, read_clips
from tsalv360.training.features import start_model
from tsalv360.training.settings import ComputeSettings, TrainJob, TrainSettings
from tsalv360.training.state import State

VALIDATION = ("cc", "sim", "kld")
VALIDATION_BATCH = 8  # clips
EPSILON = torch.finfo(torch.float32).eps  # keeps logarithms finite; published values depend on it


def train_fold(job: TrainJob) -> None:
    """Train the model of a fold, or resume where a killed run stopped. All processes of the fold call it.

    Writes `best.pt`, `last.pt`, `steps.csv` (each step) and `metrics.csv` (each epoch) to `output`, and TensorBoard's
    files to `running`. Raises InputError for clips, captions or weights that cannot be used, and for a loss that is not
    finite, with the names of the clips.
    """
    settings, compute, files = job.train, job.compute, ClipFiles(job.dataset, job.frames)
    if compute.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
    # accelerate names the option below by the word that PyTorch had for it before
    warnings.filterwarnings("ignore", "`broadcast_buffers` is deprecated", FutureWarning)
    accelerator = Accelerator(
        mixed_precision=settings.precision,
        cpu=compute.device == "cpu",
        gradient_accumulation_steps=compute.accumulate,
        log_with="tensorboard",
        project_dir=job.running,
        kwargs_handlers=[DistributedDataParallelKwargs(broadcast_buffers=False)],  # they are constants
    )
    clips = read_clips(files, settings.clips, settings.stride)
    # refuses what the model cannot read before anything runs
    tokenize(clips.caption.unique().tolist(), encoder=job.model.encoder)
    train, validation = (clips[clips.video.isin(files.splits[job.fold][part])] for part in ("train", "validation"))
    if train.empty:
        raise InputError(files.dataset, f"no clip that fold {job.fold} trains with", "some", "Add videos.")
    size = (2 * job.model.map_size[0], 2 * job.model.map_size[1])
    data = ClipBatches(clips, files, size, job.features if settings.cached_rolls else None, job.model.encoder)
    n_rolls = settings.cached_rolls or gcd(*files.widths(train))  # by whole pixels of frames and maps
    epochs = [epoch_batches(train, settings, epoch, n_rolls) for epoch in range(settings.epochs)]
    model = start_model(job.model, settings)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, settings.learning_rate, weight_decay=settings.weight_decay)
    # not prepared by accelerate, which would step it once for each process
    schedule = LambdaLR(optimizer, partial(rate_factor, settings, sum(map(len, epochs))))
    state = State(job, accelerator, model=model, optimizer=optimizer, schedule=schedule, scaler=accelerator.scaler)
    sizes = f"{len(train)} clips, {len(validation)} for validation, {sum(map(len, epochs))} steps"
    processes, threads = accelerator.num_processes, torch.get_num_threads()
    where = f"{processes} process(es) of {threads} thread(s) on {accelerator.device.type}"
    accelerator.print(f"Fold {job.fold}: {sizes}, {where}.")
    state.start(epochs)
    network, optimizer = accelerator.prepare(BatchModel(model), optimizer)
    for epoch, batches in enumerate(epochs):
        if epoch < len(state.epochs):
            continue
        network.train()
        ahead = batches[state.step - sum(map(len, epochs[:epoch])) :]
        losses = torch.zeros(2, device=accelerator.device)  # KL and 1 − CC of a step
        for k, (batch, share) in enumerate(load_parts(data, ahead, compute, accelerator)):
            if k % compute.accumulate == 0:  # a step draws the same random numbers in a resumed run
                seed = np.random.SeedSequence((settings.seed, state.step, accelerator.process_index))
                torch.manual_seed(int(seed.generate_state(1)[0]))
            with accelerator.accumulate(network):
                prediction = network(batch)
                targets = batch.targets.to(prediction.device)
                kl, cc = kl_loss(prediction, targets), cc_loss(prediction, targets)
                loss = kl + settings.cc_weight * cc
                _check_finite(loss, batch, clips)
                accelerator.backward(share * loss.sum())
                losses += share * torch.stack([kl, cc], 1).detach().sum(0)
                if accelerator.sync_gradients:
                    norm = accelerator.clip_grad_norm_(parameters, settings.clip_norm)
                optimizer.step()
                optimizer.zero_grad()
            if accelerator.sync_gradients:  # all parts of the step are done
                kl_mean, cc_mean = (accelerator.reduce(losses, "mean") / compute.accumulate).tolist()
                losses.zero_()
                rate = float(schedule.get_last_lr()[0])
                schedule.step()
                numbers = {"kl": kl_mean, "cc_loss": cc_mean, "gradient_norm": float(norm)}
                total = kl_mean + settings.cc_weight * cc_mean
                n_clips = len(ahead[k // compute.accumulate])
                state.add_step(n_clips, epoch=epoch, learning_rate=rate, loss=total, **numbers)
        # not the parallel network, which waits for all processes at each of its calls
        found = validate(accelerator.unwrap_model(network), data, validation, accelerator)
        state.add_epoch(epoch, found, model)
    state.finish(model, partial(measure_presence, data, clips, validation))
    accelerator.wait_for_everyone()
    accelerator.end_training()


class BatchModel(nn.Module):
    """The model as a function of a `Batch`, which accelerate can spread over processes."""

    def __init__(self, model: TSalV360) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch) -> Tensor:
        """Return the saliency [B, 1, 480, 960] of a batch."""
        if isinstance(batch.frames, Tensor):
            frames = self.model.encode_frames(batch.frames, batch.ends)
        else:
            frames = batch.frames.unpacked(batch.ends, self.model)
        clips = [[frames[place] for place in window] for window in batch.windows]
        return self.model.decode(clips, self.model.encode_text(batch.tokens))


def kl_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """Return KL(target ‖ prediction) [B] in nats of maps [B, 1, H, W], each scaled to sum 1."""
    p, t = (maps.float().flatten(1) for maps in (prediction, target))
    p, t = p / p.sum(1, keepdim=True), t / t.sum(1, keepdim=True)
    return (t * ((t + EPSILON) / (p + EPSILON)).log()).sum(1)


def cc_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """Return 1 − Pearson's correlation [B] of maps [B, 1, H, W]; 1 for a constant prediction."""
    p, t = (maps.float().flatten(1) for maps in (prediction, target))
    p, t = p - p.mean(1, keepdim=True), t - t.mean(1, keepdim=True)
    least = torch.finfo(torch.float32).tiny
    return 1 - (p * t).sum(1) / (p.square().sum(1) * t.square().sum(1)).clamp_min(least).sqrt()


def rate_factor(settings: TrainSettings, n_steps: int, step: int) -> float:
    """Return the learning rate at step `step` (0-based) as a factor: linear warm-up, then constant or cosine decay."""
    warm = settings.warmup * n_steps
    if step < warm:
        return (step + 1) / (warm + 1)
    return 1.0 if settings.schedule == "constant" else (1 + cos(pi * (step - warm) / (n_steps - warm))) / 2


def load_parts(
    data: ClipBatches, batches: list[list[Sample]], compute: ComputeSettings, accelerator: Accelerator
) -> Iterator[tuple[Batch, float]]:
    """Yield this process's `compute.accumulate` parts of each batch, and the share that multiplies their summed losses.

    The shares make the gradient that of the mean over the whole batch: accelerate divides by the numbers of processes
    and of accumulated parts. A part without clips has a stand-in of share 0, since all processes take part in a step.
    """
    n_parts, first = accelerator.num_processes * compute.accumulate, accelerator.process_index * compute.accumulate
    mine = slice(first, first + compute.accumulate)
    parts = [(part, batch) for batch in batches for part in split_batch(batch, n_parts)[mine]]
    sampler = [part or batch[:1] for part, batch in parts]
    loader = DataLoader(data, sampler=sampler, batch_size=None, num_workers=compute.workers)
    yield from zip(loader, (n_parts / len(batch) if part else 0.0 for part, batch in parts), strict=True)


def validate(network: nn.Module, data: ClipBatches, clips: pd.DataFrame, accelerator: Accelerator) -> dict[str, float]:
    """Return the mean over clips of each metric of `VALIDATION`, computed by all processes; {} without clips."""
    if clips.empty:
        return {}
    network.eval()
    mine = plain_batches(clips, VALIDATION_BATCH)[accelerator.process_index :: accelerator.num_processes]
    total = torch.zeros(len(VALIDATION), dtype=torch.float64)
    with torch.inference_mode():
        for batch in DataLoader(data, sampler=mine, batch_size=None):
            prediction, targets = network(batch).float().cpu().numpy(), batch.targets.numpy()
            total += torch.tensor([getattr(metrics, name)(prediction, targets).sum() for name in VALIDATION])
    total = accelerator.reduce(total.to(accelerator.device))
    return {name: float(value) / len(clips) for name, value in zip(VALIDATION, total, strict=True)}


def measure_presence(
    data: ClipBatches, clips: pd.DataFrame, validation: pd.DataFrame, model: TSalV360
) -> Presence | None:
    """Return how high the maps of validation clips peak: those of their captions, and of other videos' captions.

    None without validation clips, and where all of the captions of `clips` are of one video.
    """
    texts = absent_captions(validation, clips)
    validation = validation[texts != ""]
    if validation.empty:
        return None
    # A clip stands beside itself in a batch, which has each frame once.
    both = pd.concat([validation, validation.assign(caption=texts)], ignore_index=True)
    batches = ClipBatches(both, data.files, data.size, data.features, model.settings.encoder)
    network, peaks = BatchModel(model), np.empty(len(both))
    with torch.inference_mode():
        for batch in DataLoader(batches, sampler=plain_batches(both, VALIDATION_BATCH), batch_size=None):
            peaks[batch.rows] = network(batch).float().flatten(1).amax(1).cpu().numpy()
    return Presence.measured(*np.split(peaks, 2))


def _check_finite(loss: Tensor, batch: Batch, clips: pd.DataFrame) -> None:
    finite = loss.isfinite().tolist()
    wrong = [str(clips.clip_id[row]) for row, good in zip(batch.rows, finite, strict=True) if not good]
    if wrong:
        advice = "Look at their frames and maps, lower train.learning_rate, or set train.precision to no."
        raise InputError(f"clips {', '.join(wrong)}", "a loss that is not finite", "a number", advice)
