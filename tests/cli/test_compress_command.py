"""`cprs compress`: bytes in, bytes out, and the numbers beside them."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from signal import SIGINT

import pytest
from command import Outcome, finish, run, start

NOTES = (
    "Ann chaired the meeting on Monday. Lunch was late and the soup was cold. "
    "The budget for the harbour was approved. Rain fell all day. "
    "Ben will repair the lighthouse before winter. Nobody spoke about the ferry."
)
ASK = ("-q", "Who chaired the meeting?", "--critic", "lexical")


def compress(*arguments: object, stdin: bytes = b"") -> Outcome:
    return run("compress", *arguments, stdin=stdin)


def test_text_to_stdout_and_numbers_to_stderr() -> None:
    done = compress(*ASK, "--budget", 12, stdin=NOTES.encode())
    assert done.code == 0
    assert done.out.startswith(b"Ann chaired the meeting on Monday.")
    assert done.out.decode() in NOTES
    facts = dict(line.split(None, 1) for line in done.err.splitlines())
    assert facts.keys() >= {"tokens", "seconds", "kept", "critic"}
    assert "times shorter" in done.err
    assert "\x1b" not in done.err  # plain where nobody is looking


def test_what_fits_comes_back_byte_for_byte(tmp_path: Path) -> None:
    data = "One line.\r\nAnother\tline.\n\n€ \0 👩‍🚀 end".encode()
    file = tmp_path / "a.txt"
    file.write_bytes(data)
    done = finish(start("compress", file, *ASK, "--budget", 1000))
    assert (done.code, done.out) == (0, data)


def test_a_process_reads_stdin_and_writes_bytes() -> None:
    done = finish(start("compress", "-", *ASK, "--budget", "12", "--quiet"), NOTES.encode())
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(b"Ann chaired")


def test_several_files_share_a_budget_under_their_names(tmp_path: Path) -> None:
    a, b, c = tmp_path / "a.txt", tmp_path / "b.txt", tmp_path / "c.txt"
    a.write_text(NOTES)
    b.write_text("The meeting in May was chaired by Cleo.\nNothing else happened there, really.\n")
    c.write_text("Fish soup needs salt.")
    done = compress(a, b, c, *ASK, "--budget", 24)
    assert done.code == 0
    text = done.out.decode()
    assert text.startswith(f"==> {a} <==\nAnn chaired")
    assert f"\n==> {b} <==\nThe meeting in May" in text
    assert str(c) not in text


def test_json_places_every_span(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("Nothing.\n" * 5 + NOTES)
    done = compress(file, *ASK, "--budget", 12, "--json")
    value = json.loads(done.out)
    text = file.read_text()
    assert value["tokens_out"] <= 12 < value["tokens_in"]
    assert value["query"] == "Who chaired the meeting?"
    assert value["documents"][0]["text"] == value["text"]
    best = max(value["spans"], key=lambda span: float(span["score"]))
    assert best["document"] == str(file)
    assert best["line"] == 6
    assert best["text"] == text[best["start"] : best["end"]]
    assert "chaired" in best["text"]


def test_a_folder_says_what_it_skips(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(NOTES)
    (tmp_path / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00")
    done = compress(tmp_path, *ASK, "--budget", 12)
    assert done.code == 0
    assert "==>" not in done.out.decode()
    assert "b.png: a PNG image, not text" in done.err
    listed = json.loads(compress(tmp_path, *ASK, "--json", "--quiet").out)["skipped"]
    assert listed[0]["document"] == str(tmp_path / "b.png")


def test_outputs_are_files_with_ordinary_permissions(tmp_path: Path) -> None:
    out, page = tmp_path / "kept.txt", tmp_path / "kept.html"
    out.write_text("old")
    out.chmod(0o640)
    done = compress(*ASK, "--budget", 12, "-o", out, "--html", page, stdin=NOTES.encode())
    assert (done.code, done.out) == (0, b"")
    assert out.read_text().startswith("Ann chaired")
    assert out.stat().st_mode & 0o777 == 0o640
    assert "Ann chaired" in page.read_text("utf-8")
    assert page.read_text("utf-8").startswith("<!DOCTYPE html>")
    mask = os.umask(0)
    os.umask(mask)
    assert page.stat().st_mode & 0o777 == 0o666 & ~mask
    assert sorted(os.listdir(tmp_path)) == ["kept.html", "kept.txt"]


def test_an_output_may_be_a_device_and_stays_one() -> None:
    assert compress(*ASK, "-o", os.devnull, stdin=NOTES.encode()).code == 0
    assert not Path(os.devnull).is_file()


@pytest.mark.parametrize("where", ["missing/kept.txt", "folder"])
@pytest.mark.parametrize("option", ["-o", "--html"])
def test_an_impossible_output_is_said_before_any_work(
    tmp_path: Path, where: str, option: str
) -> None:
    (tmp_path / "folder").mkdir()
    done = compress("no such input", *ASK, option, tmp_path / where)
    assert done.code == 1
    assert str(tmp_path / where) in done.error


def test_a_reader_that_leaves_ends_it_quietly(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text(NOTES * 1_000)
    with start("compress", file, *ASK, "--threshold", "0") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read().decode()
    assert (process.returncode, errors) == (141, "")


def test_ctrl_c_in_a_long_run_leaves_nothing(tmp_path: Path) -> None:
    file, out, page = tmp_path / "long.txt", tmp_path / "kept.txt", tmp_path / "kept.html"
    words = [
        f"Entry {n} says that the {n % 97}th lamp of house {n % 89} is out." for n in range(80_000)
    ]
    file.write_text(" ".join(words))
    with start("compress", file, "-q", "Which?", "-b", 50, "-o", out, "--html", page) as process:
        time.sleep(3)
        assert process.poll() is None
        process.send_signal(SIGINT)
        since = time.monotonic()
        done = finish(process)
    assert time.monotonic() - since < 10
    assert (done.code, done.out) == (130, b"")
    assert done.error == "interrupted; nothing was written"
    assert os.listdir(tmp_path) == ["long.txt"]
