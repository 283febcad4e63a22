"""Running the proxy: sockets, signals, and an end without lost requests."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import math
import signal
import socket
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from types import FrameType
from typing import Any, Literal, Protocol

import uvicorn

from cprs.errors import CprsError, OptionError
from cprs_server.config.reload import Reload
from cprs_server.config.settings import Settings
from cprs_server.observe.logs import logging_to
from cprs_server.protocol import BoundedHead

_IDLE = 75
"""Seconds that a connection may be idle: longer than clients keep theirs, so that none is closed
on a request that is under way."""


class AppFactory(Protocol):
    """Makes the ASGI application."""

    def __call__(self, settings: Settings, *, reload: Reload | None = None) -> Any: ...


def serve(
    reload: Reload,
    *,
    make: AppFactory,
    started: Callable[[Sequence[str]], None] = lambda urls: None,
) -> None:
    """Serve until SIGTERM or Ctrl-C, then let running requests end.

    `make` is `cprs_server.app.create_app`. `started` is called with the URLs once
    requests are answered. SIGHUP and a change of the file read the settings again. Raises
    `OptionError` where the address cannot be had, `CprsError` where the application does not start.
    """
    settings = reload.current
    sockets = listen(settings.host, settings.port)
    with _closing(sockets), _logging(settings):
        app = make(settings, reload=reload)
        server = Server(_config(app, settings), reload, lambda: started(urls(sockets)))
        try:
            server.run(sockets=sockets)
        except SystemExit as error:
            raise CprsError("the proxy could not start; the log says why") from error


class Server(uvicorn.Server):
    """Uvicorn that reads settings again, says when it drains, and ends with 0 when told to end."""

    def __init__(
        self, config: uvicorn.Config, reload: Reload, started: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__(config)
        self._reload = reload
        self._on_started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # What was loaded by now stays: to look through it for garbage would stop all requests.
        gc.collect()
        gc.freeze()
        self._on_started()

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """As `uvicorn.Server.serve`, while the settings' file is watched."""
        stop = asyncio.Event()
        watching = asyncio.create_task(self._reload.watch(stop=stop))
        try:
            with self._reloading():
                await super().serve(sockets)
        finally:
            stop.set()
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal lets requests end, the second ends them."""
        self._reload.draining = True
        if self.should_exit:
            self.force_exit = True
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Uvicorn's raises the signal again at the end, which would make an error of a stop."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        signals = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextlib.contextmanager
    def _reloading(self) -> Generator[None, None, None]:
        hangup = getattr(signal, "SIGHUP", None)
        main = threading.current_thread() is threading.main_thread()
        if hangup is None or not main:
            yield
            return
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(hangup, self._reload.now)
        try:
            yield
        finally:
            loop.remove_signal_handler(hangup)


def listen(host: str, port: int) -> list[socket.socket]:
    """Sockets on all addresses of a host; port 0 is a free one. Raises `OptionError`."""
    sockets: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, _, _, _, address in dict.fromkeys(found):
            opened = socket.socket(family, socket.SOCK_STREAM)
            sockets.append(opened)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            opened.bind((address[0], port, *address[2:]))
            opened.setblocking(False)
            port = port or opened.getsockname()[1]
    except (OSError, ValueError, UnicodeError) as error:
        for opened in sockets:
            opened.close()
        said = getattr(error, "strerror", None) or str(error)
        raise OptionError(
            f"cannot listen on {host}:{port}: {said}; choose another --host or --port"
        ) from error
    return sockets


def urls(sockets: Sequence[socket.socket]) -> list[str]:
    """The URL of each socket."""
    made = []
    for listening in sockets:
        host, port = listening.getsockname()[:2]
        made.append(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
    return made


def _config(app: Any, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=BoundedHead,
        lifespan="on",
        interface="asgi3",
        log_config=None,
        log_level="warning",
        access_log=False,
        # The upstream's own come through as they are.
        server_header=False,
        date_header=False,
        # Nobody's word is taken for where a request comes from.
        proxy_headers=False,
        timeout_keep_alive=_IDLE,
        timeout_graceful_shutdown=math.ceil(settings.limits.drain),
        h11_max_incomplete_event_size=int(settings.limits.header_bytes),
        ws_max_size=int(settings.limits.body_bytes),
    )


@contextlib.contextmanager
def _closing(sockets: Sequence[socket.socket]) -> Generator[None, None, None]:
    try:
        yield
    finally:
        for listening in sockets:
            listening.close()


def _logging(settings: Settings) -> contextlib.AbstractContextManager[None]:
    plain: Literal["json", "text"] = "text" if sys.stderr.isatty() else "json"
    secrets = [
        secret.get_secret_value()
        for upstream in settings.upstreams.values()
        for secret in (upstream.api_key, *upstream.headers.values())
        if secret is not None
    ]
    log = settings.log
    return logging_to(kind=log.format or plain, level=log.level, secrets=secrets)
