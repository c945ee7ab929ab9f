# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU is asked what was meant, and its refusal is an error."""

import json
import socket
import tempfile
import threading
import unittest
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from . import wire
from .errors import LabError
from .qmp import Qmp
from .wire import Trouble

LINK = {"execute": "set_link", "arguments": {"name": wire.WIRE_NIC, "up": False}}


class FakeQemu:
    """Answers each request alike, after an event as QEMU may send at any time."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.monitor = Path(self._folder.name) / "qmp"
        self.heard: list[dict[str, Any]] = []
        self._answer = answer
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(self.monitor))
        self._socket.listen(1)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._socket.accept()
        with connection, connection.makefile("rwb") as stream:
            stream.write(b'{"QMP": {}}\n')
            stream.flush()
            for line in stream:
                self.heard.append(json.loads(line))
                known = self.heard[-1]["execute"] == "qmp_capabilities"
                for said in ({"event": "RTC_CHANGE"}, {"return": {}} if known else self._answer):
                    stream.write(json.dumps(said).encode() + b"\n")
                stream.flush()

    def close(self) -> None:
        self._thread.join(10)
        self._socket.close()
        self._folder.cleanup()


class MonitorTest(unittest.TestCase):
    def asked(self, answer: dict[str, Any], what: Trouble) -> list[dict[str, Any]]:
        """What a machine's QEMU hears, and its shell, as one list."""
        qemu = FakeQemu(answer)
        self.addCleanup(qemu.close)
        shell: list[Any] = []
        machine = SimpleNamespace(
            qemu=SimpleNamespace(monitor_connection=lambda: Qmp(qemu.monitor)),
            place=SimpleNamespace(run=shell.append))
        wire.spoil([machine], what)  # type: ignore[list-item]
        return shell + qemu.heard[1:]

    def test_the_link_is_cut(self) -> None:
        self.assertEqual(self.asked({"return": {}}, Trouble(up=False)), [LINK])

    def test_netem_and_the_link(self) -> None:
        asked = self.asked({"return": {}}, Trouble(up=False, loss=2))
        self.assertIn("netem", asked[0])
        self.assertEqual(asked[1:], [LINK])

    def test_a_refusal(self) -> None:
        with self.assertRaisesRegex(LabError, "no such NIC"):
            self.asked({"error": {"desc": "no such NIC"}}, Trouble(up=True))
