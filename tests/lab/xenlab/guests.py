# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests: their xl configs, their creation, and waiting until they answer."""

import re
import shlex
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Optional

from .errors import LabError, UsageError
from .kernels import SERIES
from .machine import GUEST_CPUS
from .network import guest_number
from .ssh import Place
from .waiting import CAP, STALL, tail, until

if TYPE_CHECKING:
    from .lab import Lab

MEMORY_MB = 384
# A domain that xl reboots is gone for a few seconds.
GONE_AFTER = 20.0
DEATHS = ("Kernel panic", "xenlab: FAILED")
READY = "xenlab: guest ready"
ATTEMPT_EVERY = 5.0


@dataclass(frozen=True)
class Shape:
    """What may differ between the lab's default guests."""

    type: str = "pv"
    kernel: str = "6.1"
    vcpus: int = 1
    memory_mb: int = MEMORY_MB


def config(name: str, shape: Shape) -> str:
    """The default xl config of guest `name`."""
    number = guest_number(name)
    if shape.type not in GUEST_CPUS:
        raise UsageError(f"no guest type {shape.type!r}; there is {' and '.join(GUEST_CPUS)}")
    if shape.kernel not in SERIES:
        raise UsageError(f"no kernel {shape.kernel!r}; there is {' and '.join(SERIES)}")
    return "\n".join([
        f'name = "{name}"',
        f'type = "{shape.type}"',
        f'kernel = "/boot/xenlab/{shape.kernel}/vmlinux"',
        f'ramdisk = "/var/lib/xenlab/initrd-{shape.kernel}"',
        f'extra = "console=hvc0 quiet net.ifnames=0 xenlab.role=guest xenlab.n={number}"',
        f"memory = {shape.memory_mb}",
        f"vcpus = {shape.vcpus}",
        f'cpus = "{GUEST_CPUS[shape.type]}"',
        # As Xen's default is on any machine with an invariant TSC. QEMU's processor has none,
        # so Xen would emulate each RDTSC: a quarter of a busy PVH guest's time.
        'tsc_mode = "native"',
        "disk = [ 'vdev=xvda,access=r,format=raw,script=block-lab,target=/dev/vdb' ]",
        f"vif = [ 'bridge=xenbr0,script=vif-lab,mac=00:16:3e:77:00:{number:02x}' ]",
        "vib = [ '' ]",
        "",
    ])


def name_in(text: str) -> str:
    """The domain's name in an xl config."""
    found = re.search(r"""^\s*name\s*=\s*["']([^"']+)["']""", text, re.MULTILINE)
    if not found:
        raise UsageError('the config has no line: name = "gN"')
    return found.group(1)


def create(lab: "Lab", text: str) -> str:
    """Put a config into Dom0 as /etc/xen/NAME.cfg and create the domain."""
    name = name_in(text)
    place, dom0 = lab.place(name), lab.host_of(name).place
    path = f"/etc/xen/{name}.cfg"
    place.disconnect()
    dom0.run(f"cat >{path}", stdin=text.encode())
    lab.console(name).begin()
    done = dom0.attempt(f"xl create {path} </dev/null", timeout=240)
    if done.returncode:
        said = (done.stdout + done.stderr).decode(errors="replace")
        raise LabError(f"xl create of {name} failed:\n{tail(said)}\n{lab.report(name)}")
    return name


def destroy(lab: "Lab", name: str) -> None:
    """End a guest at once."""
    dom0 = lab.host_of(name).place
    lab.place(name).disconnect()
    dom0.run(f"xl destroy {shlex.quote(name)}", timeout=120)


def wait(lab: "Lab", name: str, stall: float = STALL, cap: float = CAP) -> None:
    """Wait until guest `name` runs commands.

    An existing connection may lead to what was there before a reboot, so it
    is not trusted.
    """
    host, place, console = lab.host_of(name), lab.place(name), lab.console(name)
    place.disconnect()
    console.refresh()
    absent = Absence(host.place, name)
    ready = 0  # how often the console had said READY at the last attempt
    attempted = time.monotonic()

    def probe() -> Optional[bool]:
        nonlocal ready, attempted
        # An attempt costs Dom0 and the guest, and one made too early hangs in
        # TCP's retransmissions: worth it once the guest says that it is
        # there, and now and then in case its console is lost.
        now, said = time.monotonic(), console.since_begin().count(READY)
        if said == ready and now - attempted < ATTEMPT_EVERY:
            return None
        ready, attempted = said, now
        if place.connect() and place.attempt("true", timeout=30).returncode == 0:
            return True
        place.disconnect()
        return None

    def failed() -> Optional[str]:
        said = console.since_begin()
        for sign in DEATHS:
            if sign in said:
                return f"its console says {sign!r}"
        return host.why_dead() or absent.verdict()

    with console:
        until(f"guest {name}", probe, progress=console.size, failed=failed,
              report=lambda: lab.report(name), stall=stall, cap=cap)


class Absence:
    """Notices a domain that is gone for longer than a reboot takes."""

    CHECK_EVERY = 10.0

    def __init__(self, dom0: Place, name: str) -> None:
        self._dom0, self._name = dom0, name
        self._checked = self._seen = time.monotonic()

    def verdict(self) -> Optional[str]:
        now = time.monotonic()
        if now - self._checked < self.CHECK_EVERY:
            return None
        self._checked = now
        done = self._dom0.attempt(f"xl domid {shlex.quote(self._name)}", timeout=30)
        if done.returncode == 0 or done.returncode == 255:
            self._seen = now
        if now - self._seen > GONE_AFTER:
            return "there is no such domain (xl list)"
        return None
