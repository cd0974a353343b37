#!/usr/bin/env python3
"""Reads the strip of barstone in pictures: the time and the index of each frame. Needs numpy; docs/strip.md has the layout.

    python3 strip.py picture.png other.png
    python3 strip.py http://localhost:8080/live/test/hls.m3u8      # decodes with ffmpeg
    ffmpeg -i input.mp4 -pix_fmt gray -f rawvideo - | python3 strip.py --size 1280x720 -

As a module: strip.read(luma) takes an array of rows of luma, and returns a Strip or None.
"""
import argparse
import struct
import subprocess
import sys
import zlib
from typing import NamedTuple

import numpy

GRIDS = (64, 2), (32, 4)       # columns and rows of cells: usual pictures, and pictures less than 128 pixels wide
ROWS_IN_HEIGHT = 30
LEAST_PIXELS = 2               # size of a cell that can be read, in each direction
LEAST_CONTRAST = 32
DECODED = 256, 150             # size to which ffmpeg scales; the strip scales with the picture


class Strip(NamedTuple):
    time_ms: int               # start of the frame in milliseconds since 1970, rounded down
    frame: int                 # index of the frame since 1970


def read(luma):
    """The strip of a picture whose luma (or grey) is an array of rows, or None if there is no valid one."""
    for columns, rows in GRIDS:
        height, width = luma.shape
        if width >= LEAST_PIXELS * columns and height >= LEAST_PIXELS * ROWS_IN_HEIGHT:
            strip = _decode(_means(luma, columns, rows))
            if strip:
                return strip
    return None


def _means(luma, columns, rows):
    """Mean of the central half of each cell; scaling and compression blur its edges."""
    height, width = luma.shape
    middles = lambda count, cells, size: [_middle(n * size // cells, (n + 1) * size // cells) for n in range(count)]
    across, down = middles(columns, columns, width), middles(rows, ROWS_IN_HEIGHT, height)
    return numpy.array([luma[y, x].mean() for y in down for x in across])


def _middle(start, end):
    margin = (end - start) // 4
    return slice(start + margin, end - margin)


def _decode(means):
    if means.max() - means.min() < LEAST_CONTRAST:
        return None
    strip = numpy.packbits(means > (means.min() + means.max()) / 2).tobytes()
    if strip[0] != 0xB1 or zlib.crc32(strip[:12]) != int.from_bytes(strip[12:], "big"):
        return None
    return Strip(int.from_bytes(strip[1:7], "big"), int.from_bytes(strip[7:12], "big"))


def read_png(data):
    """The luma of a PNG of 8 bits a channel, grey or colour, not interlaced, as an array of rows."""
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise ValueError("not a PNG")
    chunks, at = {}, 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        chunks[kind] = chunks.get(kind, b"") + data[at + 8:at + 8 + length]
        at += 12 + length
    width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    channels = {0: 1, 2: 3, 4: 2, 6: 4}.get(colour)
    if depth != 8 or interlace or not channels:
        raise ValueError("only PNGs of 8 bits a channel without palette and interlacing can be read")
    rows = numpy.frombuffer(zlib.decompress(chunks[b"IDAT"]), numpy.uint8).reshape(height, 1 + width * channels)
    pixels = numpy.zeros((height, width * channels), numpy.uint8)
    above = numpy.zeros(width * channels, numpy.uint8)
    for number, row in enumerate(rows):
        above = pixels[number] = _unfiltered(row[0], row[1:], above, channels)
    pixels = pixels.reshape(height, width, channels)
    return pixels[..., 0] if channels < 3 else pixels[..., :3] @ numpy.array([0.2126, 0.7152, 0.0722])


def _unfiltered(kind, row, above, channels):
    """A row without its filter (PNG 9.2)."""
    if kind == 0:
        return row
    if kind == 2:
        return row + above
    if kind == 1:
        return numpy.cumsum(row.reshape(-1, channels), axis=0, dtype=numpy.uint8).reshape(-1)
    out, up = [int(value) for value in row], [int(value) for value in above]
    for x, value in enumerate(out):
        left, corner = (out[x - channels], up[x - channels]) if x >= channels else (0, 0)
        if kind == 3:
            out[x] = (value + (left + up[x]) // 2) % 256
        else:
            estimate = left + up[x] - corner
            nearest = min((left, up[x], corner), key=lambda other: abs(estimate - other))
            out[x] = (value + nearest) % 256
    return numpy.array(out, numpy.uint8)


def raw_frames(file, width, height):
    """The luma of each frame of a file of raw grey frames."""
    while len(frame := file.read(width * height)) == width * height:
        yield numpy.frombuffer(frame, numpy.uint8).reshape(height, width)


def decoded_frames(url):
    """The luma of each frame of anything that ffmpeg plays."""
    width, height = DECODED
    command = ["ffmpeg", "-v", "error", "-nostdin", "-i", url, "-vf", f"scale={width}:{height}:flags=area", "-an",
               "-fps_mode", "passthrough", "-pix_fmt", "gray", "-f", "rawvideo", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as decoder:
        yield from raw_frames(decoder.stdout, width, height)


def frames(source, size):
    if source == "-":
        width, height = map(int, size.split("x"))
        return raw_frames(sys.stdin.buffer, width, height)
    if source.lower().endswith(".png"):
        with open(source, "rb") as file:
            return [read_png(file.read())]
    return decoded_frames(source)


def main():
    parser = argparse.ArgumentParser(description="Prints time_ms and frame of each picture, or `unreadable`.")
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help="a PNG, a file or URL that ffmpeg decodes, or - for raw grey frames on standard input")
    parser.add_argument("--size", metavar="WIDTHxHEIGHT", help="size of raw frames")
    arguments = parser.parse_args()
    if "-" in arguments.sources and not arguments.size:
        parser.error("raw frames need --size")
    for source in arguments.sources:
        for luma in frames(source, arguments.size):
            strip = read(luma)
            print(f"{strip.time_ms} {strip.frame}" if strip else "unreadable", flush=True)


if __name__ == "__main__":
    main()
