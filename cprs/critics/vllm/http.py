"""A vLLM server's `/pooling` route: token ids in, raw float32 rows out."""

from __future__ import annotations

import json
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from queue import LifoQueue
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from cprs.critics.vllm.base import Ids, Logits
from cprs.errors import OptionError, ServiceError

CONNECTIONS = 8
"""Requests that are under way at once, at most: more would wait in the server's queue."""
ATTEMPTS = 4
TIMEOUT = 600.0
"""Seconds without an answer. A server that has much to do is slow, not broken."""
_CONNECT = 5.0
_TOGETHER = 64
"""Windows in one request: where each ends comes in a header, whose length is bounded."""
_AGAIN = {429, 502, 503, 504}
_PATIENCE = 30.0


class OnServer:
    """A model on a vLLM server. Labels are those of the server's configuration.

    A request that found no connection, or was told to come later (429, 502, 503, 504), is made
    again, `ATTEMPTS` times in all: reading a window twice changes nothing.
    """

    any_label = False
    block = 1
    """vLLM's route cannot ask for cached prompts."""

    def __init__(
        self,
        url: str,
        *,
        model: str,
        key: str = "",
        connections: int = CONNECTIONS,
        timeout: float = TIMEOUT,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._link = _Link(url, key=key, timeout=timeout, connections=connections, sleep=sleep)
        self._model = model

    def run(self, prompt: Ids, windows: Sequence[Ids], rows: Sequence[int]) -> list[Logits]:
        """Logits of each window's tokens; `rows` are the server's own."""
        head = prompt.tolist()
        found: list[Logits] = []
        for start in range(0, len(windows), _TOGETHER):
            part = windows[start : start + _TOGETHER]
            body = {
                "model": self._model,
                "input": [head + ids.tolist() for ids in part],
                "task": "token_classify",
                "use_activation": False,
                "encoding_format": "bytes",
                "endianness": "little",
            }
            headers, data = self._link.ask("POST", "/pooling", body)
            said = _rows(headers.get("metadata", ""), data, self._link.url)
            if len(said) != len(part):
                raise ServiceError(f"{self._link.url} answered {len(said)} of {len(part)} windows")
            found += [logits[len(head) :] for logits in said]
        return found

    def close(self) -> None:
        """Close the connections that nobody uses; they are opened again when needed."""
        self._link.close()


class Models:
    """What a server says it serves."""

    def __init__(self, url: str, *, key: str = "", sleep: Callable[[float], None] = time.sleep):
        self._link = _Link(url, key=key, timeout=30.0, connections=1, sleep=sleep)

    def only(self, name: str = "") -> dict[str, Any]:
        """The entry of `/v1/models` called `name`, or the only one. Raises `ServiceError`."""
        try:
            _, data = self._link.ask("GET", "/v1/models", None)
        finally:
            self._link.close()
        try:
            entries = {str(entry["id"]): dict(entry) for entry in json.loads(data)["data"]}
        except (ValueError, KeyError, TypeError) as error:
            raise ServiceError(f"{self._link.url}/v1/models is not a vLLM's: {error}") from error
        if name and name not in entries:
            raise ServiceError(f"{self._link.url} serves {', '.join(entries)}, not {name}")
        if not name and len(entries) != 1:
            raise ServiceError(
                f"{self._link.url} serves {', '.join(entries) or 'nothing'}: say which one, as in"
                f" vllm:{self._link.url}/NAME"
            )
        return entries[name] if name else next(iter(entries.values()))


class _Link:
    """Connections to one server, kept open, as many as are used at once."""

    def __init__(
        self,
        url: str,
        *,
        key: str,
        timeout: float,
        connections: int,
        sleep: Callable[[float], None],
    ) -> None:
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in ("http", "https") or not parts.hostname or port == -1:
            raise OptionError(f"{url!r} is no server's address: give http://host:port")
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self.url = f"{parts.scheme}://{parts.netloc}"
        self._headers = {"content-type": "application/json"}
        if key:
            self._headers["authorization"] = f"Bearer {key}"
        self._timeout = timeout
        self._sleep = sleep
        self._free: LifoQueue[HTTPConnection] = LifoQueue()
        for _ in range(connections):
            self._free.put(kind(parts.hostname, port, timeout=_CONNECT))
        # Who drops a critic without closing it leaves no connection open.
        self._closed = weakref.finalize(self, _close, self._free)

    def ask(self, method: str, path: str, body: Any) -> tuple[Mapping[str, str], bytes]:
        """Headers and body of a good answer. Raises `ServiceError` for every other."""
        data = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        for attempt in range(1, ATTEMPTS + 1):
            last = attempt == ATTEMPTS
            connection = self._free.get()
            try:
                status, headers, said = self._exchange(connection, method, path, data)
            except TimeoutError as error:
                connection.close()
                raise ServiceError(f"{self.url} did not answer in {self._timeout:g} s") from error
            except (OSError, HTTPException) as error:
                connection.close()
                if last:
                    raise ServiceError(
                        f"no vLLM server at {self.url} ({_words(error)}); start one with:"
                        " vllm serve MODEL --runner pooling --enforce-eager"
                    ) from error
                wait = _pause(attempt)
            else:
                if status == 200:
                    return headers, said
                if last or status not in _AGAIN:
                    raise ServiceError(_refused(self.url, path, status, said))
                wait = _later(headers.get("retry-after"), attempt)
            finally:
                self._free.put(connection)
            self._sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def close(self) -> None:
        _close(self._free)

    def _exchange(
        self, connection: HTTPConnection, method: str, path: str, data: bytes | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        if connection.sock is None:
            try:
                connection.connect()
            except TimeoutError as error:
                raise ConnectionError(f"no connection in {_CONNECT:g} s") from error
        connection.sock.settimeout(self._timeout)
        connection.request(method, path, data, self._headers)
        answer: HTTPResponse = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, headers, answer.read()


def _rows(metadata: str, data: bytes, url: str) -> list[Logits]:
    """The sequences' rows (n, c), in the order they were sent."""
    try:
        items = sorted(json.loads(metadata)["data"], key=lambda item: item["index"])
        return [
            np.frombuffer(data[item["start"] : item["end"]], "<f4").reshape(item["shape"])
            for item in items
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise ServiceError(f"{url}/pooling: the answer cannot be read: {_words(error)}") from error


def _close(connections: LifoQueue[HTTPConnection]) -> None:
    for connection in tuple(connections.queue):
        connection.close()


def _refused(url: str, path: str, status: int, said: bytes) -> str:
    """What to say of an answer that is an error."""
    try:
        error: Any = json.loads(said)
        error = error.get("error", error)
        words = str(error.get("message", error) if isinstance(error, dict) else error)
    except (ValueError, AttributeError):
        words = said.decode("utf-8", "replace")
    words = next(iter(words.strip().splitlines()), "")[:300]
    if status in (401, 403):
        return f"{url} wants a key (status {status}): set VLLM_API_KEY"
    if path == "/pooling" and (status == 404 or "task" in words):
        return (
            f"{url} does not tag tokens (status {status}: {words}): it runs vLLM without --runner"
            " pooling, another model, or vLLM without cprs's plugin"
        )
    return f"{url}{path} answered {status}: {words}"


def _later(told: str | None, attempt: int) -> float:
    """Seconds to wait: what the server says, within reason, or ever longer."""
    try:
        return min(max(float(told or ""), 0.0), _PATIENCE)
    except ValueError:
        return _pause(attempt)


def _pause(attempt: int) -> float:
    """Seconds: next to none at first, since the server may just have closed an idle connection."""
    return 0.1 * 4.0 ** (attempt - 1)


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
