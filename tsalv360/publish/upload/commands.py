"""The command `tsalv360 publish`."""

from pathlib import Path
from typing import Literal

from tsalv360.job.errors import InputError
from tsalv360.job.libraries import require_extra
from tsalv360.publish.check import check_folder
from tsalv360.publish.upload.folder import FolderCopy
from tsalv360.publish.upload.plan import Target, plan_text

Place = Literal["hub", "zenodo", "folder"]


def publish(
    results: Path,
    place: Place,
    *,
    title: str = "",
    repository: str = "",
    public: bool = False,
    space: bool = False,
    path: Path | None = None,
    yes: bool = False,
) -> None:
    """Check the published folder, print what would be sent, and with `yes` send it.

    Parameters
    ----------
    results : the folder of the dataset's results.
    title : of the dataset.
    repository, public, space : of the Hub: user/name; whether everybody sees it; whether to send the explorer, too.
    path : for a folder.
    """
    folder = results / "publish"
    if not folder.is_dir():
        raise InputError(folder, "no such folder", "the folder to publish", "Make it:  snakemake publish")
    files = check_folder(folder)
    target = _target(place, folder, files, results / "upload", title, repository, public, space, path)
    print(plan_text(folder, files, target), flush=True)
    if yes:
        print("\n".join(target.send()))
    else:
        print("Nothing was sent. To send it, give the same command with --yes.")


def _target(
    place: Place,
    folder: Path,
    files: list[Path],
    work: Path,
    title: str,
    repository: str,
    public: bool,
    space: bool,
    path: Path | None,
) -> Target:
    """Return the target; InputError for options of another one, and without those that it needs."""
    if place != "hub" and (public or space):
        raise InputError(f"--to {place}", "--public or --space", "--to hub with them", "Leave them out.")
    if place != "folder" and path:
        raise InputError(f"--to {place}", "--path", "--to folder with it", "Leave it out.")
    if place == "folder":
        if not path:
            raise InputError("--to folder", "no --path", "the folder to copy to", "Name it with --path.")
        return FolderCopy(folder, files, path)
    if place == "zenodo":
        require_extra("publish --to zenodo", "publish", ("httpx",))
        from tsalv360.publish.upload.zenodo import ZenodoDraft

        return ZenodoDraft(folder, files, work)
    if not repository:
        advice = "Name it with --repo USER/NAME, or in the config: publish.repository."
        raise InputError("--to hub", "no repository", "its name", advice)
    require_extra("publish --to hub", "publish", ("huggingface_hub",))
    from tsalv360.publish.upload.hub import HubRepositories

    return HubRepositories(folder, files, repository, public, title if space else None, work)
