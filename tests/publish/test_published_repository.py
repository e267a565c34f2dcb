"""A published dataset read from a repository: downloaded once, without what nobody reads; half of one is not used."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from publish.hub_standin import TOKEN, Hub, Repository
from publish.published import make_published
from serving import serving

import tsalv360
from tsalv360.job.errors import InputError
from tsalv360.sources.published import PublishedSource

NAME = "jane/small"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_published(tmp_path_factory.mktemp("published"))


@pytest.fixture
def hub(published: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda s: None)
    with serving(Hub()) as server:
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", server.url)
        template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
        files = {p.relative_to(published).as_posix(): p.read_bytes() for p in published.rglob("*") if p.is_file()}
        server.repositories[f"datasets/{NAME}"] = Repository(True, files=files)
        yield server


def test_clips_of_a_repository_are_those_of_the_folder(hub: Hub, published: Path, tmp_path: Path) -> None:
    clips, expected = tsalv360.load_clips(NAME), tsalv360.load_clips(published)
    assert [clip["clip_id"] for clip in clips] == [clip["clip_id"] for clip in expected]
    np.testing.assert_array_equal(clips[1]["frames"], expected[1]["frames"])
    np.testing.assert_array_equal(clips[1]["saliency"], expected[1]["saliency"])
    got = {path.name for path in (tmp_path / "cache").rglob("*")}
    assert "README.md" in got and not {"TSV360_gt.tar", "index.html", "viewports"} & got


def test_it_is_downloaded_once_and_then_needs_no_network(hub: Hub, published: Path) -> None:
    tsalv360.load_clips(NAME)
    n = len(hub.requests)
    hub.fail(".*", *[500] * 1000)
    assert len(tsalv360.load_clips(NAME, 0, "validation")) == 4
    source = PublishedSource("published", NAME)
    assert [recording.video_id for recording in source.recordings()] == ["001", "002"]
    assert source.missing() == {"003": "its frames were not passed on"}
    assert len(hub.requests) == n


def test_a_download_that_breaks_off_is_not_used_and_goes_on(hub: Hub) -> None:
    hub.fail(r"GET .*/resolve/.*/data/maps/001\.parquet", *["drop"] * 100)
    with pytest.raises(InputError, match=r"jane/small: found no dataset that can be downloaded"):
        tsalv360.load_clips(NAME)
    hub.recover()
    assert len(tsalv360.load_clips(NAME)[0]["frames"]) == 8


@pytest.mark.parametrize("token", ["", "hf_wrong"])
def test_a_repository_that_is_not_there_or_closed_is_named(
    hub: Hub, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=r"(?s)jane/none: found no dataset that can be downloaded .*HF_TOKEN"):
        tsalv360.load_clips("jane/none")
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(InputError, match="jane/small: found no dataset") as error:
        tsalv360.load_clips(NAME)
    assert not token or token not in str(error.value)
