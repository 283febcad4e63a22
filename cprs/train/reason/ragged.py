"""Arrays of different lengths, one after another in one file, read through a memory map."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cprs.errors import TextError


class RaggedWriter:
    """Appends arrays (n, *tail) of one `dtype`, n different each time. A context manager: the
    file counts as written when it ends without an error."""

    def __init__(self, folder: Path, name: str, dtype: str, tail: tuple[int, ...] = ()) -> None:
        self._index = folder / f"{name}.npy"
        self._file = (folder / f"{name}.bin").open("wb")
        self._dtype = np.dtype(dtype)
        self._tail = tail
        self._ends = [0]

    def __len__(self) -> int:
        return len(self._ends) - 1

    def append(self, values: NDArray[Any]) -> int:
        """Write one array and return its number."""
        if values.shape[1:] != self._tail:
            raise ValueError(f"expected (n, *{self._tail}), got {values.shape}")
        self._file.write(np.ascontiguousarray(values, self._dtype).tobytes())
        self._ends.append(self._ends[-1] + len(values))
        return len(self) - 1

    def __enter__(self) -> RaggedWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        if kind is None:
            np.save(self._index, np.array(self._ends, np.int64))


class Ragged:
    """What a `RaggedWriter` wrote; an array is read when it is asked for."""

    def __init__(self, folder: Path, name: str, dtype: str, tail: tuple[int, ...] = ()) -> None:
        path = folder / f"{name}.bin"
        try:
            self._ends: NDArray[np.int64] = np.load(folder / f"{name}.npy")
            flat: NDArray[Any] = (
                np.memmap(path, dtype, "r") if path.stat().st_size else np.zeros(0, dtype)
            )
            self._values = flat.reshape(-1, *tail)
        except (OSError, ValueError) as error:
            raise TextError(f"{path}: prepared data cannot be read: {error}") from error
        if len(self._values) != self._ends[-1]:
            raise TextError(f"{path}: prepared data is cut short; remove its folder and start over")

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, number: int) -> NDArray[Any]:
        return np.asarray(self._values[self._ends[number] : self._ends[number + 1]])
