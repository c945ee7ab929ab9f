#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""vibctl fabric reclaim, with a modprobe, a /sys/module and an ibback of the test's:
what uses ib_cm is unloaded, ibback asked, and all loaded again. Prints TAP."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading

VIBCTL = "build/bin/vibctl"
MODPROBE = """#!/bin/sh
echo "modprobe $*" >>"$LOG"
[ "$1" != "$REFUSED" ]
"""
# Who uses whom, as in a Dom0 with IPoIB, SRP and the rest.
HOLDERS = {
    "ib_cm": ["rdma_cm", "ib_ipoib"],
    "rdma_cm": ["rdma_ucm", "nvme_rdma"],
    "rdma_ucm": [],
    "nvme_rdma": [],
    "ib_ipoib": [],
    "ib_core": ["ib_cm", "rdma_cm"],
}
UNLOADING = ["rdma_ucm", "nvme_rdma", "rdma_cm", "ib_ipoib", "ib_cm"]

count = 0
failed = 0


def report(good, what, detail):
    global count, failed
    count += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {count} - {what}")
    if not good:
        print(f"# {detail}")


def serve(listener, log, answer):
    """Answer one request, which is noted."""
    try:
        connection, _ = listener.accept()
    except OSError:  # nobody asked
        return
    with connection, connection.makefile() as lines:
        with open(log, "a", encoding="ascii") as file:
            file.write(f"asked {json.loads(lines.readline())}\n")
        connection.sendall(json.dumps(answer).encode() + b"\n")


def reclaim(holders, answer, refused=""):
    """Exit status, what vibctl said, and what happened, line by line."""
    with tempfile.TemporaryDirectory() as folder:
        log = os.path.join(folder, "log")
        path = os.path.join(folder, "ibback.sock")
        for module, users in holders.items():
            for user in users + [""]:
                os.makedirs(os.path.join(folder, "module", module, "holders", user),
                            exist_ok=True)
        with open(os.path.join(folder, "modprobe"), "w", encoding="ascii") as file:
            file.write(MODPROBE)
        os.chmod(file.name, 0o755)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            threading.Thread(target=serve, args=(listener, log, answer),
                             daemon=True).start()
            done = subprocess.run(
                [VIBCTL, "fabric", "reclaim", "roce0"], capture_output=True, text=True,
                check=False, timeout=60,
                env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "LOG": log,
                     "REFUSED": refused, "XEN_IB_SOCKET": path,
                     "XEN_IB_MODULES_DIR": os.path.join(folder, "module")})
        happened = []
        if os.path.exists(log):
            with open(log, encoding="ascii") as file:
                happened = file.read().splitlines()
        return done.returncode, done.stderr, happened


def in_order(line, option):
    """Is LINE a modprobe of all of them, users before (-r) or behind (-a) what they use?"""
    words = line.split()
    names = words[3:] if option == "-r" else words[:2:-1]
    return (words[:3] == ["modprobe", option, "--"] and sorted(names) == sorted(UNLOADING)
            and all(names.index(user) < names.index(module)
                    for module in UNLOADING for user in HOLDERS[module]))


ASKED = "asked {'command': 'reclaim', 'fabric': 'roce0'}"

status, said, log = reclaim(HOLDERS, {"reclaimed": "roce0"})
report(status == 0 and len(log) == 3 and in_order(log[0], "-r") and log[1] == ASKED
       and in_order(log[2], "-a"), "all that uses ib_cm goes, and comes back behind it",
       (status, said, log))

status, said, log = reclaim(HOLDERS, {"error": "no wire"})
report(status == 1 and "no wire" in said and len(log) == 3 and in_order(log[2], "-a"),
       "a refusal is said, and all comes back", (status, said, log))

status, said, log = reclaim(HOLDERS, {"reclaimed": "roce0"}, refused="-r")
report(status == 1 and "ib_cm cannot be unloaded" in said and len(log) == 2
       and in_order(log[1], "-a"), "what is in use stays, and nothing is asked",
       (status, said, log))

status, said, log = reclaim(HOLDERS, {"reclaimed": "roce0"}, refused="-a")
report(status == 1 and "loaded again" in said, "what does not come back is said",
       (status, said, log))

status, said, log = reclaim({"ib_core": []}, {"reclaimed": "roce0"})
report(status == 0 and log == [ASKED], "without ib_cm nothing is unloaded",
       (status, said, log))

print(f"1..{count}")
sys.exit(1 if failed else 0)
