from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from cprs_server.config.settings import Settings
from endpoints_app import application
from fastapi.testclient import TestClient

Serve = Callable[..., TestClient]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A client of the endpoints under some settings."""
    with ExitStack() as stack:

        def client(service: dict[str, Any] | None = None, **settings: Any) -> TestClient:
            api = application(Settings(**settings), **(service or {}))
            entered: TestClient = stack.enter_context(TestClient(api))
            return entered

        yield client


@pytest.fixture
def client(serve: Serve) -> TestClient:
    return serve()
