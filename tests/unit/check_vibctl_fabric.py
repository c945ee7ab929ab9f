#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""vibctl fabric list and show, of an ibback of the test's. Prints TAP."""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading

VIBCTL = "build/bin/vibctl"
ROCE = {"name": "roce0", "kind": "wire", "state": "up", "device": "rxe0", "port": 1,
        "max_hca_mem": 128,
        "present": True, "netdev": "eth1", "link_layer": "Ethernet", "mtu": 4096, "cm": False,
        "vports": [{"domid": 3, "index": 1, "local": False, "lid": 7, "gid": "fe80::7",
                    "link": "up", "addresses": "ready"}]}
AWAY = {"name": "ib0", "kind": "wire", "state": "down", "device": "mlx5_0", "port": 2,
        "present": False, "vports": []}
LOCAL = {"name": "local", "kind": "local", "state": "up", "vports": [{}, {}]}


def ask(*words):
    """What vibctl prints."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        path = os.path.join(folder, "ibback.sock")
        listener.bind(path)
        listener.listen()
        threading.Thread(target=answer, args=(listener,), daemon=True).start()
        return subprocess.run([VIBCTL, "fabric", *words], capture_output=True, text=True,
                              check=False, timeout=60,
                              env={**os.environ, "XEN_IB_SOCKET": path}).stdout


def answer(listener):
    """One request."""
    with listener.accept()[0] as connection, connection.makefile() as lines:
        lines.readline()
        connection.sendall(json.dumps({"fabrics": [ROCE, LOCAL, AWAY]}).encode() + b"\n")


def rows(text):
    """Of a table, by heading; columns are two blanks apart."""
    heads, *lines = [re.split(r" {2,}", line.strip()) for line in text.splitlines()]
    return [dict(zip(heads, line)) if len(heads) == len(line) else line for line in lines]


def row(*cells):
    return dict(zip(("NAME", "KIND", "STATE", "DEVICE", "PORT", "NETDEV", "LINK LAYER", "MTU",
                     "CM", "VPORTS"), cells))


RESULTS = (
    ("each value stands under its heading, by name", rows(ask("list")), [
        row("ib0", "wire", "absent", "mlx5_0", "2", "-", "-", "-", "-", "0"),
        row("local", "local", "up", "-", "-", "-", "-", "-", "-", "2"),
        row("roce0", "wire", "up", "rxe0", "1", "eth1", "Ethernet", "4096", "no", "1")]),
    ("as JSON it is what ibback said, by name", json.loads(ask("list", "--json")),
     [AWAY, LOCAL, ROCE]),
    ("one is shown with its vports", rows(ask("show", "roce0").split("\n\n")[-1]), [
        {"ID": "3", "INDEX": "1", "LINK": "up", "ADDRESSES": "ready", "LID": "7",
         "GID": "fe80::7"}]),
    ("and with what is configured",
     "max_hca_mem  128" in ask("show", "roce0").splitlines(), True),
)
for number, (what, got, wanted) in enumerate(RESULTS, 1):
    print(f"{'ok' if got == wanted else 'not ok'} {number} - {what}")
    if got != wanted:
        print(f"# {got}")
print(f"1..{len(RESULTS)}")
sys.exit(any(got != wanted for _, got, wanted in RESULTS))
