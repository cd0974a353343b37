#!/usr/bin/env python3
"""Prints the time and the frame index of each picture of a stream. Needs ffmpeg, and nothing but Python's own library.

    python3 strip.py http://localhost:8080/live/test/hls.m3u8
"""
import subprocess
import sys
import zlib

WIDTH, HEIGHT = 256, 150       # any size works: the strip scales with the picture
GRIDS = (64, 2), (32, 4)       # columns and rows of cells: usual pictures, and pictures less than 128 pixels wide
ROWS_IN_HEIGHT = 30


def middle(cell, size):
    """The pixels of the central half of a cell; scaling and compression blur its edges."""
    start, end = int(cell * size), int((cell + 1) * size)
    margin = (end - start) // 4
    return range(start + margin, end - margin)


def read(luma, width=WIDTH, height=HEIGHT):
    """Milliseconds since 1970 and frame index since 1970, or None if there is no valid strip."""
    return next(filter(None, (read_grid(luma, width, height, *grid) for grid in GRIDS)), None)


def read_grid(luma, width, height, columns, rows):
    means = []
    for row in range(rows):
        for column in range(columns):
            cell = [luma[y * width + x] for y in middle(row, height / ROWS_IN_HEIGHT) for x in middle(column, width / columns)]
            means.append(sum(cell) / len(cell))
    threshold = (min(means) + max(means)) / 2
    bits = "".join("1" if mean > threshold else "0" for mean in means)
    strip = int(bits, 2).to_bytes(16, "big")
    if strip[0] != 0xB1 or zlib.crc32(strip[:12]) != int.from_bytes(strip[12:], "big"):
        return None
    return int.from_bytes(strip[1:7], "big"), int.from_bytes(strip[7:12], "big")


def main(url):
    command = ["ffmpeg", "-v", "error", "-i", url, "-vf", f"scale={WIDTH}:{HEIGHT}:flags=area", "-an",
               "-pix_fmt", "gray", "-f", "rawvideo", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as decoder:
        while len(luma := decoder.stdout.read(WIDTH * HEIGHT)) == WIDTH * HEIGHT:
            print(read(luma), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
