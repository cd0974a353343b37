"""Runs the binary or the image, such that nothing runs on when this process ends, however it ends."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import subprocess
import threading
from typing import Mapping, Sequence

# Port of barstone in its container.
_CONTAINER_PORT = 8080
# Characters of the log that are kept, and shown in errors.
_MOST_LOG = 1 << 20
_SHOWN_LOG = 4000
# barstone needs up to 16 s to end requests and encoders.
_ENDS_WITHIN_S = 20
# Runs a command, and sends it SIGTERM when standard input ends. The kernel closes standard input when the parent
# process ends, even if the parent is killed.
_GUARD = """
exec 3<&0
"$@" 3<&- </dev/null &
child=$!
{ read -r _ <&3; kill "$child"; } 2>/dev/null &
guard=$!
exec 3<&-
wait "$child"
code=$?
kill "$guard" 2>/dev/null
exit "$code"
"""


class BarstoneError(Exception):
    """barstone cannot be started, has ended, or refused a request."""


def _choose(binary: str | None, image: str | None, engine: str | None) -> tuple[str | None, str | None, str | None]:
    """The binary, or the image and the engine that runs it."""
    wanted = binary or (os.environ.get("BARSTONE_BIN") if image is None else None)
    if wanted:
        if not shutil.which(os.path.abspath(wanted)):
            raise BarstoneError(f"there is no program at {wanted} (argument `binary`, or BARSTONE_BIN)")
        return wanted, None, None
    image = image or os.environ.get("BARSTONE_IMAGE")
    if image:
        engine = engine or shutil.which("docker") or shutil.which("podman")
        if engine is None:
            raise BarstoneError(f"the image {image} needs docker or podman on PATH")
        return None, image, engine
    on_path = shutil.which("barstone")
    if on_path is None:
        raise BarstoneError(
            "barstone is not on PATH: install it, or set BARSTONE_BIN to the binary, or BARSTONE_IMAGE to the image"
        )
    return on_path, None, None


class Launched:
    """barstone as a child process, or in a container."""

    def __init__(
        self,
        binary: str | None,
        image: str | None,
        engine: str | None,
        port: int,
        args: Sequence[str],
        settings: Mapping[str, str],
    ) -> None:
        binary, image, engine = _choose(binary, image, engine)
        self.log = ""
        self._engine = engine
        self._name = f"barstone-{secrets.token_hex(6)}"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("BARSTONE_")}
        if binary is not None:
            command = [binary, "serve", "--listen", f"127.0.0.1:{port}", "--media-dir", "none", *args]
        else:
            publish = f"127.0.0.1:{port or ''}:{_CONTAINER_PORT}"
            names = [word for name in settings for word in ("--env", name)]
            command = [engine, "run", "--rm", "--name", self._name, "--publish", publish, *names, image, "serve", *args]
        # A session of its own, so that Ctrl-C does not reach it before the tests have stopped it.
        self._child = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, "sh", *command],
            env={**inherited, **settings},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._child.stderr:
            self.log = (self.log + line)[-_MOST_LOG:]

    @property
    def tail(self) -> str:
        """End of the log."""
        return self.log[-_SHOWN_LOG:]

    def check(self) -> None:
        """Fails with the log if barstone has ended."""
        if self._child.poll() is not None:
            self._reader.join()
            raise BarstoneError(f"barstone ended with exit code {self._child.returncode}; its log:\n{self.tail}")

    def address(self) -> str | None:
        """URL at which barstone listens, once it does."""
        listens = re.search(r"\baddress=(\S+)", self.log)
        if listens is None or self._engine is None:
            return f"http://{listens[1]}" if listens else None
        port = [self._engine, "port", self._name, f"{_CONTAINER_PORT}/tcp"]
        mapped = subprocess.run(port, capture_output=True, text=True, check=False).stdout.split()
        return f"http://{mapped[0]}" if mapped else None

    def stop(self) -> None:
        """Ends the process, or the container."""
        self._child.stdin.close()
        try:
            self._child.wait(_ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            if self._engine is not None:
                subprocess.run([self._engine, "rm", "--force", self._name], capture_output=True, check=False)
            os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()
        self._reader.join()
        self._child.stderr.close()
