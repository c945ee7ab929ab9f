# SPDX-License-Identifier: GPL-2.0-or-later
"""The emulated machines: QEMU's and Xen's command lines, and the QEMU process."""

import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Optional, Protocol, Sequence

from .errors import LabError
from .image import Image
from .network import WIRE
from .qmp import Qmp
from .shell import need

# Six CPUs that domains never share across kinds: Dom0 on 0-1, PV guests on
# 2-3, PVH guests on 4-5. Under TCG's SVM a PVH guest that shares a CPU with a
# PV domain dies at random; unused emulated CPUs halt and cost nothing.
CPUS = 6
DOM0_CPUS = 2
GUEST_CPUS = {"pv": "2-3", "pvh": "4-5"}

DOM0_MB = 1536
XEN_MB = 256  # Xen's own heap and tables, rounded up
MACHINE_SIZES_MB = (4096, 8192, 12288)

# "max" makes Dom0 die at once (bounce frame #PF). rdrand feeds the kernels'
# random number generators, without which sshd waits at boot.
CPU_MODEL = "qemu64,+svm,+npt,+rdrand"
PEER_CPU_MODEL = "qemu64,+rdrand"

XEN_LINE = (f"console=com1 com1=115200,8n1 dom0_mem={DOM0_MB}M,max:{DOM0_MB}M "
            f"dom0_max_vcpus={DOM0_CPUS} dom0_vcpus_pin noreboot "
            "loglvl=all guest_loglvl=all conring_size=4M serial_tx_buffer=1M")
DOM0_LINE = "console=hvc0 earlyprintk=xen quiet net.ifnames=0 xenlab.role=dom0"

# A program that polls its rxe0 starves the softirq that serves it of a single CPU.
PEER_CPUS = 2
PEER_MB = 768
# QEMU's processor counts its TSC on like any of today, without saying so.
PEER_LINE = (f"console=ttyS0,115200 quiet net.ifnames=0 tsc=reliable xenlab.role=peer "
             f"xenlab.n={WIRE['peer']}")

SNAPSHOT = "booted"

# The NIC on the wire, and what of QEMU's it is plugged into. 4096 is RoCE's largest MTU; rxe sets 80 bytes aside for its headers.
WIRE_NIC = "wire-nic"
WIRE_PORT = "wire"
WIRE_MTU = 4200


class Flavour(Protocol):
    """What distinguishes one emulated machine from another of the same image."""

    @property
    def name(self) -> str:
        """Of its snapshot in the cache."""

    @property
    def title(self) -> str:
        """What boots, for messages."""

    @property
    def ready(self) -> str:
        """What the serial log says when it has booted."""

    @property
    def warm_up(self) -> str:
        """A command that fills the page cache before the snapshot is taken."""

    def arguments(self, image: Image, disk: Path) -> list[str]:
        """QEMU's command line, as far as a snapshot depends on it."""


@dataclass(frozen=True)
class XenHost:
    """Xen and Dom0."""

    dom0_kernel: str
    memory_mb: int
    xen: str = ""  # further words of Xen's command line
    wired: bool = False  # with a second NIC, for the wire

    @property
    def name(self) -> str:
        words = [f"host-dom0-{self.dom0_kernel}-{self.memory_mb}"]
        words += ["wired"] if self.wired else []
        words += [sha256(self.xen.encode()).hexdigest()[:8]] if self.xen else []
        return "-".join(words)

    title = property(lambda self: f"Xen and Dom0 ({self.dom0_kernel})")
    ready = "xenlab: dom0 ready"
    # Whatever the first xl and guest would read.
    warm_up = "xl info; xl list; cat /boot/xenlab/*/* /dev/vdb | head -c 300M >/dev/null; sync"

    def arguments(self, image: Image, disk: Path) -> list[str]:
        kernel = image.kernels[self.dom0_kernel]
        return [
            "-cpu", CPU_MODEL, "-smp", str(CPUS), *_common(self.memory_mb, disk), "-no-reboot",
            "-kernel", str(image.xen), "-append", f"{XEN_LINE} {self.xen}".rstrip(),
            "-initrd", f"{kernel.vmlinux} {DOM0_LINE},{image.initramfs(self.dom0_kernel)}",
            "-drive", f"file={image.disk},if=none,id=image,format=raw,readonly=on",
            "-device", "virtio-blk-pci,drive=image",
            *(_wire_nic() if self.wired else []),
        ]


@dataclass(frozen=True)
class Peer:
    """Linux alone, with rxe on the wire. It can reboot."""

    kernel: str
    memory_mb: int = PEER_MB

    name = property(lambda self: f"peer-{self.kernel}-{self.memory_mb}")
    title = property(lambda self: f"The peer ({self.kernel})")
    ready = "xenlab: peer ready"
    warm_up = "cat /usr/bin/ib* /usr/bin/rping /usr/lib/x86_64-linux-gnu/lib*.so* >/dev/null; sync"

    def arguments(self, image: Image, disk: Path) -> list[str]:
        return [
            "-cpu", PEER_CPU_MODEL, "-smp", str(PEER_CPUS), *_common(self.memory_mb, disk),
            "-kernel", str(image.kernels[self.kernel].vmlinux), "-append", PEER_LINE,
            "-initrd", str(image.initramfs(self.kernel)), *_wire_nic(),
        ]


def memory_for(guests_mb: int) -> int:
    """The smallest machine with room for guests of so many MB in all."""
    wanted = DOM0_MB + XEN_MB + guests_mb
    for size in MACHINE_SIZES_MB:
        if wanted <= size:
            return size
    raise LabError(f"guests of {guests_mb} MB in all do not fit: the largest machine of the "
                   f"lab has {MACHINE_SIZES_MB[-1]} MB")


def _common(memory_mb: int, disk: Path) -> list[str]:
    """What all machines have: a root disk, the way in for ssh, random numbers."""
    return [
        "-accel", "tcg,thread=multi", "-m", str(memory_mb), "-nodefaults", "-display", "none",
        "-drive", f"file={disk},if=none,id=root,format=qcow2,cache=unsafe",
        "-device", "virtio-blk-pci,drive=root",
        "-device", "virtio-net-pci,netdev=mgmt,mac=52:54:00:00:00:01,romfile=",
        "-device", "virtio-rng-pci",
    ]


def _wire_nic() -> list[str]:
    # image/root/usr/lib/xenlab/wire gives it its own MAC address.
    return ["-device", f"virtio-net-pci,id={WIRE_NIC},netdev={WIRE_PORT},"
            f"mac=52:54:00:00:02:00,host_mtu={WIRE_MTU},romfile="]


@dataclass(frozen=True)
class Cable:
    """One end of a cable from this machine to another."""

    socket: Path
    listens: bool  # the end that is there first

    def arguments(self, name: str) -> list[str]:
        return ["-netdev", f"stream,id={name},server={'on' if self.listens else 'off'},"
                f"addr.type=unix,addr.path={self.socket}"]


def wiring(cables: Sequence[Cable]) -> list[str]:
    """What the NIC on the wire is plugged into: its only cable, or a hub with all.

    QEMU's hub lets frames overtake each other when a cable has no room for a
    moment, and RoCE then sends again: it is not used for nothing.
    """
    if len(cables) == 1:
        return cables[0].arguments(WIRE_PORT)
    words = ["-netdev", f"hubport,id={WIRE_PORT},hubid=0"]
    for n, cable in enumerate(cables):
        words += [*cable.arguments(f"cable{n}"),
                  "-netdev", f"hubport,id=plug{n},hubid=0,netdev=cable{n}"]
    return words


@dataclass
class Qemu:
    """A QEMU process, ours or one started by an earlier command."""

    pid: int
    born: str            # start time in /proc/PID/stat: a pid alone can be reused
    ssh_port: int
    monitor: Path
    process: Optional[subprocess.Popen] = None

    def alive(self) -> bool:
        if self.process is not None and self.process.poll() is not None:
            return False
        return _birth(self.pid) == self.born

    def monitor_connection(self) -> Qmp:
        return Qmp(self.monitor)

    def kill(self) -> None:
        """End this QEMU, and only this, and see it gone."""
        if self.alive():
            os.kill(self.pid, signal.SIGTERM)
        deadline = time.monotonic() + 10
        while self.alive():
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
                deadline += 10
            time.sleep(0.02)


def start(directory: Path, sockets: Path, image: Image, flavour: Flavour, disk: Path,
          snapshot: bool, cables: Sequence[Cable] = ()) -> Qemu:
    """Start QEMU in its own session; `snapshot` continues from the booted state."""
    sockets.mkdir(mode=0o700, parents=True, exist_ok=True)
    monitor = sockets / "qmp"
    monitor.unlink(missing_ok=True)
    port = _free_port()
    command = [
        need("qemu-system-x86_64"), *flavour.arguments(image, disk),
        "-netdev", f"user,id=mgmt,restrict=on,hostfwd=tcp:127.0.0.1:{port}-10.0.2.15:22",
        "-chardev", f"file,id=serial,path={directory / 'serial.log'},append=on",
        "-serial", "chardev:serial",
        "-qmp", f"unix:{monitor},server=on,wait=off",
    ]
    if any(WIRE_NIC in word for word in command):
        # Before the NIC that names it or after it is the same to QEMU.
        command += wiring(cables)
    if snapshot:
        command += ["-loadvm", SNAPSHOT]
    with open(directory / "qemu.log", "ab") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   start_new_session=True, cwd=directory)
    return Qemu(process.pid, _birth(process.pid) or "", port, monitor, process)


def _birth(pid: int) -> Optional[str]:
    """When process `pid` started, or None if there is none (or a zombie)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
