#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""vibctl fabric reclaim, with a modprobe, a /sys/module and an ibback of the test's:
ibback is asked how the fabric is, what uses ib_cm is unloaded, ibback asked to claim, and
all loaded again; or nothing is done. Prints TAP."""

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
# Who uses whom, where only rdma_cm uses ib_cm.
HOLDERS = {
    "ib_cm": ["rdma_cm", "ib_ucm"],
    "iw_cm": ["rdma_cm"],
    "rdma_cm": ["rdma_ucm"],
    "rdma_ucm": [],
    "ib_ucm": [],
    "ib_core": ["ib_cm", "rdma_cm"],
}
UNLOADING = ["rdma_ucm", "rdma_cm", "ib_ucm", "ib_cm"]
ROCE = {"name": "roce0", "kind": "wire", "device": "mlx5_0", "present": True,
        "link_layer": "Ethernet", "cm": False, "vports": []}
OTHER = {"name": "other", "kind": "wire", "device": "mlx5_1", "present": True,
         "link_layer": "Ethernet", "cm": True, "vports": []}

count = 0
failed = 0


def report(good, what, detail):
    global count, failed
    count += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {count} - {what}")
    if not good:
        print(f"# {detail}")


def serve(listener, log, answers):
    """Answer the requests, which are noted."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:  # the test is over
            return
        with connection, connection.makefile() as lines:
            request = json.loads(lines.readline())
            with open(log, "a", encoding="ascii") as file:
                file.write(f"asked {request}\n")
            connection.sendall(json.dumps(answers[request["command"]]).encode() + b"\n")


def reclaim(holders, answer, refused="", fabric=ROCE):
    """Exit status, what vibctl said, and what happened, line by line."""
    with tempfile.TemporaryDirectory() as folder:
        log = os.path.join(folder, "log")
        answers = {"fabrics": {"fabrics": [OTHER] + [fabric] * bool(fabric)},
                   "reclaim": answer}
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
            threading.Thread(target=serve, args=(listener, log, answers),
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


FIRST = "asked {'command': 'fabrics'}"
ASKED = "asked {'command': 'reclaim', 'fabric': 'roce0'}"

status, said, log = reclaim(HOLDERS, {"reclaimed": "roce0"})
report(status == 0 and len(log) == 4 and log[0] == FIRST and in_order(log[1], "-r")
       and log[2] == ASKED and in_order(log[3], "-a"),
       "all that uses ib_cm goes, and comes back behind it", (status, said, log))

status, said, log = reclaim(HOLDERS, {"error": "no wire"})
report(status == 1 and "no wire" in said and len(log) == 4 and in_order(log[3], "-a"),
       "a refusal is said, and all comes back", (status, said, log))

status, said, log = reclaim(HOLDERS, {"reclaimed": "roce0"}, refused="-r")
report(status == 1 and "ib_cm cannot be unloaded" in said and len(log) == 3
       and in_order(log[2], "-a"), "what is in use stays, and nothing is claimed",
       (status, said, log))

status, said, log = reclaim(HOLDERS, {"reclaimed": "roce0"}, refused="-a")
report(status == 1 and "loaded again" in said, "what does not come back is said",
       (status, said, log))

status, said, log = reclaim({"ib_core": []}, {"reclaimed": "roce0"})
report(status == 0 and log == [FIRST, ASKED], "without ib_cm nothing is unloaded",
       (status, said, log))

# Nothing is changed where there is nothing to claim, or others use ib_cm.
NOT_FOUND = None
for fabric, why, what in (
        (NOT_FOUND, "no fabric 'roce0'", "a fabric that is not there is refused"),
        ({**ROCE, "cm": True}, "already", "and one that has it"),
        ({**ROCE, "present": False}, "absent", "and one whose HCA is not there"),
        ({"name": "roce0", "kind": "wire", "device": "mlx5_0", "present": False}, "absent",
         "of which ibback knows no more"),
        ({key: value for key, value in ROCE.items() if key != "cm"}, "not RoCE",
         "and one of InfiniBand"),
        ({"name": "roce0", "kind": "local"}, "no HCA", "and a local one")):
    status, said, log = reclaim(HOLDERS, {"reclaimed": "roce0"}, fabric=fabric)
    report(status == 1 and why in said and said.count("\n") == 1 and log == [FIRST], what,
           (status, said, log))

for user, module in (("ib_ipoib", "ib_cm"), ("nvme_rdma", "rdma_cm"), ("mine", "rdma_ucm")):
    used = {**HOLDERS, user: [], module: HOLDERS[module] + [user]}
    status, said, log = reclaim(used, {"reclaimed": "roce0"})
    report(status == 1 and f"uses it: {user};" in said and log == [FIRST],
           f"{user}, which uses {module}, is named, and nothing done", (status, said, log))

used = {**HOLDERS, "ib_srp": [], "nvme_rdma": [], "ib_cm": ["rdma_cm", "ib_ucm", "ib_srp"],
        "rdma_cm": ["rdma_ucm", "nvme_rdma"]}
status, said, log = reclaim(used, {"reclaimed": "roce0"})
report(status == 1 and "ib_srp" in said and "nvme_rdma" in said and log == [FIRST],
       "so are several", (status, said, log))

print(f"1..{count}")
sys.exit(1 if failed else 0)
