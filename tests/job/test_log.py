"""The log of a job holds what it printed, and for bad input the message and the way out, without a traceback."""

import logging
import os
import re
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

from tsalv360.job.errors import InputError
from tsalv360.job.log import last_progress, logged, progress


@pytest.fixture(autouse=True)
def _own_handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    monkeypatch.setattr(logging.getLogger(), "level", logging.WARNING)


def test_output_errors_and_log_lines_go_to_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with logged(tmp_path / "a.log", "127"):
        print("printed")
        print("complained", file=sys.stderr)
        logging.getLogger("tsalv360.frames").warning("12 fps")
    assert (tmp_path / "a.log").read_text() == "printed\ncomplained\nWARNING: 12 fps\n"
    assert capsys.readouterr() == ("", "")


def test_output_of_commands_and_c_libraries_goes_to_the_file_too(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with logged(tmp_path / "a.log"):
        print("begun")
        subprocess.run("echo of a command; echo its complaint >&2", shell=True, check=True)
        print("done")
    os.write(2, b"after")
    assert (tmp_path / "a.log").read_text() == "begun\nof a command\nits complaint\ndone\n"
    assert capfd.readouterr() == ("", "after")


def test_a_long_job_shows_its_progress_and_the_place_of_its_log(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tsalv360.job.log._SHOW_S", 0.02)
    log = tmp_path / "a.log"
    with logged(log, shown_as="Training of fold 0"):
        bar = progress(200, "clips")
        for _ in range(100):
            bar.update()
        bar.refresh()
        time.sleep(0.3)
        print("what it prints itself stays in the log")
    assert "itself" in log.read_text()
    first, *others = capfd.readouterr().err.splitlines()
    assert first == f"Training of fold 0: its log is {log}"
    assert re.fullmatch(r"Training of fold 0: 50 %, 100 of 200, [\d.]+k? clips/s, 00:\d\d left", others[-1])
    assert "itself" not in "".join(others) and len(others) == len(set(others))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("Fold 0: 12 clips.\n", ""),
        ("  0%|          | 0/720 [00:00<?, ? clips/s]", "0 %, 0 of 720, ? clips/s, ? left"),
        (
            "a\r 27%|██▋  | 192/720 [00:10<1:00:27, 19.0 clips/s]\rWARNING: x\n",
            "27 %, 192 of 720, 19.0 clips/s, 1:00:27 left",
        ),
        ("100%|██| 1.2k/1.2k [00:38<00:00, 2.5s/ clips]", "100 %, 1.2k of 1.2k, 2.5s/ clips, 00:00 left"),
    ],
)
def test_the_progress_of_a_log_is_its_last_bar(tmp_path: Path, text: str, shown: str) -> None:
    (tmp_path / "a.log").write_text("x" * 5000 + "\n" + text, encoding="utf-8")
    assert last_progress(tmp_path / "a.log") == shown


def test_a_library_that_aborts_leaves_its_message_and_where_it_was_called(tmp_path: Path) -> None:
    job = f"""if True:
        import os
        from tsalv360.job.log import logged
        with logged({str(tmp_path / "a.log")!r}):
            os.write(2, b"terminate called")
            os.abort()"""
    assert subprocess.run([sys.executable, "-c", job], capture_output=True).returncode == -signal.SIGABRT
    text = (tmp_path / "a.log").read_text()
    assert text.startswith("terminate called")
    assert "line 6" in text


def test_bad_input_ends_with_its_message_and_the_line_that_excludes_the_video(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as caught, logged(tmp_path / "a.log", "127"):
        raise InputError("127.mp4", "a truncated video", "the whole file", "Download it again.")
    assert caught.value.code == 1
    text = (tmp_path / "a.log").read_text()
    assert "error: 127.mp4: found a truncated video; expected the whole file. Download it again.\n" in text
    assert 'videos: {exclude: {"127": "reason"}}' in text
    assert "Traceback" not in text


def test_a_full_disk_needs_no_traceback_either(tmp_path: Path) -> None:
    with pytest.raises(SystemExit), logged(tmp_path / "a.log"):
        raise OSError(28, "No space left on device")
    text = (tmp_path / "a.log").read_text()
    assert "No space left on device" in text
    assert "Traceback" not in text
    assert "exclude" not in text  # no video to go on without


def test_too_little_memory_is_named_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(SystemExit), logged(tmp_path / "a.log", "127"):
        np.empty(2**50)
    text = (tmp_path / "a.log").read_text()
    assert "error: not enough memory (Unable to allocate" in text
    assert "snakemake --cores 1" in text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("where", "made"),
    [
        ("events/127.parquet", "events/127.parquet"),
        ("captions/shards/0001.json", "captions/shards/0001.json"),
        ("saliency/127.parquet", "saliency/127.parquet"),
        ("saliency/128.parquet", None),
        ("assembled/127/maps/127.parquet", "assembled/127"),
        ("assembled/127", "assembled/127"),
        ("assembled/128", None),
        ("../../127.mp4", None),
    ],
)
def test_the_message_says_how_to_make_the_output_of_a_stage_again(tmp_path: Path, where: str, made: str | None) -> None:
    results = tmp_path / "the results"
    files = "events/127.parquet", "captions/shards/0001.json", "saliency/127.parquet", "assembled/127/maps/127.parquet"
    for name in (*files, "logs/x/127.log"):
        (results / name).parent.mkdir(parents=True, exist_ok=True)
        (results / name).touch()
    (results / "assembled" / "127" / ".snakemake_timestamp").touch()
    with pytest.raises(SystemExit), logged(results / "logs" / "x" / "127.log", "127"):
        raise InputError(results / where, "half of it", "all", "Mend it.")
    text = (results / "logs" / "x" / "127.log").read_text()
    line = f"To make it again, run snakemake after:  rm -r '{results / made}'\n" if made else None
    assert (line in text) if line else ("make it again" not in text)


def test_a_job_ends_with_the_workflow_that_started_it(tmp_path: Path) -> None:
    code = """if True:
        import sys, time
        from tsalv360.job.log import logged
        with logged(sys.argv[1]):
            print("begun")
            time.sleep(120)"""
    run = subprocess.Popen(["sleep", "120"])
    log = tmp_path / "a.log"
    job = subprocess.Popen([sys.executable, "-c", code, str(log)], env={**os.environ, "TSALV360_RUN": str(run.pid)})
    while not (log.exists() and log.read_text()):
        assert job.poll() is None
        time.sleep(0.05)
    time.sleep(1.5)
    assert job.poll() is None
    run.kill()
    run.wait()
    assert job.wait(60) == 1


def test_any_other_error_leaves_its_traceback(tmp_path: Path) -> None:
    with pytest.raises(SystemExit), logged(tmp_path / "a.log", "127"):
        {}["nothing"]
    text = (tmp_path / "a.log").read_text()
    assert "Traceback" in text
    assert "KeyError: 'nothing'" in text
    assert '"127"' in text


def test_warnings_of_libraries_are_kept(tmp_path: Path) -> None:
    with logged(tmp_path / "a.log"), warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *_: print(message, file=sys.stderr)
        warnings.warn("rounded", stacklevel=1)
    assert "rounded" in (tmp_path / "a.log").read_text()


def test_an_interrupt_is_passed_on(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), logged(tmp_path / "a.log"):
        raise KeyboardInterrupt


def test_output_is_restored_after_the_block(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit), logged(tmp_path / "a.log"):
        raise InputError("a", "b", "c", "d")
    print("after")
    assert capsys.readouterr().out == "after\n"


def test_a_job_of_a_workflow_runs_its_exit_handlers_but_does_not_tear_down_libraries(tmp_path: Path) -> None:
    code = """if True:
        import atexit, sys
        atexit.register(print, "of a library", flush=True)
        from tsalv360.job.log import logged
        class Kept:
            def __del__(self):
                print("torn down", flush=True)
        kept = Kept()
        with logged(sys.argv[1]):
            atexit.register(print, "of the block", flush=True)
            if "fails" in sys.argv: raise ValueError("bad")
        print("after")"""
    for arguments, status, output in (
        ([], 0, ["after", "of the block"]),
        (["fails"], 1, ["of the block", "of a library", "torn down"]),
    ):
        job = [sys.executable, "-c", code, str(tmp_path / "a.log"), *arguments]
        ended = subprocess.run(
            job, env={**os.environ, "TSALV360_RUN": str(os.getpid())}, capture_output=True, text=True
        )
        assert (ended.returncode, ended.stdout.split("\n")[:-1]) == (status, output)
