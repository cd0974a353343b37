"""Fixtures of pytest."""

from __future__ import annotations

from typing import Any, Iterator

import pytest

import barstone as package


@pytest.fixture(scope="session")
def barstone_options() -> dict[str, Any]:
    """Arguments of `barstone.start` for the fixture `barstone`. Override this fixture to change them."""
    return {}


@pytest.fixture(scope="session")
def barstone(barstone_options: dict[str, Any]) -> Iterator[package.Barstone]:
    """A server for all tests of the session, whose streams play."""
    with package.start(**barstone_options) as server:
        yield server
