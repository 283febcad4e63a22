"""JSON Lines."""

from __future__ import annotations

import pytest

from cprs.errors import TextError
from cprs.formats.jsonl_format import JsonlFormat
from cprs.units import Role

FORMAT = JsonlFormat()


def test_a_record_is_a_line() -> None:
    text = '{"a": 1}\n\n[2]\r\n"\u2028"\n3'
    units = FORMAT.layout(text, "record").units
    assert [(u.kind, text[u.start : u.end]) for u in units] == [
        ("record", '{"a": 1}\n'),
        ("blank", "\n"),
        ("record", "[2]\r\n"),
        ("record", '"\u2028"\n'),
        ("record", "3"),
    ]
    assert units[1].role == Role.FRAME


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1}\n{"a": }\n', "line 2, column 7: expected a value, found '}'"),
        ("1\n2 3\n", "line 2, column 3: expected the end, found '3'"),
    ],
)
def test_errors_name_the_line(text: str, message: str) -> None:
    with pytest.raises(TextError) as caught:
        FORMAT.layout(text, "record")
    assert message in str(caught.value)


def test_limits_of_pythons_parser_are_not_the_formats() -> None:
    deep = "[" * 5_000 + "]" * 5_000
    assert len(FORMAT.layout(f"{deep}\n{'1' * 5_000}\n", "record").units) == 2


@pytest.mark.parametrize(
    ("sample", "likely"),
    [
        ('{"a": 1}\n{"a": 2}\n', True),
        ('\ufeff{"a": 1}\n\n{"a": 2}\n{"a": "to', True),
        ('{"a": 1}\n', False),
        ('{\n"a": 1\n}\n', False),
        ("1\n2\n3\n", False),
        ("[1] note\n[2] note\n", False),
        ("", False),
    ],
)
def test_detection(sample: str, likely: bool) -> None:
    assert (FORMAT.detect(sample) > 0.5) is likely
