"""Real servers on free ports of the loopback interface, each in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn


@contextmanager
def served(app: Any, **config: Any) -> Iterator[str]:
    """Serves an ASGI app with uvicorn; yields its base URL, such as "http://127.0.0.1:4711".

    `config` goes to `uvicorn.Config`. Leaving waits until the app has shut down.
    """
    settings = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        **{
            "log_level": "warning",
            "access_log": False,
            "server_header": False,
            "date_header": False,
            "timeout_graceful_shutdown": 2,
            **config,
        },
    )
    server = uvicorn.Server(settings)
    failed: list[BaseException] = []
    listening = settings.bind_socket()
    port = listening.getsockname()[1]

    def run() -> None:
        try:
            server.run(sockets=[listening])
        except BaseException as error:  # noqa: BLE001 - whoever waits for the server hears of it
            failed.append(error)

    thread = threading.Thread(target=run, name="loopback", daemon=True)
    thread.start()
    try:
        while not server.started:
            thread.join(0.005)
            if not thread.is_alive():
                raise RuntimeError(f"the app did not start: {failed}")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()
