"""Whatever comes in: one clear line and the documented exit code."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from command import Outcome, finish, run, start

from cprs.cli.exits import MEANING, Exit
from cprs.cli.output import write_stdout
from cprs.critics.weights import SHIPPED
from cprs.errors import CprsError

TEXT = "Ann chaired the meeting. Lunch was late. The budget was approved on Monday."
ASK = ("-q", "Who chaired the meeting?", "--critic", "lexical")


def compress(*arguments: object, stdin: str | bytes = TEXT) -> Outcome:
    data = stdin.encode() if isinstance(stdin, str) else stdin
    return run("compress", *arguments, stdin=data)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--budget", 0), "budget must be at least 1"),
        (("--budget", -5), "budget must be at least 1"),
        (("--budget", "many"), "--budget"),
        (("--ratio", 0.5), "ratio must be at least 1"),
        (("--ratio", "nan"), "ratio must be at least 1"),
        (("--threshold", 1.5), "threshold must lie between 0 and 1"),
        (("--budget", 9, "--ratio", 9), "not both"),
        (("--hops", 0), "hops must be"),
        (("--effort", "quick"), "unknown effort 'quick'; known: fast, auto, thorough"),
        (("--critic", "oracle"), "known: "),
        (("--granularity", "stanza"), "known"),
        (("--format", "docx"), "known"),
        (("--label", ""), "label"),
        (("--encoding", "klingon"), "unknown encoding"),
        (("--html", "-"), "--html needs a file"),
        (("--colour",), "No such option"),
    ],
)
def test_bad_options(options: tuple[object, ...], says: str) -> None:
    done = compress(*ASK, *options)
    assert done.code == Exit.OPTION
    assert done.out == b""
    assert says in done.error


def test_an_option_is_judged_before_a_file_is_read() -> None:
    assert compress("no such file", "--budget", 0).code == Exit.OPTION


@pytest.mark.parametrize("text", ["", "  \n\t \r\n"])
def test_empty_text(text: str) -> None:
    done = compress(*ASK, stdin=text)
    assert done.code == Exit.TEXT
    assert "empty" in done.error


def test_a_question_or_instruction_is_needed() -> None:
    assert compress().code == Exit.OPTION


def test_budget_smaller_than_one_unit() -> None:
    done = compress(*ASK, "--budget", 1, "--format", "json", stdin=json.dumps({"a": TEXT, "b": 1}))
    assert done.code == Exit.BUDGET
    assert "budget 1 is too small" in done.error


def test_broken_json_given_as_json() -> None:
    done = compress(*ASK, "--format", "json", stdin='{"a": [1, 2,, 3]}')
    assert done.code == Exit.TEXT
    assert "JSON" in done.error


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00", "standard input: a PNG image, not text (byte 0)"),
        (b"abc\xff", "standard input: not utf-8 at byte 3 (0xff)"),
        (b"a\x00b\x00" * 9, "standard input: binary, not text: NUL at byte 1"),
    ],
)
def test_what_is_no_text_is_named_with_its_byte(data: bytes, says: str) -> None:
    done = compress(*ASK, stdin=data)
    assert (done.code, done.out) == (Exit.TEXT, b"")
    assert says in done.error


def test_a_missing_file_is_named() -> None:
    done = compress("no/such.txt", *ASK)
    assert done.code == Exit.TEXT
    assert done.error == "no/such.txt: no such file or folder"


def test_an_encoding_can_be_named() -> None:
    done = compress(
        *ASK, "-b", 50, "--encoding", "latin-1", stdin="Ann chaired the café.".encode("latin-1")
    )
    assert done.out.decode() == "Ann chaired the café."


@pytest.mark.parametrize(
    "text",
    [
        "שלום עולם. מי ניהל את הישיבה? אנה ניהלה את הישיבה. ירד גשם כל היום.",
        "e\u0301" * 200 + ". " + "n\u0303o. " * 50,
        "👩‍🚀👩‍👩‍👧‍👦 meeting 🏳️‍🌈. " * 40,
        "null \x00 byte. The meeting \x00 was chaired. " * 3 + "more words here. " * 40,
    ],
    ids=["right-to-left", "combining", "emoji", "nul"],
)
def test_unusual_text_is_kept_verbatim(text: str) -> None:
    done = compress(*ASK, "--ratio", 2, "--json", stdin=text)
    assert done.code == 0, done.err
    for span in json.loads(done.out)["spans"]:
        assert span["text"] == text[span["start"] : span["end"]]


def test_one_line_of_ten_megabytes() -> None:
    line = ("word " * 199 + "Ann chaired the meeting ") * 9_800
    assert len(line) > 9_900_000
    done = compress(*ASK, "--budget", 500, stdin=line)
    assert done.code == 0, done.err
    assert 0 < len(done.out) < 10_000


def test_a_query_that_is_no_utf8() -> None:
    done = compress("-q", "caf\udce9", "--critic", "lexical")
    assert done.code == Exit.OPTION
    assert "--query is not valid UTF-8" in done.error


def test_corrupt_weights_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "critic"
    shutil.copytree(SHIPPED, folder)
    model = next(folder.glob("*.onnx"))
    model.write_bytes(model.read_bytes()[:1000])
    done = compress("-q", "Who?", "--critic", folder)
    assert done.code == Exit.WEIGHTS
    assert "truncated" in done.error
    assert str(folder) in done.error


def test_a_bug_is_one_line_and_its_traceback_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by design")

    monkeypatch.setattr("cprs.cli.compress.read_sources", broken)
    monkeypatch.delenv("CPRS_DEBUG", raising=False)
    done = compress(*ASK)
    assert done.code == Exit.BUG
    assert "ZeroDivisionError: by design" in done.error
    assert "CPRS_DEBUG=1" in done.error
    monkeypatch.setenv("CPRS_DEBUG", "1")
    assert "Traceback" in compress(*ASK).err


def test_nothing_to_read_from_a_closed_stdin() -> None:
    done = finish(start("compress", *ASK, stdin=None, preexec_fn=_close_stdin))
    assert done.code == Exit.TEXT
    assert "standard input is closed" in done.error


def _close_stdin() -> None:
    os.close(0)


def test_help_and_docs_list_every_exit_code() -> None:
    done = run("--help")
    docs = (Path(__file__).parents[2] / "docs" / "cli.md").read_text("utf-8").replace("`", "")
    assert done.code == 0
    for code, meaning in MEANING.items():
        assert meaning in " ".join(done.out.decode().split())
        assert f"| {code:d} | {meaning} |" in docs


def test_a_device_is_refused_in_one_plain_line() -> None:
    done = compress(os.devnull, *ASK)
    assert done.code == Exit.TEXT
    assert done.error == f"{os.devnull}: a device or socket, not a file"


def test_a_closed_standard_output_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    with pytest.raises(CprsError, match="standard output is closed"):
        write_stdout(b"text")
