"""Merging exports into the curators' files: nothing is dropped, nothing edited by hand is changed."""

import json
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from curation.annotating import DATA, annotation, exported

from tsalv360.curation.export import read_export
from tsalv360.curation.records import CurationSettings, read_records, write_records
from tsalv360.curation.resolve import Merged, keep_export, merge
from tsalv360.job.errors import InputError

USERS = {1: "ann@example.org", 2: "ben@example.org"}
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> CurationSettings:
    return CurationSettings(folder=str(tmp_path / "curation"))


def add(settings: CurationSettings, *tasks: dict[str, Any], users: dict[int, str] | None = None) -> Merged:
    return merge(read_export(json.loads(json.dumps(tasks)), USERS if users is None else users), "demo", settings)


def records(settings: CurationSettings, video: str = "v") -> list[Any]:
    return read_records(settings.file("demo", video), video)


def test_an_annotation_is_added_to_the_file_of_its_video(settings: CurationSettings) -> None:
    merged = add(settings, exported(annotation(caption="A box.", verdict="edit", flags=["bad_end"])))
    assert (merged.n_new, merged.videos) == (1, ["v"])
    (record,) = records(settings)
    assert (record.event_id, record.event_hash, record.track) == ("v_1", "h", DATA["track"])
    assert (record.decision.verdict, record.decision.caption, record.decision.flags) == ("edit", "A box.", ["bad_end"])
    assert record.decided_by == ["ann@example.org"]


def test_new_bounds_are_told_with_the_old_ones(settings: CurationSettings) -> None:
    merged = add(settings, exported(annotation(flags=["bad_start", "bad_end"], start="1,5", end=3.0)))
    told = ["v_1, ann@example.org: start 5.00 -> 5.50, end 8.00 -> 7.00"]
    assert merged.notes["new bounds, in seconds of the source video"] == told
    assert not add(settings, exported(annotation())).notes["new bounds, in seconds of the source video"]


def test_the_file_has_its_own_keys_and_no_others(settings: CurationSettings) -> None:
    """Curators' work in git is written and read with the same keys for ever."""
    add(settings, exported(annotation(caption="A box.", verdict="edit", flags=["bad_end"], end=3.0)))
    path = settings.file("demo", "v")
    decision = {
        "verdict": "edit", "caption": "A box.", "flags": ["bad_end"], "duplicate_of": None, "start_s": None,
        "end_s": 7.0, "rating": None, "comment": "",
    }  # fmt: skip
    history = {
        "annotation": "u1", "who": "ann@example.org", "when": "2026-11-23T19:12:38.358Z", "lead_time_s": 8.2,
        "said": decision, "skipped": False, "problem": None, "remark": None, "round": 0,
    }  # fmt: skip
    event = {
        "event_id": "v_1", "event_hash": "h", "decided": decision, "decided_by": ["ann@example.org"],
        "disagreement": False, "caption_machine": DATA["caption_machine"], "track": DATA["track"], "history": [history],
    }  # fmt: skip
    text = json.dumps({"format": 1, "video": "v", "events": [event]}, indent=1) + "\n"
    assert path.read_text(encoding="utf-8") == text
    path.write_text(text.replace('"who"', '"curator"'), encoding="utf-8")
    with pytest.raises(InputError, match=r"found no events\.0\.history\.0\.who; expected a value there"):
        records(settings)


def test_merging_the_same_again_changes_no_byte(settings: CurationSettings) -> None:
    tasks = exported(annotation(), annotation("u2", user=2, verdict="reject"))
    add(settings, tasks)
    before = settings.file("demo", "v").read_bytes()
    assert add(settings, tasks).n_new == 0
    assert settings.file("demo", "v").read_bytes() == before


def test_an_annotation_that_was_changed_keeps_its_earlier_version(settings: CurationSettings) -> None:
    add(settings, exported(annotation(caption="First.")))
    add(settings, exported(annotation(caption="Second.", when="2026-11-24T10:00:00Z")))
    (record,) = records(settings)
    assert [one.decision.caption for one in record.history] == ["First.", "Second."]
    assert record.decision.caption == "Second."


def test_an_annotation_that_was_deleted_on_the_server_stays(settings: CurationSettings) -> None:
    add(settings, exported(annotation(), annotation("u2", user=2, caption="A box.", when="2026-11-24T10:00:00Z")))
    add(settings, exported(annotation()))
    assert len(records(settings)[0].history) == 2
    assert records(settings)[0].decision.caption == "A box."


def test_an_event_with_other_content_has_another_record(settings: CurationSettings) -> None:
    add(settings, exported(annotation()))
    add(settings, exported(annotation("u2"), event_hash="other", track="1.000 0.0 0.0"))
    assert [record.event_hash for record in records(settings)] == ["h", "other"]


def test_skipped_tasks_drafts_and_uncounted_annotations_are_listed_and_kept(settings: CurationSettings) -> None:
    skipped = {**annotation("u2", user=2), "was_cancelled": True, "result": []}
    merged = add(settings, exported(annotation(verdict=None), skipped, drafts=({"user": "cy@example.org"},)))
    assert merged.notes["not counted"] == [
        "v_1, ann@example.org: verdict: found none, expected one of accept, edit, reject"
    ]
    assert merged.notes["drafts, not submitted"] == ["v_1: a draft of cy@example.org"]
    (record,) = records(settings)
    assert record.decision is None
    assert [(j.skipped, bool(j.problem)) for j in record.history] == [(False, True), (True, False)]


def test_a_decision_edited_in_the_file_by_hand_stays(settings: CurationSettings) -> None:
    add(settings, exported(annotation()))
    (record,) = records(settings)
    edited = replace(record, decision=replace(record.decision, caption="By hand.", verdict="edit"))
    write_records(settings.file("demo", "v"), "v", [edited])
    merged = add(
        settings, exported(annotation(), annotation("u2", user=2, verdict="reject", when="2026-12-01T00:00:00Z"))
    )
    (after,) = records(settings)
    assert after.decision.caption == "By hand." and len(after.history) == 2
    assert merged.notes["edited by hand in the file, left unchanged"] == ["v_1"]


def test_the_rule_is_a_setting_that_also_applies_to_earlier_annotations(settings: CurationSettings) -> None:
    later = {"verdict": "reject", "when": "2026-12-01T00:00:00Z"}
    add(settings, exported(annotation(), annotation("u2", user=2), annotation("u3", user=3, **later)))
    assert records(settings)[0].decision.verdict == "reject"
    add(replace(settings, resolve="majority"))
    assert records(settings)[0].decision.verdict == "accept"


def test_an_export_without_e_mail_addresses_keeps_the_known_ones(settings: CurationSettings) -> None:
    add(settings, exported(annotation()))
    add(settings, exported(annotation(user=1)), users={})
    assert records(settings)[0].history[0].curator == "ann@example.org"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({"video": "../../etc"}, "the id '../../etc'"),
        ({"event_id": "v_1/../x"}, "does not belong to the video v"),
        ({"event_id": "w_1"}, "does not belong to the video v"),
    ],
)
def test_ids_never_leave_their_folder(settings: CurationSettings, data: dict[str, str], problem: str) -> None:
    merged = add(settings, exported(annotation(), **data))
    assert problem in merged.notes["not counted"][0]
    assert not Path(settings.folder).exists()


def test_a_task_of_another_project_is_named(settings: CurationSettings) -> None:
    merged = add(settings, {"id": 5, "annotations": [], "data": {"image": "x.jpg"}})
    assert merged.notes["not counted"][0].startswith(
        "task 5: not a task of tsalv360, or edited by hand (event_id: Field required"
    )


def test_an_annotation_of_another_form_is_named_and_the_others_count(settings: CurationSettings) -> None:
    broken = annotation("u2", user=2)
    del broken["updated_at"]
    merged = add(settings, exported(broken, annotation()), exported(annotation("u3"), video=7))
    assert "v_1: annotation 1 has not Label Studio's form (KeyError('updated_at'))" in merged.notes["not counted"]
    assert any(
        "edited by hand (video: Input should be a valid string)" in problem for problem in merged.notes["not counted"]
    )
    assert len(records(settings)[0].history) == 1


@pytest.mark.parametrize("content", [{"a": 1}, [{"caption": "x", "verdict": "accept"}], ["x"]])
def test_another_format_is_refused(content: Any) -> None:
    with pytest.raises(InputError, match="another format"):
        read_export(content, {})


def test_the_export_is_kept_unchanged_with_its_checksum(tmp_path: Path) -> None:
    tasks = [exported(annotation(caption="🙂 <b>"))]
    path = keep_export(tasks, tmp_path, NOW)
    assert path.name == "20261127T120000000000Z.json"
    assert json.loads(path.read_text(encoding="utf-8")) == tasks
    assert subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=tmp_path, check=False).returncode == 0
    assert keep_export(tasks, tmp_path, datetime(2027, 1, 1, tzinfo=UTC)) == path
    keep_export([], tmp_path, datetime(2027, 1, 1, tzinfo=UTC))
    assert len(list(tmp_path.glob("*.json"))) == len((tmp_path / "SHA256SUMS").read_text().splitlines()) == 2


def test_a_damaged_file_is_named_and_stays(settings: CurationSettings) -> None:
    add(settings, exported(annotation()))
    path = settings.file("demo", "v")
    before_damage = path.read_bytes()
    path.write_text(path.read_text()[:200])
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"v\.json: found no readable JSON"):
        add(settings, exported(annotation("u2", user=2)))
    assert path.read_bytes() == before
    path.write_text('{"format": 1, "video": "w", "events": []}')
    with pytest.raises(InputError, match="found records of video 'w'; expected 'v'"):
        add(settings, exported(annotation("u2", user=2)))
    path.write_bytes(before_damage.replace(b'"v_1"', b'"v"'))
    with pytest.raises(InputError, match=r"found 'v' at events\.0\.event_id"):
        add(settings, exported(annotation("u2", user=2)))
    emptied = json.loads(before_damage)
    emptied["events"][0]["history"] = []
    path.write_text(json.dumps(emptied))
    with pytest.raises(InputError, match="no history of v_1"):
        add(settings, exported(annotation("u2", user=2)))
    path.write_text('{"format": 1, "video": "v", "events": [{"event_id": 3}]}')
    with pytest.raises(InputError, match=r"found 3 at events\.0\.event_id"):
        add(settings, exported(annotation("u2", user=2)))
