"""Places: what is at each path, found in texts as clients write them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from cprs_server.wire.places import members, places
from hypothesis import example, given, settings
from hypothesis import strategies as st
from raw_json import OBJECTS, VALUES, Members, Path, write


def loads(text: str) -> Any:
    # Numbers as they are written, so that NaN equals itself and none is too long.
    return json.loads(text, parse_int=str, parse_float=str, parse_constant=str)


def paths_of(value: Any, path: Path = ()) -> Iterator[Path]:
    yield path
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, item in items:
        yield from paths_of(item, (*path, key))


def at(value: Any, path: Path) -> Any:
    for key in path:
        value = value[key]
    return value


@settings(deadline=None)
@given(VALUES, st.integers(0, 9999), st.data())
def test_each_path_leads_to_its_value(value: Any, seed: int, data: st.DataObject) -> None:
    text = write(value, seed).text
    read = loads(text)
    known = list(paths_of(read))
    wanted = data.draw(st.lists(st.sampled_from(known), max_size=4))
    missing: list[Path] = [("nowhere",), (99,), (*wanted[0], "nowhere")] if wanted else []
    found = places(text, [*wanted, *missing])
    assert set(found) == set(wanted)
    for path, place in found.items():
        source = text[place.start : place.end]
        assert source == source.strip()
        assert loads(source) == at(read, path)
        if path and isinstance(path[-1], str):
            assert loads("{" + text[place.first : place.end] + "}") == {path[-1]: at(read, path)}


@settings(deadline=None)
@given(OBJECTS, st.integers(0, 9999))
def test_members_are_all_there_in_order(value: Members, seed: int) -> None:
    text = write(value, seed).text
    read = [(key, text[first:end], text[start:end]) for key, first, start, end in members(text)]
    assert [key for key, _, _ in read] == [key for key, _ in value.pairs]
    for (key, member, source), (_, item) in zip(read, value.pairs, strict=True):
        assert loads(source) == loads(write(item, 0).text)
        assert loads("{" + member + "}") == {key: loads(source)}


@example('{"a":["x"],"a":"y"}', [("a", 0)], {})
@example('{"a":"y","a":["x"]}', [("a", 0)], {("a", 0): '"x"'})
@example('{"a":{"b":1},"a":{"c":2}}', [("a", "b"), ("a", "c")], {("a", "c"): "2"})
@example("[[],{},[1]]", [(2, 0), (0, 0), (1, "a")], {(2, 0): "1"})
@example('["a"]', [("0",)], {})
@example('{"1":2}', [(1,)], {})
@example(' "s" ', [()], {(): '"s"'})
@settings(deadline=None, max_examples=1)
@given(st.just("{}"), st.just([]), st.just({}))
def test_of_repeated_keys_the_last_counts(
    text: str, paths: list[Path], sources: dict[Path, str]
) -> None:
    found = places(text, paths)
    assert {path: text[p.start : p.end] for path, p in found.items()} == sources


def test_depth_is_not_limited_by_the_walk() -> None:
    depth = 900
    text = '{"a":[' * (depth // 2) + '"x"' + "]}" * (depth // 2)
    path: Path = ("a", 0) * (depth // 2)
    assert text[places(text, [path])[path].start :].startswith('"x"')
