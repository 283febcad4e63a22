"""One critic on several devices: a process for each, which all read windows of the same requests.

Windows are independent of each other, so whoever is free takes the next ones, and what comes back
is in order. What a process had in hand when it ended is read again by another.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from cprs.checkpoint import checkpoint
from cprs.critics.base import Scorer, Sifts, State, TokenCritic, TokenScores, decoding_of
from cprs.decode import Decoding
from cprs.errors import Cancelled, CprsError, OptionError
from cprs.guidance import Guidance
from cprs.windows import Encoded, Window

LANES = 2
"""Calls that a process has in hand: its device has the next one before it has ended the first."""
_LOST_MOST = 2
"""Processes that may end over one call before it is taken for the reason."""
_GUIDANCES = 8
_SLICE = 16
"""Windows of a call for a first look."""

Make = Callable[[str], TokenCritic]
"""A critic on the device of that name. Pickled: a function of a module, or a partial of one."""


@dataclass(frozen=True, slots=True)
class _About:
    """What a process says of its critic once it is loaded."""

    name: str
    window: int
    threshold: float
    decoding: Decoding | None


@dataclass(frozen=True, slots=True)
class _Answer:
    """Scores of a call's windows, or a first look at them, and what the scorer warns of."""

    scores: list[TokenScores]
    first: NDArray[np.float32] | None
    warnings: tuple[str, ...]


@dataclass(eq=False, slots=True)
class _Call:
    """Windows under one guidance, whether they are to be sifted or scored, and how many processes
    ended over them."""

    guidance: Guidance
    windows: Sequence[Window]
    sift: bool
    future: Future[_Answer] = field(default_factory=Future)
    lost: int = 0


class ParallelCritic:
    """A critic that `make` makes on each of `devices`. `encode` is done here: it needs no device.

    What is asked about must not depend on which windows a request has, as it does not for hybrids.
    Raises what making the critics raises. Ends its processes with `close`, or with itself.
    """

    def __init__(
        self, make: Make, devices: Sequence[str], *, encode: Callable[[str], Encoded]
    ) -> None:
        if not devices:
            raise OptionError("no devices: name one at least, such as 'cuda:0'")
        self._encode = encode
        self.pool = Pool(make, devices)
        finalize(self, self.pool.close)
        about = self.pool.about
        self.name, self.window, self.threshold = about.name, about.window, about.threshold
        self.decoding = about.decoding

    def encode(self, text: str) -> Encoded:
        """Tokens of a text."""
        return self._encode(text)

    def read(self, windows: Sequence[Window]) -> list[State]:
        """Nothing: what could be kept would stay on its device."""
        return [()] * len(windows)

    def ask(self, guidance: Guidance, windows: Sequence[Window]) -> ParallelScorer:
        """Prepare the question, in one of the processes."""
        return ParallelScorer(self, guidance)

    def close(self) -> None:
        """End the processes; calls under way are told `Cancelled`."""
        self.pool.close()


class ParallelScorer:
    """One guidance, scored by whichever process is free."""

    def __init__(self, critic: ParallelCritic, guidance: Guidance) -> None:
        self._critic = critic
        self._guidance = guidance
        self.warnings = critic.pool.call(guidance, ()).warnings

    def __call__(self, windows: Sequence[Window], states: Sequence[State]) -> list[TokenScores]:
        """Score windows. Raises what the critic raises, and `CprsError` where processes end."""
        return self._critic.pool.call(self._guidance, windows).scores

    def sift(self, windows: Sequence[Window], *, room: int) -> NDArray[np.float32] | None:
        """A first look by whichever process is free; None where the critic has none. What was begun
        is not held: a window may be another process's when it is scored.

        Raises as scoring does, and `Cancelled` once the work is to end.
        """
        pool = self._critic.pool
        slices = iter([windows[i : i + _SLICE] for i in range(0, len(windows), _SLICE)])
        waiting: deque[_Call] = deque()
        found = [np.zeros(0, np.float32)]
        while True:
            while len(waiting) < pool.lanes and (part := next(slices, None)) is not None:
                waiting.append(pool.submit(self._guidance, part, sift=True))
            if not waiting:
                return np.concatenate(found)
            checkpoint()
            first = waiting.popleft().future.result().first
            if first is None:
                return None
            found.append(first)


class Pool:
    """The processes, and the calls that wait for one."""

    def __init__(self, make: Make, devices: Sequence[str]) -> None:
        self._waiting: deque[_Call] = deque()
        self._woken = threading.Condition()
        self._ended: str | None = None
        context = multiprocessing.get_context("spawn")
        self.processes: list[BaseProcess] = []
        lanes: list[list[Connection]] = []
        try:
            for device in devices:
                ours, theirs = zip(*(context.Pipe() for _ in range(LANES)), strict=True)
                process: BaseProcess = context.Process(
                    target=_work, args=(make, device, theirs), name=f"cprs-{device}", daemon=True
                )
                process.start()
                for end in theirs:
                    end.close()  # or its end would not be seen here
                self.processes.append(process)
                lanes.append(list(ours))
            abouts = [_loaded(own[0], device) for own, device in zip(lanes, devices, strict=True)]
            if len({about.name for about in abouts}) > 1:
                raise OptionError(
                    f"devices {', '.join(devices)} do not make the same critic:"
                    f" {', '.join(about.name for about in abouts)}"
                )
        except BaseException:  # whatever it was, an interrupt too: none of them stays behind
            for process in self.processes:
                process.kill()
            raise
        self.about = abouts[0]
        self._threads = [
            threading.Thread(
                target=self._serve, args=(lane, gone), name="cprs-parallel", daemon=True
            )
            for own, gone in ((own, threading.Event()) for own in lanes)
            for lane in own
        ]
        self.lanes = self._alive = len(self._threads)
        for thread in self._threads:
            thread.start()

    def call(self, guidance: Guidance, windows: Sequence[Window]) -> _Answer:
        """Have a process score windows, and wait for it."""
        return self.submit(guidance, windows).future.result()

    def submit(self, guidance: Guidance, windows: Sequence[Window], *, sift: bool = False) -> _Call:
        """Have a process score windows, or `sift` them."""
        call = _Call(guidance, windows, sift)
        with self._woken:
            if self._ended is not None:
                raise CprsError(self._ended)
            self._waiting.append(call)
            self._woken.notify()
        return call

    def close(self) -> None:
        """End the processes."""
        self._end("the critic has been closed", Cancelled("cancelled: the critic has been closed"))
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.join(5)

    def _serve(self, lane: Connection, gone: threading.Event) -> None:
        """Hands calls to one lane of one process, as long as that lives. `gone`: what its lanes
        know of its end."""
        while (call := self._next()) is not None:
            if gone.is_set():
                self._back(call)
                break
            try:
                lane.send((call.guidance, call.windows, call.sift))
                said = lane.recv()
            except (EOFError, OSError):
                gone.set()
                self._lost(call)
                break
            except BaseException as error:  # noqa: BLE001  # raised where it was asked for
                call.future.set_exception(error)
            else:
                if isinstance(said, _Answer):
                    call.future.set_result(said)
                else:
                    call.future.set_exception(said)
        lane.close()
        with self._woken:
            self._alive -= 1
            alone = self._alive == 0
        if alone:
            why = "all processes that ran the critic have ended"
            codes = {p.exitcode for p in self.processes if p.exitcode}
            if -signal.SIGKILL in codes:
                why += ", one by the system, as it does where memory is short"
            self._end(f"{why}: start anew", None)

    def _next(self) -> _Call | None:
        with self._woken:
            while not self._waiting and self._ended is None:
                self._woken.wait()
            return None if self._ended is not None else self._waiting.popleft()

    def _lost(self, call: _Call) -> None:
        """A process ended with `call` in hand: another one's turn, unless it was the call."""
        call.lost += 1
        if call.lost < _LOST_MOST:
            self._back(call)
            return
        call.future.set_exception(
            CprsError(f"{call.lost} processes ended one after another over the same windows")
        )

    def _back(self, call: _Call) -> None:
        with self._woken:
            if self._ended is None:
                self._waiting.appendleft(call)
                self._woken.notify()
                return
        call.future.set_exception(Cancelled("cancelled: the critic has been closed"))

    def _end(self, why: str, error: CprsError | None) -> None:
        with self._woken:
            self._ended = self._ended or why
            waiting = list(self._waiting)
            self._waiting.clear()
            self._woken.notify_all()
        for call in waiting:
            call.future.set_exception(error or CprsError(why))


def load_parallel(folder: str | Path, *, devices: Sequence[str], **options: Any) -> ParallelCritic:
    """The hybrid in `folder` on each of `devices`, such as ("cuda:0", "cuda:1"); `options` are
    those of `HybridCritic.load`. Raises as it does."""
    from cprs.critics.hybrid.tokens import load_tokens

    make = partial(_hybrid, Path(folder), options)
    return ParallelCritic(make, devices, encode=load_tokens(Path(folder)).encode)


def _hybrid(folder: Path, options: dict[str, Any], device: str) -> TokenCritic:
    from cprs.critics.hybrid.critic import HybridCritic

    return HybridCritic.load(folder, device=device, **options)


def _loaded(lane: Connection, device: str) -> _About:
    try:
        said = lane.recv()
    except EOFError:
        raise CprsError(
            f"the process for {device} ended while it loaded the critic; a script that starts one"
            " does so under: if __name__ == '__main__'"
        ) from None
    if isinstance(said, _About):
        return said
    raise said


def _work(make: Make, device: str, lanes: Sequence[Connection]) -> None:
    """In a process of its own: loads a critic and answers on every lane, until they end."""
    # Whoever sits at the terminal interrupts the process that asks, which ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        critic = make(device)
        about = _About(critic.name, critic.window, critic.threshold, decoding_of(critic))
    except BaseException as error:  # noqa: BLE001  # told to whoever waits
        lanes[0].send(_told(error))
        return
    lanes[0].send(about)
    scorers = _Scorers(critic)
    threads = [threading.Thread(target=_answer, args=(scorers, lane)) for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class _Scorers:
    """Scorers of the guidances that were asked about last."""

    def __init__(self, critic: TokenCritic) -> None:
        self._critic = critic
        self._known: OrderedDict[Guidance, Scorer] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, guidance: Guidance, windows: Sequence[Window], sift: bool) -> _Answer:
        with self._lock:
            scorer = self._known.pop(guidance, None) or self._critic.ask(guidance, ())
            self._known[guidance] = scorer
            while len(self._known) > _GUIDANCES:
                self._known.popitem(last=False)
        scores: list[TokenScores] = []
        first = None
        if sift:
            first = scorer.sift(windows, room=0) if isinstance(scorer, Sifts) else None
        elif windows:
            scores = scorer(windows, self._critic.read(windows))
        return _Answer(scores, first, scorer.warnings)


def _answer(scorers: _Scorers, lane: Connection) -> None:
    with suppress(EOFError, OSError):  # whoever asked is gone
        while True:
            given = lane.recv()
            try:
                said: Any = scorers(*given)
            except Exception as error:  # noqa: BLE001  # told to whoever waits
                said = _told(error)
            lane.send(said)


def _told(error: BaseException) -> BaseException:
    """An error as it goes to another process: ours as they are, others by what they say."""
    if isinstance(error, CprsError):
        return error
    what = next(iter(str(error).splitlines()), "")
    return CprsError(f"in a process of the critic: {type(error).__name__}: {what}")
