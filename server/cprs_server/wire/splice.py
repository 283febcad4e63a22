"""A request's body with some texts changed, and every other byte as the client sent it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from cprs_server.wire.base import Path, Text
from cprs_server.wire.body import too_deep
from cprs_server.wire.files import read_file, write_file
from cprs_server.wire.places import Place, members, places
from cprs_server.wire.strings import encode, source_offsets


@dataclass(frozen=True, slots=True)
class Edit:
    """Code points [start, end) of the text at `path` become `text`; `encoded` as of `Text`."""

    path: Path
    start: int
    end: int
    text: str
    encoded: str = ""

    @classmethod
    def of(cls, text: Text, start: int, end: int, new: str) -> Edit:
        """The edit that puts `new` where [start, end) of `text` is."""
        return cls(text.path, start, end, new, text.encoded)


_Cut = tuple[int, int, str]  # code points of the body, and what takes their place


def splice(
    body: bytes,
    edits: Iterable[Edit] = (),
    *,
    model: str | None = None,
    remove: Collection[str] = ("cprs",),
) -> bytes:
    """`body`, a JSON object in UTF-8, with `edits` done, without the top-level members `remove`
    and, where `model` is given, with that as the value of its member `model`.

    What is neither is the same to the byte: escapes, white space, order, repeated keys, numbers.
    Linear. Raises `ValueError` for edits that overlap or lead to no string, `ProxyError` (400)
    for a body that is nested too deeply.

    >>> splice(b'{"cprs":{}, "prompt":"\\\\u00e9 long"}', [Edit(("prompt",), 2, 6, "!")])
    b'{"prompt":"\\\\u00e9 !"}'
    """
    text = body.decode()
    try:
        cuts: list[_Cut] = list(_texts(text, edits))
        if remove or model is not None:
            cuts += _members(text, model, remove)
    except RecursionError:  # what was parsed with a bit more of the stack left
        raise too_deep() from None
    if not cuts:
        return body
    return _cut(text, cuts).encode()


def _texts(text: str, edits: Iterable[Edit]) -> Iterable[_Cut]:
    by_path: dict[Path, list[Edit]] = {}
    for edit in edits:
        by_path.setdefault(edit.path, []).append(edit)
    if not by_path:
        return
    found = places(text, by_path)
    for path, group in by_path.items():
        place = found.get(path)
        if place is None or text[place.start] != '"':
            raise ValueError(f"there is no string at {'.'.join(map(str, path))}")
        group.sort(key=lambda edit: (edit.start, edit.end))
        for one, other in pairwise(group):
            if one.end > other.start:
                raise ValueError(f"edits of {'.'.join(map(str, path))} overlap")
        if group[0].encoded:
            yield _whole_file(text, place, group)
        else:
            yield from _inside(text, place, group)


def _inside(text: str, place: Place, edits: Sequence[Edit]) -> Iterable[_Cut]:
    source = text[place.start + 1 : place.end - 1]
    offsets = source_offsets(source, [n for edit in edits for n in (edit.start, edit.end)])
    base = place.start + 1
    for edit, start, end in zip(edits, offsets[::2], offsets[1::2], strict=True):
        if start > end:
            raise ValueError("an edit ends before it starts")
        yield base + start, base + end, encode(edit.text)


def _whole_file(text: str, place: Place, edits: Sequence[Edit]) -> _Cut:
    file = read_file(json.loads(text[place.start : place.end]))
    if file is None:
        raise ValueError("the file holds no text")
    cuts = [(edit.start, edit.end, edit.text) for edit in edits]
    if cuts[-1][1] > len(file.text):
        raise ValueError("an edit ends beyond the end of its file")
    written = write_file(replace(file, text=_cut(file.text, cuts)))
    return place.start + 1, place.end - 1, encode(written)


def _members(text: str, model: str | None, remove: Collection[str]) -> Iterator[_Cut]:
    """What is to change among the members of the body itself.

    A member that goes takes one comma along: the one after it, or before it where none stays after
    it. `model` is set at each of repeated keys, as an upstream may take the first of them.
    """
    value = "" if model is None else f'"{encode(model)}"'
    named = model is None
    kept = gone = last = -1  # ends of the last that stays; start and end of those just seen to go
    for key, first, start, end in members(text):
        if key in remove:
            gone = first if gone < 0 else gone
            last = end
            continue
        if gone >= 0:
            yield gone, first, ""
            gone = -1
        if key == "model" and model is not None:
            yield start, end, value
            named = True
        kept = end
    if gone >= 0:
        yield (kept if kept >= 0 else gone), last, ""
    if not named:
        brace = text.index("{") + 1
        yield brace, brace, f'"model":{value}' + ("," if kept >= 0 else "")


def _cut(text: str, cuts: Iterable[_Cut]) -> str:
    parts: list[str] = []
    position = 0
    for start, end, new in sorted(cuts, key=lambda cut: cut[:2]):
        parts += (text[position:start], new)
        position = end
    parts.append(text[position:])
    return "".join(parts)
