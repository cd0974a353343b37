"""URLs of streams."""

from __future__ import annotations

from typing import Any, Mapping
from urllib.parse import quote

_FILES = {
    "hls": "hls.m3u8",
    "llhls": "llhls.m3u8",
    "dash": "dash.mpd",
    "lldash": "lldash.mpd",
    "mp4": "stream.mp4",
    "ts": "stream.ts",
}


def url(base: str, stream: str, format: str, conditions: Mapping[str, Any]) -> str:
    """URL of a stream under conditions, which are sorted by name, then by value: the canonical form."""
    if format not in _FILES:
        raise ValueError(f'unknown format "{format}": use one of {", ".join(_FILES)}')
    parts = []
    for name, value in sorted(conditions.items()):
        for one in sorted(value) if isinstance(value, (list, tuple)) else [value]:
            if one is not None and one is not False:
                parts.append(name if one is True else f"{name}={one}")
    # These characters may stand in a segment of a path (RFC 3986 3.3).
    prefix = "/with/" + quote(",".join(parts), safe="!$&'()*+,;=:@~") if parts else ""
    return f"{base}{prefix}/live/{quote(stream, safe='')}/{_FILES[format]}"
