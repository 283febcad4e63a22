"""Critics and tokenizers by name: loaded once, when they are first asked for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping

from cprs.critics import TokenCritic, load_critic
from cprs.engine.cache import StateCache
from cprs.engine.shared import SharedEngine, Workers
from cprs.errors import unknown
from cprs.tokens import TokenCounter, counter_for

_MOST_COUNTERS = 32


class Critics:
    """The critics that the configuration names, on one pool of workers and with one cache.

    `known`: what `cprs.critics.load_critic` takes, or a critic that is already there, by name.
    Safe for several threads; loading blocks the thread that asks first and all that ask meanwhile.
    """

    def __init__(
        self,
        known: Mapping[str, str | TokenCritic],
        workers: Workers,
        *,
        batch: int = 8,
        cache: StateCache | None = None,
    ) -> None:
        self.known = dict(known)
        self._workers = workers
        self._batch = batch
        self._cache = StateCache() if cache is None else cache
        self._engines: dict[str, SharedEngine] = {}
        self._locks = {name: threading.Lock() for name in self.known}

    def know(self, name: str) -> None:
        """From now on there is a critic that `load_critic` knows as `name`."""
        if name not in self.known:
            self._locks[name] = threading.Lock()
            self.known[name] = name

    def engine(self, name: str) -> SharedEngine:
        """What runs the critic called `name`. Raises `OptionError`, `WeightsError`."""
        if name not in self.known:
            raise unknown("critic", name, list(self.known))
        with self._locks[name]:
            if name not in self._engines:
                source = self.known[name]
                critic = load_critic(source) if isinstance(source, str) else source
                self._engines[name] = SharedEngine(
                    critic, self._workers, batch=self._batch, cache=self._cache
                )
            return self._engines[name]


class Counters:
    """Token counters by the name of the model; the least recently used is forgotten."""

    def __init__(self, most: int = _MOST_COUNTERS) -> None:
        self._most = most
        self._counters: OrderedDict[str, TokenCounter] = OrderedDict()
        self._lock = threading.Lock()

    def counter(self, tokenizer: str) -> TokenCounter | None:
        """The counter for a model's name, None for "". Raises `OptionError`."""
        if not tokenizer:
            return None
        with self._lock:
            counter = self._counters.get(tokenizer)
            if counter is not None:
                self._counters.move_to_end(tokenizer)
                return counter
        counter = counter_for(tokenizer)
        with self._lock:
            self._counters[tokenizer] = counter
            while len(self._counters) > self._most:
                self._counters.popitem(last=False)
        return counter
