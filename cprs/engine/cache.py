"""A bounded cache of what a critic has read, in memory and, if wanted, on disk.

A state is found by the content of its window and the critic's name, so a document that grew, or
one that shares its beginning with another, finds all windows that did not change.
"""

from __future__ import annotations

import os
import tempfile
import threading
import zipfile
from collections import OrderedDict
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

import numpy as np

from cprs.critics.base import State
from cprs.errors import OptionError
from cprs.windows import Window

MIB = 1 << 20


class StateCache:
    """Keeps states, the least recently used leaving first. Safe for several threads.

    `max_bytes` bounds the memory, `max_disk_bytes` the files under `directory`; without a
    directory nothing is written. At 388 bytes a token, 800 MiB hold about 2.1M tokens. Of a text
    larger than that the beginning is kept: windows of one run do not push each other out, or the
    next question would find none of them.
    """

    def __init__(
        self,
        max_bytes: int = 800 * MIB,
        *,
        directory: str | Path | None = None,
        max_disk_bytes: int = 4096 * MIB,
    ) -> None:
        self.max_bytes = max_bytes
        self.bytes = 0
        self._run = 0
        # What was kept, with the run that used it last, the least recently used first.
        self._states: OrderedDict[bytes, tuple[int, State]] = OrderedDict()
        self._lock = threading.Lock()
        self._disk = Shelf(Path(directory).expanduser(), max_disk_bytes) if directory else None

    def __len__(self) -> int:
        return len(self._states)

    def begin(self) -> None:
        """A run begins: what earlier runs left may make room for what this one reads."""
        with self._lock:
            self._run += 1

    def get(self, key: bytes) -> State | None:
        """The state under `key`, or None."""
        with self._lock:
            if key in self._states:
                _, kept = self._states[key]
                self._states[key] = (self._run, kept)
                self._states.move_to_end(key)
                return kept
        state = self._disk.get(key) if self._disk else None
        if state is not None:
            self._keep(key, state)
        return state

    def put(self, key: bytes, state: State) -> None:
        """Keep a state. One without arrays costs nothing to read again and is not kept."""
        if not state:
            return
        self._keep(key, state)
        if self._disk is not None:
            self._disk.put(key, state)

    def clear(self) -> None:
        """Forget what is in memory; files stay."""
        with self._lock:
            self._states.clear()
            self.bytes = 0

    def _keep(self, key: bytes, state: State) -> None:
        with self._lock:
            if key in self._states:
                self.bytes -= size_of(self._states.pop(key)[1])
            room = self.max_bytes - size_of(state)
            while self.bytes > room and self._states:
                oldest = next(iter(self._states))
                used, dropped = self._states[oldest]
                if used == self._run:
                    return
                del self._states[oldest]
                self.bytes -= size_of(dropped)
            if room >= 0:
                self._states[key] = (self._run, state)
                self.bytes += size_of(state)


class Shelf:
    """States as files. Written whole or not at all; one that cannot be read is removed."""

    def __init__(self, directory: Path, max_bytes: int) -> None:
        self.directory = directory
        self.max_bytes = max_bytes
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OptionError(f"cache directory {directory} cannot be used: {error}") from error
        self._lock = threading.Lock()
        self._bytes = sum(size for _, size, _ in self._files())

    def get(self, key: bytes) -> State | None:
        path = self._path(key)
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                if arrays["window"].tobytes() != key:
                    raise ValueError("a state of another window")
                state = tuple(arrays[f"arr_{i}"] for i in range(len(arrays.files) - 1))
            os.utime(path)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            path.unlink(missing_ok=True)
            return None
        return state

    def put(self, key: bytes, state: State) -> None:
        path = self._path(key)
        if path.exists():
            return
        try:
            size = self._write(path, key, state)
        except OSError:  # a full disk costs speed later, not the run
            return
        with self._lock:
            self._bytes += size
            if self._bytes > self.max_bytes:
                self._make_room()

    def _make_room(self) -> None:
        """Remove the files used longest ago, a tenth more than needed."""
        files = self._files()
        # Counted anew: other processes may share the directory.
        self._bytes = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if self._bytes <= 0.9 * self.max_bytes:
                break
            self._bytes -= size
            path.unlink(missing_ok=True)

    def _write(self, path: Path, key: bytes, state: State) -> int:
        descriptor, temporary = tempfile.mkstemp(dir=self.directory, suffix=".part")
        try:
            with os.fdopen(descriptor, "wb") as file:
                np.savez(file, *state, window=np.frombuffer(key, np.uint8))
                size = file.tell()
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        return size

    def _files(self) -> list[tuple[int, int, Path]]:
        """When used, size and path of every file."""
        found = []
        for path in self.directory.glob("*.npz"):
            with suppress(FileNotFoundError):
                about = path.stat()
                found.append((about.st_mtime_ns, about.st_size, path))
        return found

    def _path(self, key: bytes) -> Path:
        return self.directory / f"{key.hex()}.npz"


def key_of(critic: str, window: Window) -> bytes:
    """The cache key of a window under a critic's name."""
    name = blake2b(critic.encode(), digest_size=16).digest()
    return blake2b(window.token_ids.tobytes(), digest_size=16, key=name).digest()


def size_of(state: State) -> int:
    """Bytes of a state's arrays."""
    return sum(array.nbytes for array in state)
