"""The texts of a request for a response: what an input's items are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cprs_server.wire.base import Kind, Path
from cprs_server.wire.read import Gathered, call_text, kind_of, mappings

_KINDS: dict[str, Kind] = {
    "system": "system",
    "developer": "system",
    "user": "question",
    "assistant": "answer",
}


def read_item(gathered: Gathered, path: Path, item: Mapping[str, Any]) -> bool:
    """Read one item of `input`. True if it stands for something that the upstream keeps.

    What the API's own tools found (file search, MCP, code) is counted, never changed: it must
    come back as it was sent.
    """
    kind = item.get("type")
    match kind:
        case None | "message" if "role" in item:
            role = kind_of(_KINDS, item.get("role"))
            if role is None:
                gathered.note(item.get("content"))
            else:
                _content(gathered, (*path, "content"), item.get("content"), role)
        case "function_call":
            gathered.call(item.get("call_id"), item.get("name"), item.get("arguments"))
        case "custom_tool_call":
            gathered.call(item.get("call_id"), item.get("name"), item.get("input"))
        case "local_shell_call" | "shell_call":
            action = item.get("action")
            action = action if isinstance(action, dict) else {}
            lines = action.get("command") or action.get("commands") or []
            said = " ".join(line for line in lines if isinstance(line, str))
            gathered.call(item.get("call_id"), "shell", said)
        case "apply_patch_call":
            gathered.call(item.get("call_id"), "apply_patch", item.get("operation"))
        case (
            "function_call_output"
            | "custom_tool_call_output"
            | "local_shell_call_output"
            | "shell_call_output"
            | "apply_patch_call_output"
        ):
            _result(gathered, path, item)
        case "item_reference":
            return True
        case None if isinstance(item.get("id"), str):  # a reference may leave its type out
            return True
        case "reasoning":
            for key in ("summary", "content"):
                for _, part in mappings(item.get(key)):
                    gathered.note(part.get("text"))
            gathered.other_parts += bool(item.get("encrypted_content"))
        case "compaction" | "compaction_summary" | "image_generation_call" | "computer_call_output":
            gathered.other_parts += 1
        case _:
            gathered.note({key: value for key, value in item.items() if key not in ("id", "type")})
    gathered.mark(item)
    return False


def _result(gathered: Gathered, path: Path, item: Mapping[str, Any]) -> None:
    id = item.get("call_id", item.get("id"))
    call = gathered.call_of(id) or call_text(item.get("name"), "")
    output = item.get("output")
    _content(gathered, (*path, "output"), output, "tool_result", call)


def _content(gathered: Gathered, path: Path, content: Any, kind: Kind, call: str = "") -> None:
    """A string, or an array of parts."""
    gathered.text(path, content, kind, call=call)
    for number, part in mappings(content):
        _part(gathered, (*path, number), part, kind, call)
        gathered.mark(part)


def _part(gathered: Gathered, path: Path, part: Mapping[str, Any], kind: Kind, call: str) -> None:
    match part.get("type"):
        case "input_text" | "output_text" | "text":
            gathered.text((*path, "text"), part.get("text"), kind, call=call)
        case "refusal":
            gathered.text((*path, "refusal"), part.get("refusal"), kind)
        case "input_file":
            name = part.get("filename")
            gathered.file(
                (*path, "file_data"),
                part.get("file_data"),
                "document" if kind == "question" else kind,
                call=call,
                name=name if isinstance(name, str) else "",
            )
        case None if "stdout" in part or "stderr" in part:  # what a shell printed
            for key in ("stdout", "stderr"):
                gathered.text((*path, key), part.get(key), kind, call=call)
        case _:
            gathered.part(part)
