# SPDX-License-Identifier: GPL-2.0-or-later
"""One lab: its state directory, its QEMU, its Dom0 and guests."""

import json
import re
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Optional

from . import guests, host, image, kernels, machine, payload
from .cache import locked, say
from .consoles import Console
from .errors import LabError, UsageError
from .guests import Shape
from .image import ssh_key
from .machine import Flavour, Qemu
from .paths import RUN, run_dir, socket_dir
from .ssh import Place
from .waiting import tail

# More at once only slow each other down: the emulator has the host's CPUs.
GUESTS_AT_ONCE = 4


class Lab:
    """A running lab, as its state directory describes it."""

    def __init__(self, name: str, state: dict[str, Any]) -> None:
        self.name = name
        self.dir = run_dir(name)
        self.sockets = socket_dir(name)
        self.state = state
        self.qemu = Qemu(state["pid"], state["born"], state["ssh_port"], self.sockets / "qmp")
        self.dom0 = Place("dom0", ssh_key(), self.sockets, self.qemu.ssh_port)

    def place(self, name: str) -> Place:
        """Dom0 or a guest, by name."""
        if name == "dom0":
            return self.dom0
        try:
            number = guests.number_of(name)
        except UsageError:
            raise UsageError(f"no place {name!r} in a lab; there is dom0 and the guests "
                             "g1, g2, …") from None
        return Place(name, ssh_key(), self.sockets, 22,
                     f"{guests.NETWORK}.{number}", self.dom0)

    def console(self, guest: str) -> Console:
        """A guest's console."""
        return Console(self.dir, self.dom0, guest)

    def why_dead(self) -> Optional[str]:
        return host.why_dead(self.qemu, self.dir / "serial.log")

    def report(self, guest: Optional[str] = None) -> str:
        """The ends of all consoles, for an error message."""
        text = host.report(self.dir)
        if guest:
            text += f"\n--- console of {guest}:\n" + tail(self.console(guest).text())
        return text + f"\n(the lab is left as it is: lab log xen, lab down --name {self.name})"


def opened(name: str) -> Lab:
    """The running lab called `name`."""
    state = _state(name)
    if state is None:
        raise UsageError(f"no lab {name!r}; {_running_text()}")
    lab = Lab(name, state)
    if not lab.qemu.alive():
        raise LabError(f"the lab {name!r} has died: its QEMU is gone. `lab log xen --name {name}` "
                       f"shows how far it got, `lab down --name {name}` clears it away.\n"
                       + host.report(lab.dir))
    return lab


def names() -> list[str]:
    """All labs that have a state, running or dead."""
    return sorted(p.parent.name for p in RUN.glob("*/state.json"))


def _state(name: str) -> Optional[dict[str, Any]]:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", name):
        raise UsageError(f"{name!r} cannot name a lab: letters, digits, - and _ can, up to 32")
    path = run_dir(name) / "state.json"
    return json.loads(path.read_text()) if path.exists() else None


def _running_text() -> str:
    running = names()
    return f"there is {', '.join(running)}" if running else "none runs (lab up starts one)"


def up(name: str, count: int, shape: Shape, dom0_kernel: str, xen: str,
       with_payload: bool) -> Lab:
    """Start a lab with guests g1 to g`count` and wait until all of it answers."""
    if not 0 <= count <= guests.LARGEST_NUMBER:
        raise UsageError(f"--guests {count}: a lab has 0 to {guests.LARGEST_NUMBER} guests")
    if dom0_kernel not in kernels.SERIES:
        raise UsageError(f"no kernel {dom0_kernel!r}; there is {' and '.join(kernels.SERIES)}")
    started = time.monotonic()
    with locked(f"lab-{name}"):
        _refuse_if_running(name)
        flavour = Flavour(dom0_kernel, machine.memory_for(count * shape.memory_mb), xen)
        built = image.get()
        directory = run_dir(name)
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        if with_payload:
            payload.build(built.kernels.values(), directory / "payload")
        host.restore(directory, socket_dir(name), built, flavour,
                     lambda q: _write_state(directory, q, flavour))
    lab = Lab(name, json.loads((directory / "state.json").read_text()))
    say(f"Dom0 answers after {time.monotonic() - started:.1f} s")
    if with_payload:
        payload.push(built.kernels.values(), directory / "payload", lab.dom0)
        payload.start_daemons(lab.dom0)

    def bring_up(number: int) -> None:
        guest = guests.create(lab, guests.config(f"g{number}", shape))
        guests.wait(lab, guest)
        say(f"{guest} answers after {time.monotonic() - started:.1f} s")

    pool = ThreadPoolExecutor(GUESTS_AT_ONCE)
    for outcome in [pool.submit(bring_up, n) for n in range(1, count + 1)]:
        outcome.result()
    return lab


def _write_state(directory: Path, qemu: Qemu, flavour: Flavour) -> None:
    state = {"pid": qemu.pid, "born": qemu.born, "ssh_port": qemu.ssh_port,
             "dom0_kernel": flavour.dom0_kernel, "memory_mb": flavour.memory_mb,
             "xen": flavour.xen}
    new = directory / "state.new"
    new.write_text(json.dumps(state, indent=1) + "\n")
    new.rename(directory / "state.json")


def _refuse_if_running(name: str) -> None:
    state = _state(name)
    if state and Lab(name, state).qemu.alive():
        raise UsageError(f"a lab {name!r} already runs (QEMU {state['pid']}); use it, end it "
                         f"with `lab down --name {name}`, or start another with --name OTHER")


def push(name: str, restart: bool) -> None:
    """Rebuild the payload and copy it into a running lab."""
    lab = opened(name)
    known = kernels.get_all().values()
    payload.build(known, lab.dir / "payload")
    payload.push(known, lab.dir / "payload", lab.dom0)
    if restart:
        payload.start_daemons(lab.dom0, "restart")


def down(name: str) -> None:
    """End a lab: its QEMU and its state, and nothing else."""
    state = _state(name)
    if state is None:
        raise UsageError(f"no lab {name!r}; {_running_text()}")
    lab = Lab(name, state)
    lab.qemu.kill()
    # Masters to guests hang on Dom0's; all end with it.
    for control in lab.sockets.glob("ssh-*"):
        control.unlink(missing_ok=True)
    if lab.sockets != lab.dir:
        shutil.rmtree(lab.sockets, ignore_errors=True)
    shutil.rmtree(lab.dir)


def log(name: str, where: str) -> str:
    """A log of a lab, which may be dead: xen (or dom0), qemu, or a guest's console."""
    state = _state(name)
    if state is None:
        raise UsageError(f"no lab {name!r}; {_running_text()}")
    lab = Lab(name, state)
    if where in ("xen", "dom0"):
        return host.serial(lab.dir / "serial.log")
    if where == "qemu":
        return host.serial(lab.dir / "qemu.log")
    guests.number_of(where)
    console = lab.console(where)
    if lab.qemu.alive():
        console.refresh()
    return console.text()


def status() -> str:
    """A line for each lab, and its domains."""
    lines = []
    for name in names():
        state = _state(name)
        assert state is not None
        lab = Lab(name, state)
        if not lab.qemu.alive():
            lines.append(f"{name}: dead (QEMU {lab.qemu.pid} is gone)")
            continue
        lines.append(f"{name}: QEMU {lab.qemu.pid}, Dom0 {state['dom0_kernel']}, "
                     f"{state['memory_mb']} MB, ssh port {lab.qemu.ssh_port}, {lab.dir}"
                     + (f", Xen's line with {state['xen']}" if state.get("xen") else ""))
        done = lab.dom0.attempt("xl list; for d in ibback vibd; do "
                                "[ ! -x /usr/sbin/$d ] || lab-daemon status $d; done", timeout=30)
        text = (done.stdout or done.stderr).decode(errors="replace").rstrip()
        lines += [f"    {line}" for line in text.splitlines()]
    return "\n".join(lines) or "no lab"
