"""What follows from the settings in force, made anew when they change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cprs_server.access.keys import Keys
from cprs_server.config.settings import Key, Settings
from cprs_server.routing import Router
from cprs_server.shadow import Shadow


@dataclass(frozen=True, slots=True)
class Live:
    """The settings, and what is made of them. A request takes them once, when it begins."""

    settings: Settings
    router: Router
    keys: Keys[Key]
    shadow: Shadow

    @classmethod
    def of(cls, settings: Settings) -> Live:
        """All that `settings` come to."""
        router, keys = Router(settings), Keys(settings.keys)
        return cls(settings, router, keys, Shadow(settings.shadow))


class Current:
    """Gives the `Live` of the settings that hold now; `changed` is told of others than before."""

    def __init__(
        self, settings: Callable[[], Settings], changed: Callable[[Live], None] = lambda _: None
    ) -> None:
        self._settings = settings
        self._changed = changed
        self._live = Live.of(settings())

    def __call__(self) -> Live:
        """What holds now."""
        settings = self._settings()
        if settings is not self._live.settings:
            self._live = Live.of(settings)
            self._changed(self._live)
        return self._live
