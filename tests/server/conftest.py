"""Fixtures that the tests of the proxy share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from programmable import Upstream
from shapes import answer


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """A real HTTP server on loopback that answers as every model API, or as it is told."""
    server = Upstream(answer)
    server.start()
    try:
        yield server
    finally:
        server.stop()
