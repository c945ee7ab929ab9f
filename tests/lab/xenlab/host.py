# SPDX-License-Identifier: GPL-2.0-or-later
"""A booted machine: brought up from cold once, from its snapshot ever after."""

import os
import shutil
import time
from pathlib import Path
from typing import Callable, Optional, Sequence

from . import cache, machine
from .cache import say
from .image import Image, ssh_key
from .machine import Cable, Flavour, Qemu
from .paths import LONGEST_SOCKET_DIR
from .shell import run
from .ssh import Place
from .waiting import tail, until

DISK = "disk.qcow2"
# Machines of one snapshot would all draw the same random numbers: RNDRESEEDCRNG of random(4).
RESEED = """cat >/dev/urandom && perl -e 'open(R, "<", "/dev/urandom") && ioctl(R, 0x5207, 0) or die $!'"""
# What Xen and Linux print when they will never answer again.
DEATHS = ("Panic on CPU", "Kernel panic", "xenlab: FAILED")


def snapshot(image: Image, flavour: Flavour) -> Path:
    """The cache entry with a disk that holds the flavour's booted state."""
    disk = Path("DISK")  # the disk's own place is no part of the key
    key = cache.key_of(flavour.arguments(image, disk), image.build_id,
                       run(["qemu-system-x86_64", "--version"]), Path(__file__))
    return cache.entry(flavour.name, key, lambda work: _make(work, image, flavour))


def _make(work: Path, image: Image, flavour: Flavour) -> None:
    disk = work / DISK
    run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", image.disk, disk])
    sockets = work
    if len(str(work)) > LONGEST_SOCKET_DIR:
        sockets = Path("/tmp") / f"xenlab-{work.name.lstrip('.')}"
    qemu = machine.start(work, sockets, image, flavour, disk, snapshot=False)
    started = time.monotonic()
    try:
        log = work / "serial.log"
        until(f"{flavour.title}'s boot", lambda: True if flavour.ready in serial(log) else None,
              progress=lambda: log.stat().st_size if log.exists() else 0,
              failed=lambda: why_dead(qemu, log), report=lambda: report(work))
        place = Place("booted", ssh_key(), sockets, qemu.ssh_port)
        await_ssh(place, qemu, work)
        place.run(flavour.warm_up, timeout=120)
        place.disconnect()
        say(f"{flavour.title} booted in {time.monotonic() - started:.1f} s")
        monitor = qemu.monitor_connection()
        monitor.command("stop")
        monitor.monitor(f"savevm {machine.SNAPSHOT}")
        monitor.command("quit")
        monitor.close()
    finally:
        qemu.kill()
        if sockets != work:
            shutil.rmtree(sockets, ignore_errors=True)
    for name in ("qmp", "ssh-booted", "ssh-booted.lock"):
        (work / name).unlink(missing_ok=True)


def restore(name: str, directory: Path, sockets: Path, image: Image, flavour: Flavour,
            cables: Sequence[Cable], started: Callable[[Qemu], None]) -> None:
    """Run machine `name` in `directory`, continued from the snapshot; waits for ssh.

    `started` is told of the process at once, so that it is on record whatever
    happens after.
    """
    base = snapshot(image, flavour)
    disk = directory / DISK
    run(["cp", "--reflink=auto", "--sparse=always", base / DISK, disk])
    # The snapshot's own boot, so that the log is whole.
    shutil.copy(base / "serial.log", directory / "serial.log")
    with open(directory / "serial.log", "a") as log:
        log.write("\n=== xenlab: continued from the snapshot ===\n")
    qemu = machine.start(directory, sockets, image, flavour, disk, snapshot=True, cables=cables)
    started(qemu)
    place = Place(name, ssh_key(), sockets, qemu.ssh_port)
    await_ssh(place, qemu, directory)
    place.run(f"date -s @{time.time():.0f} >/dev/null; {RESEED}", stdin=os.urandom(64))


def await_ssh(place: Place, qemu: Qemu, directory: Path) -> None:
    """Wait until the machine's sshd has let us in."""
    log = directory / "serial.log"
    until(f"{place.name}'s ssh", lambda: True if place.connect() else None,
          progress=lambda: log.stat().st_size, failed=lambda: why_dead(qemu, log),
          report=lambda: report(directory))


def why_dead(qemu: Qemu, log: Path) -> Optional[str]:
    """Why nothing more is to be expected of this machine, if so."""
    if not qemu.alive():
        return "QEMU is gone"
    text = serial(log).rpartition("=== xenlab:")[2]
    for sign in DEATHS:
        if sign in text:
            return f"the serial log says {sign!r}"
    return None


def serial(log: Path) -> str:
    """A log so far: Xen's and Dom0's, or the peer's."""
    return log.read_text(errors="replace") if log.exists() else ""


def report(directory: Path) -> str:
    """The ends of QEMU's own messages and of the serial log."""
    return ("--- QEMU:\n" + tail(serial(directory / "qemu.log"), 10) +
            "\n--- serial log:\n" + tail(serial(directory / "serial.log")))
