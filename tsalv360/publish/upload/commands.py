"""The command `tsalv360 publish`."""

import re
from pathlib import Path
from typing import Literal

from tsalv360.job.errors import InputError, shorten
from tsalv360.job.libraries import require_extra
from tsalv360.publish.check import check_folder
from tsalv360.publish.settings import REPOSITORY, PublishSettings
from tsalv360.publish.upload.folder import FolderCopy
from tsalv360.publish.upload.plan import Target, plan_text

Place = Literal["hub", "zenodo", "folder"]


def publish(
    results: Path,
    place: Place,
    *,
    settings: PublishSettings,
    repo: str | None = None,
    public: bool = False,
    space: bool = False,
    path: Path | None = None,
    yes: bool = False,
) -> None:
    """Check the published folder, print what would be sent, and with `yes` send it.

    Parameters
    ----------
    results : the folder of the dataset's results.
    repo, public, space : of the Hub: user/name; whether everybody sees it; whether to send the explorer, too.
    path : for a folder.
    """
    folder = results / "publish"
    if not folder.is_dir():
        raise InputError(folder, "no such folder", "the folder to publish", "Make it:  snakemake publish")
    _refuse_options(place, repo, public or space, path)
    files = check_folder(folder)
    target = _target(place, folder, files, settings, repo, public, space, path)
    print(plan_text(folder, files, target), flush=True)
    if yes:
        print("\n".join(target.send()))
    else:
        print("Nothing was sent. To send it, give the same command with --yes.")


def _refuse_options(place: Place, repo: str | None, of_hub: bool, path: Path | None) -> None:
    """Raise InputError for options of another place."""
    given = {"--repo": (repo, "hub"), "--public or --space": (of_hub, "hub"), "--path": (path, "folder")}
    for name, (value, of) in given.items():
        if value and place != of:
            raise InputError(f"--to {place}", name, f"--to {of} with it", "Leave it out.")


def _target(
    place: Place,
    folder: Path,
    files: list[Path],
    settings: PublishSettings,
    repo: str | None,
    public: bool,
    space: bool,
    path: Path | None,
) -> Target:
    """Return the target; InputError if it is not named."""
    work = folder.parent / "upload"
    if place == "folder":
        if not path:
            raise InputError("--to folder", "no --path", "the folder to copy to", "Name it with --path.")
        return FolderCopy(folder, files, path)
    if place == "zenodo":
        require_extra("publish --to zenodo", "publish", ("httpx",))
        from tsalv360.publish.upload.zenodo import ZenodoDraft

        return ZenodoDraft(folder, files, work)
    repository = repo or settings.repository
    if not re.fullmatch(REPOSITORY, repository):
        advice = "Name it with --repo, or in the config: publish.repository."
        raise InputError("--to hub", f"'{shorten(repository)}'", "a repository: user/name", advice)
    require_extra("publish --to hub", "publish", ("huggingface_hub",))
    from tsalv360.publish.upload.hub import HubRepositories

    title = (settings.title or folder.parent.name) if space else None
    return HubRepositories(folder, files, repository, public, title, work)
