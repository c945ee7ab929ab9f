# SPDX-License-Identifier: GPL-2.0-or-later
"""Talking to a running QEMU (QMP, docs/interop/qmp-spec in QEMU)."""

import json
import socket
from pathlib import Path
from typing import Any

from .errors import LabError


class Qmp:
    """One connection to QEMU's monitor socket."""

    def __init__(self, path: Path, timeout: float = 120) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(timeout)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            raise LabError(f"cannot reach QEMU's monitor at {path}: {error}") from None
        self._stream = self._socket.makefile("rwb")
        self._read()
        self.command("qmp_capabilities")

    def command(self, name: str, /, **arguments: Any) -> Any:
        """Run one QMP command and return its result."""
        request = {"execute": name, "arguments": arguments}
        self._stream.write(json.dumps(request).encode() + b"\n")
        self._stream.flush()
        while True:
            reply = self._read()
            if "error" in reply:
                raise LabError(f"QEMU refused {name}: {reply['error'].get('desc')}")
            if "return" in reply:
                return reply["return"]

    def monitor(self, line: str) -> None:
        """Run a human monitor command; anything it prints is its failure."""
        said = self.command("human-monitor-command", **{"command-line": line}).strip()
        if said:
            raise LabError(f"QEMU monitor, {line}: {said}")

    def close(self) -> None:
        self._socket.close()

    def _read(self) -> dict[str, Any]:
        line = self._stream.readline()
        if not line:
            raise LabError("QEMU closed its monitor connection")
        return json.loads(line)
