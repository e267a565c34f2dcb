"""Publishing: the folder that loads in one line anywhere, its metadata, and its upload; and its clips for PyTorch."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tsalv360.job.libraries import require_extra

if TYPE_CHECKING:
    from tsalv360.publish.clips import PublishedClips


def load_clips(
    path_or_repo: str | Path, fold: int = 0, split: Literal["train", "validation", "test"] = "train"
) -> "PublishedClips":
    """Return the clips of a published dataset for PyTorch: `clips[0]` has frames, caption, saliency and fixations.

    Parameters: a folder that `snakemake publish` made, or its repository on the Hugging Face Hub, `user/name` or
    `user/name@revision`; the fold; and its part. Raises InputError if it cannot be used; where frames may not be passed
    on, with the command that adds them.
    """
    require_extra("load_clips", "train", ("torch",))
    from tsalv360.publish.clips import PublishedClips
    from tsalv360.sources.published_folder import open_published

    return PublishedClips(open_published(path_or_repo), fold, split)
