"""Captions of a shard of videos: which pictures are described, what is kept, shown, noted, flagged and refused."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tsalv360.captions import run, shard_of
from tsalv360.captions.captioner import Answer, Cache, Captioner, Clip
from tsalv360.captions.run import caption_clips, caption_videos, clips_of, notes_of, spread
from tsalv360.captions.settings import CaptionSettings
from tsalv360.contracts.entries import CaptionEntry, Failure, ViewportLength, ViewportLengths
from tsalv360.contracts.tables import EVENTS, TRACKS, empty
from tsalv360.job.errors import InputError
from tsalv360.job.files import write_json
from tsalv360.media.video import VideoWriter

Make = Callable[..., pd.DataFrame]


def test_the_shard_of_a_video_never_changes() -> None:
    assert [shard_of(video, 1000) for video in ("001", "002", "127", "ocean-2")] == ["0403", "0833", "0675", "0320"]


def test_shards_are_all_used_and_balanced() -> None:
    counts = Counter(shard_of(f"{n:03d}", 8) for n in range(208))
    assert sorted(counts) == [f"{shard:04d}" for shard in range(8)]
    assert max(counts.values()) < 2.5 * 208 / 8


@pytest.mark.parametrize(
    ("n_pictures", "wanted", "numbers"),
    [(8, 8, list(range(8))), (80, 8, [5, 15, 25, 35, 45, 55, 65, 75]), (3, 8, [0, 1, 2]), (10, 1, [5]), (1, 4, [0])],
)
def test_pictures_are_spread_over_the_event(n_pictures: int, wanted: int, numbers: list[int]) -> None:
    assert spread(n_pictures, wanted) == numbers


@pytest.mark.parametrize("n_pictures", [2, 7, 33, 100])
def test_spread_pictures_are_different_and_lie_in_the_event(n_pictures: int) -> None:
    numbers = spread(n_pictures, 16)
    assert numbers == sorted(set(numbers))
    assert numbers[0] >= 0
    assert numbers[-1] < n_pictures


def test_notes_state_time_place_distance_and_observers(make_track: Make, make_events: Make) -> None:
    track = make_track("v_1", list(range(16, 49)), yaw=170, pitch=0, step=1)  # 32 degrees, over the seam
    assert notes_of(make_events(track), track) == {
        "v_1": [
            "1.0 s to 3.0 s (2.0 s)",
            "around yaw 170°, pitch 0°, moving 32° in all",
            "7 observers, 5.0 at a time, confidence 0.61",
        ]
    }


@pytest.fixture
def viewports(tmp_path: Path) -> Path:
    """A video of 16 gray pictures, 16 of a red disc on gray-green, 4 gray ones."""
    scene = np.full((120, 160, 3), (100, 110, 100), dtype=np.uint8)
    scene += np.random.default_rng(1).integers(0, 12, scene.shape, dtype=np.uint8)
    across, down = np.meshgrid(np.arange(160) - 80, np.arange(120) - 60)
    disc = scene.copy()
    disc[np.hypot(across, down) < 22] = (214, 40, 40)
    with VideoWriter(tmp_path / "v_1.mp4", 16, (120, 160)) as writer:
        for part, n in ((scene, 16), (disc, 16), (scene, 4)):
            for _ in range(n):
                writer.write(part)
    write_json(tmp_path / "viewports.json", ViewportLengths(16, {"v_1": ViewportLength(16, 16, 4)}))
    return tmp_path


def by_facts(viewports: Path, track: pd.DataFrame, events: pd.DataFrame, **settings: Any) -> dict[str, CaptionEntry]:
    cache = Cache(viewports / "cache")
    return caption_videos({"v": (viewports, events, track)}, CaptionSettings(**settings), cache)["v"]


def test_the_event_is_described_and_not_its_lead_in(viewports: Path, make_track: Make, make_events: Make) -> None:
    track = make_track("v_1", list(range(16)))
    captions = by_facts(viewports, track, make_events(track), n_frames=16)
    assert list(captions) == ["v_1"]
    caption = captions["v_1"]
    assert "red" in caption.caption
    assert "round" in caption.caption
    (candidate,) = caption.candidates
    assert (candidate.text, candidate.model) == (caption.caption, "facts")
    assert candidate.revision
    assert caption.flags == caption.failures == []


def test_a_caption_states_no_place_time_or_observers(viewports: Path, make_track: Make, make_events: Make) -> None:
    track = make_track("v_1", list(range(16)), yaw=-120, pitch=33)
    caption = by_facts(viewports, track, make_events(track))["v_1"]
    for word in ("yaw", "pitch", "observer", "°", "120", "33", " s "):
        assert word not in caption.caption
    assert any("yaw -120" in note for note in caption.notes)


def test_a_video_without_events_has_no_captions(tmp_path: Path) -> None:
    write_json(tmp_path / "viewports.json", {"fps": 16, "events": {}})
    assert by_facts(tmp_path, empty(TRACKS), empty(EVENTS)) == {}


def test_the_digest_of_a_clip_follows_its_pictures(viewports: Path, make_track: Make, make_events: Make) -> None:
    track = make_track("v_1", list(range(16)))
    (clip,) = clips_of(viewports, make_events(track), track, 8)
    (same,) = clips_of(viewports, make_events(track), track.assign(yaw_deg=track.yaw_deg + 50), 8)
    (fewer,) = clips_of(viewports, make_events(track), track, 4)
    assert clip.pictures().shape == (8, 120, 160, 3)
    assert clip.seconds_between == 0.125
    assert clip.digest == same.digest != fewer.digest


class Scripted:
    """A captioner with scripted answers that records the questions."""

    takes_prompt = True
    revision = "7"

    def __init__(self, model: str, says: Callable[[Clip, str], Answer]) -> None:
        self.model, self.says, self.decoding = model, says, {"max_tokens": 96}
        self.asked: list[tuple[str, str]] = []

    def caption(self, clips: Sequence[Clip], prompt: str) -> Iterator[tuple[Clip, Answer]]:
        for clip in clips:
            self.asked.append((clip.event, prompt))
            yield clip, self.says(clip, prompt)


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Scripted]]:
    """Puts scripted captioners in the place of backends."""

    def put(**says: Callable[[Clip, str], Answer]) -> dict[str, Scripted]:
        scripted = {name: Scripted(f"model of {name}", one) for name, one in says.items()}
        load: Callable[..., Captioner] = lambda backend, settings: scripted[backend.replace("-", "_")]  # noqa: E731
        monkeypatch.setattr(run, "load_captioner", load)
        return scripted

    return put


def say(text: str, **more: Any) -> Callable[[Clip, str], Answer]:
    return lambda clip, prompt: Answer(f"{text} of {clip.event}", -0.5, **more)


def fail_on(event: str, failure: str = "HTTP 400") -> Callable[[Clip, str], Answer]:
    return lambda clip, prompt: Answer("", failure=failure) if clip.event == event else say("a dog")(clip, prompt)


def test_all_backends_and_prompts_give_candidates_and_the_first_is_shown(
    use: Callable[..., Any], make_clip: Callable[..., Clip], tmp_path: Path
) -> None:
    use(llava_next=lambda clip, prompt: Answer(f"the video shows {prompt}", -0.25), endpoint=say("a cat"))
    settings = CaptionSettings(backends=["llava-next", "endpoint"], prompts=["one?", "two?"])
    entry = caption_clips([make_clip("v_1")], settings, Cache(tmp_path))["v_1"]
    assert entry.caption == "One?"
    assert [(one.backend, one.prompt, one.text) for one in entry.candidates] == [
        ("llava-next", "one?", "One?"),
        ("llava-next", "two?", "Two?"),
        ("endpoint", "one?", "A cat of v_1."),
        ("endpoint", "two?", "A cat of v_1."),
    ]
    first = entry.candidates[0]
    assert (first.model, first.revision, first.score) == ("model of llava_next", "7", -0.25)


def test_only_a_changed_question_is_asked_again(
    use: Callable[..., Any], make_clip: Callable[..., Clip], tmp_path: Path
) -> None:
    clips, cache = [make_clip("v_1", seed=1), make_clip("v_2", seed=2)], Cache(tmp_path / "cache")

    def asked(**change: Any) -> int:
        captioner = use(endpoint=say("a dog"))["endpoint"]
        captioner.model = change.pop("model", captioner.model)
        captioner.revision = change.pop("revision", "7")
        captioner.decoding = change.pop("decoding", captioner.decoding)
        entries = caption_clips(clips, CaptionSettings(backends=["endpoint"], **change), cache)
        assert entries["v_2"].candidates[0].score == -0.5
        return len(captioner.asked)

    assert asked(prompts=["what?"]) == 2
    assert asked(prompts=["what?"]) == 0
    assert asked(prompts=["what?"], max_failed=3, shards=9) == 0
    assert asked(prompts=["what?", "who?"]) == 2
    assert asked(prompts=["what?"], model="another") == 2
    assert asked(prompts=["what?"], revision="8") == 2
    assert asked(prompts=["what?"], decoding={"max_tokens": 5}) == 2
    clips[1] = make_clip("v_3", seed=3)
    clips.append(Clip("v_2", clips[0].path, clips[0].numbers, 0.125, 75.0))  # seen already, under another name
    assert asked(prompts=["what?"]) == 1


@pytest.mark.parametrize("max_failed", [0, 1])
def test_failures_are_tolerated_up_to_the_limit_and_other_answers_are_kept(
    use: Callable[..., Any], make_clip: Callable[..., Clip], tmp_path: Path, max_failed: int
) -> None:
    clips, cache = [make_clip(f"v_{k}", seed=k) for k in (1, 2, 3)], Cache(tmp_path / "cache")
    settings = CaptionSettings(backends=["endpoint"], prompts=["what?"], max_failed=max_failed)
    use(endpoint=fail_on("v_2"))
    if max_failed:
        entries = caption_clips(clips, settings, cache)
        assert entries["v_2"].caption is None
        assert entries["v_2"].failures == [Failure("endpoint", "what?", "HTTP 400")]
        assert entries["v_3"].caption == "A dog of v_3."
    else:
        with pytest.raises(InputError, match=r"1 of 3 events[^$]*at most 0 \(captions.max_failed\)[^$]*v_2.*HTTP 400"):
            caption_clips(clips, settings, cache)
    again = use(endpoint=say("a cat"))["endpoint"]
    entries = caption_clips(clips, settings, cache)
    assert again.asked == [("v_2", "what?")]
    assert [entry.caption for entry in entries.values()] == ["A dog of v_1.", "A cat of v_2.", "A dog of v_3."]


def test_the_second_backend_never_stands_in_for_the_first(
    use: Callable[..., Any], make_clip: Callable[..., Clip], tmp_path: Path
) -> None:
    use(endpoint=fail_on("v_1"), facts=say("a thing"))
    settings = CaptionSettings(backends=["endpoint", "facts"], prompts=["what?"], max_failed=1)
    entry = caption_clips([make_clip("v_1")], settings, Cache(tmp_path))["v_1"]
    assert entry.caption is None
    assert [one.text for one in entry.candidates] == ["A thing of v_1."]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(" \n"), "empty"),
        (Answer("I'm sorry, I can't help with that."), "refusal"),
        (Answer("A man who is", cut_off=True), "cut off"),
    ],
)
def test_an_unusable_answer_is_a_failure_and_not_cached(
    use: Callable[..., Any], make_clip: Callable[..., Clip], tmp_path: Path, answer: Answer, reason: str
) -> None:
    use(endpoint=lambda clip, prompt: answer)
    settings = CaptionSettings(backends=["endpoint"], prompts=["what?"], max_failed=1)
    (failure,) = caption_clips([make_clip("v_1")], settings, Cache(tmp_path / "cache"))["v_1"].failures
    assert reason in failure.reason
    assert not (tmp_path / "cache").exists()


def test_answers_from_before_a_server_went_down_are_kept(
    use: Callable[..., Any], make_clip: Callable[..., Clip], tmp_path: Path
) -> None:
    def down(clip: Clip, prompt: str) -> Answer:
        if clip.event == "v_3":
            raise InputError("server", "no answer", "one", "Start it.")
        return say("a dog")(clip, prompt)

    clips, settings = [make_clip(f"v_{k}", seed=k) for k in (1, 2, 3)], CaptionSettings(backends=["endpoint"])
    use(endpoint=down)
    with pytest.raises(InputError, match="server"):
        caption_clips(clips, settings, Cache(tmp_path / "cache"))
    again = use(endpoint=say("a cat"))["endpoint"]
    caption_clips(clips, settings, Cache(tmp_path / "cache"))
    assert [event for event, _ in again.asked] == ["v_3"]


def test_near_duplicates_of_one_video_are_flagged(
    use: Callable[..., Any], viewports: Path, make_track: Make, make_events: Make
) -> None:
    for name in ("v_2", "w_1"):
        (viewports / f"{name}.mp4").write_bytes((viewports / "v_1.mp4").read_bytes())
    lengths = dict.fromkeys(("v_1", "v_2", "w_1"), ViewportLength(16, 16, 4))
    write_json(viewports / "viewports.json", ViewportLengths(16, lengths))
    tracks = {name: make_track(name, list(range(16))) for name in ("v_1", "v_2", "w_1")}
    both = pd.concat([tracks["v_1"], tracks["v_2"]], ignore_index=True)
    videos = {"v": (viewports, make_events(both), both), "w": (viewports, make_events(tracks["w_1"]), tracks["w_1"])}
    captions = caption_videos(videos, CaptionSettings(), Cache(viewports / "cache"))
    assert captions["v"]["v_1"].flags == ["near-duplicate of v_2"]
    assert captions["v"]["v_2"].flags == ["near-duplicate of v_1"]
    assert captions["w"]["w_1"].flags == []
