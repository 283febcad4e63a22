"""Reading files: verbatim, or a line that names the file and the byte."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cprs.errors import OptionError, TextError
from cprs.files import Source, decode, read_file, read_sources, read_stdin


@settings(deadline=None)
@given(st.text())
def test_utf8_is_read_verbatim(text: str) -> None:
    data = text.encode()
    if text.count("\0") < 4 and not text.startswith("\ufeff"):
        assert decode(data, name="x") == text


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-32"])
def test_byte_order_marks_decide_and_are_taken_off(codec: str) -> None:
    assert decode("Grüße\r\n日本".encode(codec), name="x") == "Grüße\r\n日本"


def test_big_endian_mark() -> None:
    assert decode(b"\xfe\xff\x00a\x00b", name="x") == "ab"


def test_a_mark_goes_with_a_named_utf8_too() -> None:
    assert decode(b"\xef\xbb\xbfa", name="x", encoding="UTF-8") == "a"


def test_line_endings_and_nul_stay(tmp_path: Path) -> None:
    data = b"a\r\nb\rc\n\x00\x0c\xc2\x85"
    path = tmp_path / "mixed.txt"
    path.write_bytes(data)
    assert read_file(str(path)).text.encode() == data


def test_wrong_encoding_names_file_byte_and_remedy(tmp_path: Path) -> None:
    path = tmp_path / "latin.txt"
    path.write_bytes(b"x" * 12_345 + b"\xe9t\xe9")
    with pytest.raises(
        TextError, match=r"latin\.txt: not utf-8 at byte 12,345 \(0xe9\).*--encoding"
    ):
        read_file(str(path))
    assert read_file(str(path), encoding="latin-1").text.endswith("été")


def test_offset_counts_the_mark() -> None:
    with pytest.raises(TextError, match="at byte 4 "):
        decode(b"\xef\xbb\xbfa\xff", name="x")
    with pytest.raises(TextError, match="not utf-16-le at byte 4"):
        decode(b"\xff\xfea\x00b", name="x")


@pytest.mark.parametrize("encoding", ["klingon", "hex", "rot13", "", "a\0b"])
def test_unknown_encodings(encoding: str) -> None:
    with pytest.raises(OptionError, match="unknown encoding"):
        decode(b"a", name="x", encoding=encoding)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"%PDF-1.7\n\xe2\xe3\xcf\xd3", "a PDF document"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "a PNG image"),
        (b"PK\x03\x04\x14\x00", "a ZIP archive"),
        (b"\x7fELF\x02\x01\x01\x00", "a program"),
    ],
)
def test_known_binaries_are_named(data: bytes, what: str) -> None:
    with pytest.raises(TextError, match=what):
        decode(data, name="x")


def test_text_that_begins_like_a_binary_is_text() -> None:
    assert decode(b"RIFF raff", name="x") == "RIFF raff"


def test_nul_heavy_data_names_the_first_nul() -> None:
    with pytest.raises(TextError, match=r"NUL at byte 7, 50 in all.*utf-16-le"):
        decode(b"abcdefg" + b"\0a" * 50, name="x")


def test_missing_folder_and_device(tmp_path: Path) -> None:
    with pytest.raises(TextError, match="no such file"):
        read_file(str(tmp_path / "nothing"))
    with pytest.raises(TextError, match="a folder"):
        read_file(str(tmp_path))
    with pytest.raises(TextError, match="device"):
        read_file(os.devnull)
    with pytest.raises(TextError, match="cannot be read"):
        read_file("a\0b")
    with pytest.raises(TextError, match="no text file in this folder"):
        read_sources([str(tmp_path)])


def test_a_pipe_is_read(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.write(write, b"through a pipe")
    os.close(write)
    assert read_file(f"/dev/fd/{read}").text == "through a pipe"
    os.close(read)


def test_stdin() -> None:
    assert read_stdin(stdin=io.BytesIO(b"a\r\n")) == Source("-", "a\r\n")


def test_folders_are_read_in_order_and_say_what_they_skip(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "sub/c.txt", ".git/config", "node_modules/x.js"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "z.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00")
    (tmp_path / ".hidden").write_text("x")
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe")  # reading it would hang
    found = read_sources([str(tmp_path), str(tmp_path / "a.txt")])
    assert [os.path.relpath(s.name, tmp_path) for s in found.files] == [
        "a.txt",
        "b.txt",
        os.path.join("sub", "c.txt"),
    ]
    reasons = {os.path.relpath(s.name, tmp_path): s.reason for s in found.skipped}
    assert reasons == {
        ".git": "hidden or generated folder",
        "node_modules": "hidden or generated folder",
        ".hidden": "hidden file",
        "gone": "not a regular file",
        "pipe": "not a regular file",
        "z.png": "a PNG image, not text (byte 0); convert it to text first",
    }


def test_a_folder_of_binaries_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(bytes(range(256)) * 4)
    with pytest.raises(TextError, match="no text file"):
        read_sources([str(tmp_path)])


def test_a_path_given_twice_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    path = str(tmp_path / "a.txt")
    assert len(read_sources([path, path, str(tmp_path)]).files) == 1
