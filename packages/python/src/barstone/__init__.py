"""Starts barstone for a test, and stops it."""

from __future__ import annotations

import json
import secrets
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import Any, Iterable, Iterator, Mapping, Sequence

from ._launch import BarstoneError, Launched
from ._url import url as _url

__all__ = ["Barstone", "BarstoneError", "start"]

_ASK_EVERY_S = 0.05


class Barstone:
    """A running server. `base` is its URL, `token` the API token, which changes need."""

    def __init__(self, launched: Launched, base: str, token: str) -> None:
        self._launched = launched
        self.base = base
        self.token = token

    @property
    def log(self) -> str:
        """The newest part of the log."""
        return self._launched.log

    def url(
        self, stream: str, format: str = "hls", conditions: Mapping[str, Any] | None = None, **more: Any
    ) -> str:
        """URL of a stream, under conditions: `url("test", "llhls", shift="1h", no_hints=True)`.

        `format` is hls, llhls, dash, lldash, mp4 or ts. A list is a condition that stands several times.
        """
        named = {name.replace("_", "-"): value for name, value in more.items()}
        return _url(self.base, stream, format, {**(conditions or {}), **named})

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """Sends a request to the REST API, with the token. `path` is below `/api/v1`."""
        request = urllib.request.Request(
            f"{self.base}/api/v1{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request) as response:
                text = response.read()
        except urllib.error.HTTPError as error:
            raise BarstoneError(f"{method} {path}: {_problem(error.read()) or error}") from None
        return json.loads(text) if text else None

    def _answers(self, path: str) -> bool:
        try:
            with urllib.request.urlopen(self.base + path):
                return True
        except OSError:
            return False


@contextmanager
def start(
    streams: Iterable[Mapping[str, Any]] | None = None,
    *,
    port: int = 0,
    binary: str | None = None,
    image: str | None = None,
    engine: str | None = None,
    args: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    timeout: float = 30,
) -> Iterator[Barstone]:
    """Runs barstone, and waits until every stream plays. At the end of the context, barstone ends.

    Without `streams`, one stream runs, `test`. Without `port`, barstone listens on a free port of
    127.0.0.1. `binary` is by default BARSTONE_BIN, or barstone on PATH; `image` replaces the binary,
    and is by default BARSTONE_IMAGE, run by `engine`: docker or podman. `args` and `env` are further
    arguments and environment variables of `barstone serve`.
    """
    token = secrets.token_hex(16)
    launched = Launched(binary, image, engine, port, args, {**(env or {}), "BARSTONE_API_TOKEN": token})
    deadline = time.monotonic() + timeout

    def until(what: str, ask: Any) -> Any:
        while True:
            launched.check()
            if answer := ask():
                return answer
            if time.monotonic() > deadline:
                raise BarstoneError(f"not within {timeout} s: {what}; the log:\n{launched.tail}")
            time.sleep(_ASK_EVERY_S)

    try:
        barstone = Barstone(launched, until("barstone listens", launched.address), token)
        until("barstone answers", lambda: barstone._answers("/livez"))
        if streams is not None:
            _replace(barstone, list(streams))
        until("every stream plays", lambda: _plays(barstone))
        yield barstone
    finally:
        launched.stop()


def _replace(barstone: Barstone, streams: list[Mapping[str, Any]]) -> None:
    """Replaces the stream that runs without configuration.

    A stream of the same name is deleted, too, because a change of a running stream takes effect at a later segment.
    """
    for existing in barstone.api("GET", "/streams"):
        barstone.api("DELETE", f"/streams/{existing['name']}")
    for stream in streams:
        barstone.api("POST", "/streams", stream)


def _plays(barstone: Barstone) -> bool:
    phases = {stream["name"]: stream for stream in barstone.api("GET", "/streams")}
    for name, stream in phases.items():
        if stream["phase"] == "failed":
            raise BarstoneError(f"the stream {name} has failed: {stream['error']}")
    return all(stream["phase"] != "starting" for stream in phases.values()) and barstone._answers("/readyz")


def _problem(text: bytes) -> str | None:
    """What a problem document (RFC 9457) says."""
    try:
        document = json.loads(text)
        return document.get("detail") or document.get("title")
    except ValueError:
        return None
