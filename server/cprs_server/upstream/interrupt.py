"""Breaking off the work of a task for a reason, told apart from the task's own cancellation."""

from __future__ import annotations

import asyncio
from types import TracebackType


class Interrupt:
    """Around work that something else may have to stop.

    `fire` cancels the task that is in the block, and leaving the block turns that cancellation into
    the error given. A cancellation from elsewhere stays one, even where both come.
    """

    __slots__ = ("_error", "_task")

    def __init__(self) -> None:
        self._task: asyncio.Task[object] | None = None
        self._error: Exception | None = None

    def fire(self, error: Exception) -> None:
        """Stops the work; without effect before, after, and a second time."""
        if self._task is not None and self._error is None:
            self._error = error
            self._task.cancel()

    async def __aenter__(self) -> None:
        self._task = asyncio.current_task()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        task, self._task = self._task, None
        if self._error is None or task is None:
            return
        uncancel = getattr(task, "uncancel", None)  # since Python 3.11
        others = uncancel() if uncancel else 0
        if isinstance(error, asyncio.CancelledError):
            if not others:
                raise self._error from None
        else:
            # The work ended first, so the cancellation may still be due.
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                if others:
                    raise
