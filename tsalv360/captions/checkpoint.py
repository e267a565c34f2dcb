"""Where the weights of a checkpoint lie, and which revision they are. Nothing is downloaded without being asked for."""

import hashlib
import json
from pathlib import Path

from tsalv360.errors import InputError
from tsalv360.files import sha256

_GIGABYTES = {"llava-hf/LLaVA-NeXT-Video-7B-hf": 14, "llava-hf/llava-v1.6-mistral-7b-hf": 15}  # 16 bit per weight


def locate(model: str, revision: str) -> tuple[Path, str]:
    """Folder and revision of a checkpoint that is on this machine.

    `model` is a folder, whose revision is a hash of all its files, or an id on the hub, whose revision is the commit
    that `revision` stands for in the hub's cache. InputError, with the command that downloads it, where it is missing.
    """
    folder = Path(model)
    if folder.is_dir():
        _refuse_incomplete(folder, model, "Copy the whole folder.")
        digests = [f"{path.name} {sha256(path)}" for path in sorted(folder.iterdir()) if path.is_file()]
        return folder, f"sha256:{hashlib.sha256(' '.join(digests).encode()).hexdigest()[:16]}"
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    size = f" (about {_GIGABYTES[model]} GB)" if model in _GIGABYTES else ""
    advice = f"Download it{size}:  hf download {model} --revision {revision}"
    try:
        folder = Path(snapshot_download(model, revision=revision, local_files_only=True))
    except LocalEntryNotFoundError:
        raise InputError(model, f"no weights of revision {revision} in the hub's cache", "them", advice) from None
    except HFValidationError:
        raise InputError(model, "no such folder", "a folder or an id on the hub", "Correct it.") from None
    _refuse_incomplete(folder, model, advice)
    return folder, folder.name


def _refuse_incomplete(folder: Path, model: str, advice: str) -> None:
    index = folder / "model.safetensors.index.json"
    weights = ["model.safetensors"]
    if index.exists():
        weights = sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))
    if missing := [name for name in ["config.json", *weights] if not (folder / name).exists()]:
        raise InputError(model, f"no {', '.join(missing)} in {folder}", "a whole checkpoint", advice)
