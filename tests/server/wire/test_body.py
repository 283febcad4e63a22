"""Bodies: what is one JSON object in UTF-8, and what is told about all others."""

from __future__ import annotations

import pytest
from cprs_server.errors import ProxyError
from cprs_server.wire.body import parse


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "the body is empty"),
        (b"{", "the body is not JSON: Expecting property name"),
        (b'{"a": 1,}', "line 1, column"),
        (b'{"a": 1} x', "Extra data"),
        (b'{"a": "\n"}', "Invalid control character"),
        (b'{"a": "\\x"}', "Invalid \\escape"),
        (b'\xef\xbb\xbf{"a": 1}', "byte order mark"),
        (b'{"a": "\xff"}', "not UTF-8: bad byte at offset 7"),
        (b'{"a": "\xed\xa0\x80"}', "not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
        ('{"a": 1}'.encode("utf-16-le"), "not JSON"),
        (b"[]", "must be a JSON object, not an array"),
        (b'"x"', "must be a JSON object, not a string"),
        (b"1", "must be a JSON object, not a number"),
        (b"null", "must be a JSON object, not null"),
        (b"true", "must be a JSON object, not true or false"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_not_a_json_object_is_said(body: bytes, said: str) -> None:
    with pytest.raises(ProxyError) as caught:
        parse(body)
    assert caught.value.status == 400
    assert caught.value.code == "invalid_json"
    assert said in caught.value.message
    assert "\n" not in caught.value.message


def test_numbers_of_any_length_and_repeated_keys_are_read() -> None:
    body = b'{"a": 1, "n": ' + b"9" * 5000 + b', "m": 12, "x": NaN, "a": 2}'
    value = parse(body)
    assert value["a"] == 2
    assert value["m"] == 12
    assert value["n"] == float("inf")
