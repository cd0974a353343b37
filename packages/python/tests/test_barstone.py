"""The fixture and the context manager with a real server, which BARSTONE_BIN names."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

import barstone as package

ENDS_WITHIN_S = 20


def text(url):
    with urllib.request.urlopen(url) as response:
        return response.read().decode()


def has_ended(base):
    deadline = time.monotonic() + ENDS_WITHIN_S
    while True:
        try:
            text(f"{base}/livez")
        except OSError:
            return
        assert time.monotonic() < deadline, "the server runs on"
        time.sleep(0.1)


def test_ffmpeg_plays_the_stream_of_an_hour_ago(barstone):
    url = barstone.url("test", "hls", shift="1h")
    command = ["ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", url, "-t", "1", "-map", "0:v", "-f", "framemd5", "-"]
    frames = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    pictures = {line.split(",")[-1] for line in frames.splitlines() if not line.startswith("#")}
    assert len(pictures) == 25, "each picture contains another time"


def test_a_condition_changes_the_playlist(barstone):
    playlist = barstone.url("test", "llhls").replace("/test/", "/test/v/")
    assert "EXT-X-PRELOAD-HINT" in text(playlist)
    changed = barstone.url("test", "llhls", no_hints=True).replace("/test/", "/test/v/")
    assert "EXT-X-PRELOAD-HINT" not in text(changed)


def test_urls_have_the_canonical_form(barstone):
    status = ["503:on=segments:every=7", "404:on=init"]
    moment = {"from": "2026-11-21T03:40:28Z"}
    composed = barstone.url("test", "dash", moment, utc_timing="http-iso+direct", status=status, patch=None)
    command = [os.environ["BARSTONE_BIN"], "url", barstone.url("test", "dash")]
    conditions = ["utc-timing=http-iso+direct", "from=2026-11-21T03:40:28Z", *(f"status={one}" for one in status)]
    printed = subprocess.run([*command, *conditions], check=True, capture_output=True, text=True).stdout
    assert composed == printed.strip()
    several = barstone.url("test", "ts", delay="3s", no_date_time=True, no_hints=False)
    assert several == f"{barstone.base}/with/delay=3s,no-date-time/live/test/stream.ts"
    with pytest.raises(ValueError, match='unknown format "hsl": use one of hls, llhls'):
        barstone.url("test", "hsl")
    with pytest.raises(urllib.error.HTTPError, match="400"):
        text(barstone.url("test", "hls", delay="a/b"))


def test_a_context_has_its_own_server(barstone, barstone_options):
    off = {"name": "off", "enabled": False}
    with package.start([*barstone_options["streams"], off], env={"BARSTONE_MAX_VIEWERS": "7"}) as own:
        assert own.base != barstone.base
        assert '<Period id="1" start="PT0S">' in text(own.url("test", "dash")), "no change of an earlier stream"
        assert [stream["name"] for stream in own.api("GET", "/streams")] == ["off", "test"]
        own.api("DELETE", "/streams/off")
        assert "max_viewers = 7" in own.log
    has_ended(own.base)


def refused(match, **options):
    with pytest.raises(package.BarstoneError, match=match):
        with package.start(**options):
            pass


def test_errors_say_what_is_wrong(monkeypatch):
    refused("there is no program at /nowhere", binary="/nowhere")
    refused("ended with exit code 2; its log:\n(?s:.*)--nonsense", args=["--nonsense"])
    refused("POST /streams: .*fps", streams=[{"name": "test", "fps": "fast"}])
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        refused(f"(?s:.*)cannot listen on 127.0.0.1:{port}: another program uses this port", port=port)
    monkeypatch.delenv("BARSTONE_BIN")
    monkeypatch.setenv("PATH", "")
    refused("barstone is not on PATH: install it, or set BARSTONE_BIN")
    refused("the image barstone needs docker or podman", image="barstone")


def test_a_failed_test_leaves_no_server_behind(barstone_options):
    with pytest.raises(ZeroDivisionError):
        with package.start(**barstone_options) as own:
            1 / 0
    has_ended(own.base)


def test_a_killed_parent_leaves_no_server_behind():
    program = "import barstone, time\nwith barstone.start() as b: print(b.base, flush=True); time.sleep(60)"
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    base = parent.stdout.readline().strip()
    assert text(f"{base}/livez") is not None
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    has_ended(base)


def test_it_runs_an_image(tmp_path, barstone_options):
    engine = tmp_path / "engine"
    engine.write_text(f"""#!/bin/bash
echo "$@" >>{tmp_path}/engine.log
[ "$1" = run ] || {{ sed -n 's/.*address=//p' {tmp_path}/log | cut -d ' ' -f 1; exit; }}
for arg; do [ "$arg" = serve ] && break; shift; done
exec {os.environ["BARSTONE_BIN"]} "$@" --listen 127.0.0.1:0 2> >(tee {tmp_path}/log >&2)
""")
    engine.chmod(0o755)
    with package.start(**barstone_options, image="barstone:0.2", engine=str(engine), args=["--log", "info"]) as own:
        assert text(own.url("test")).startswith("#EXTM3U")
    run, port = (tmp_path / "engine.log").read_text().splitlines()[:2]
    name = run.split()[3]
    assert run == (
        f"run --rm --name {name} --publish 127.0.0.1::8080 --env BARSTONE_API_TOKEN barstone:0.2 serve --log info"
    )
    assert port == f"port {name} 8080/tcp"
