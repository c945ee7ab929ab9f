# SPDX-License-Identifier: GPL-2.0-or-later
"""One lab: its state directory, its machines, their guests."""

import json
import re
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Iterable, Optional

from . import guests, host, image, kernels, machine, network, payload, wire
from .cache import locked, say
from .consoles import Console
from .errors import LabError, UsageError
from .guests import Shape
from .image import Image, ssh_key
from .machine import Cable, Flavour, Peer, Qemu, XenHost
from .paths import RUN, run_dir, socket_dir
from .ssh import Place
from .waiting import tail, until

FIRST, SECOND, PEER = network.WIRE

# More at once only slow each other down: the emulator has the host's CPUs.
GUESTS_AT_ONCE = 4


class Machine:
    """One emulated machine of a running lab: a Xen host, or the peer."""

    def __init__(self, lab: str, name: str, state: dict[str, Any]) -> None:
        self.name = name
        self.dir, self.sockets = _directories(lab, name)
        self.state = state
        self.qemu = Qemu(state["pid"], state["born"], state["ssh_port"], self.sockets / "qmp")
        self.place = Place(name, ssh_key(), self.sockets, self.qemu.ssh_port)

    @property
    def log(self) -> Path:
        """Xen's and Dom0's console, or the peer's."""
        return self.dir / "serial.log"

    def why_dead(self) -> Optional[str]:
        """Why nothing more is to be expected of it, if so."""
        return host.why_dead(self.qemu, self.log)

    def __str__(self) -> str:
        of = self.state
        kernel = of["kernel" if self.name == PEER else "dom0_kernel"]
        return (f"{self.name}: QEMU {self.qemu.pid}, kernel {kernel}, {of['memory_mb']} MB, "
                f"ssh port {self.qemu.ssh_port}, {self.dir}"
                + (f", Xen's line with {of['xen']}" if of.get("xen") else ""))


class Lab:
    """A running lab, as its state directory describes it."""

    def __init__(self, name: str, state: dict[str, Any]) -> None:
        self.name = name
        self.dir = run_dir(name)
        # The first host's state has been the whole lab's before there were others.
        self.machines = {FIRST: Machine(name, FIRST, state),
                         **{other: Machine(name, other, its)
                            for other, its in state.get("others", {}).items()}}

    def hosts(self) -> list[Machine]:
        """The machines with a Xen on them."""
        return [m for m in self.machines.values() if m.name != PEER]

    def wired(self) -> list[Machine]:
        """The machines on the wire, if the lab has one."""
        return list(self.machines.values()) if self.machines[FIRST].state.get("wired") else []

    def machine(self, name: str) -> Machine:
        """A machine by name."""
        if name not in self.machines:
            option = "--peer" if name == PEER else "--hosts 2"
            raise UsageError(f"this lab has no {name}: lab up {option} gives it one")
        return self.machines[name]

    def host_of(self, guest: str) -> Machine:
        """The host of a guest of this name."""
        return self.machine(network.dom0_of(guest))

    def place(self, name: str) -> Place:
        """A machine or a guest, by name."""
        if name in network.WIRE:
            return self.machine(name).place
        try:
            number = network.guest_number(name)
        except UsageError:
            raise UsageError(f"no place {name!r} in a lab; there is {', '.join(self.machines)} and "
                             "the guests g1, g2, …") from None
        on = self.host_of(name)
        return Place(name, ssh_key(), on.sockets, 22, network.of_guest(number), on.place)

    def console(self, guest: str) -> Console:
        """A guest's console."""
        return Console(self.dir, self.host_of(guest).place, guest)

    def report(self, guest: str) -> str:
        """The ends of all consoles, for an error message."""
        text = host.report(self.host_of(guest).dir)
        text += f"\n--- console of {guest}:\n" + tail(self.console(guest).text())
        return text + f"\n(the lab is left as it is: lab log xen, lab down --name {self.name})"


def _directories(lab: str, machine_name: str) -> tuple[Path, Path]:
    """Where a machine keeps its state, and its sockets: the first one in the lab's own."""
    below = "" if machine_name == FIRST else machine_name
    return run_dir(lab) / below, socket_dir(lab) / below


def opened(name: str) -> Lab:
    """The running lab called `name`."""
    state = _state(name)
    if state is None:
        raise UsageError(f"no lab {name!r}; {_running_text()}")
    lab = Lab(name, state)
    for of in lab.machines.values():
        if not of.qemu.alive():
            raise LabError(f"the lab {name!r} has died: the QEMU of {of.name} is gone. "
                           f"`lab log {of.name} --name {name}` shows how far it got, "
                           f"`lab down --name {name}` clears it away.\n" + host.report(of.dir))
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


@dataclass(frozen=True)
class Plan:
    """What `up` starts."""

    guests: int                 # on each host
    shape: Shape
    dom0_kernel: str = "6.1"
    xen: str = ""               # further words of Xen's command line
    hosts: int = 1
    peer: Optional[str] = None  # its kernel

    def machines(self) -> dict[str, Flavour]:
        """The machines by name, the first host first."""
        wired = self.hosts > 1 or self.peer is not None
        xen_host = XenHost(self.dom0_kernel, machine.memory_for(self.guests * self.shape.memory_mb),
                           self.xen, wired)
        found: dict[str, Flavour] = {name: xen_host for name in (FIRST, SECOND)[:self.hosts]}
        if self.peer:
            found[PEER] = Peer(self.peer)
        return found

    def guest_names(self) -> list[str]:
        """The guests of all hosts."""
        return [f"g{n}" for numbers in (network.GUESTS_A, network.GUESTS_B)[:self.hosts]
                for n in numbers[:self.guests]]

    def check(self) -> None:
        """Refuse what cannot be."""
        if not 1 <= self.hosts <= 2:
            raise UsageError(f"--hosts {self.hosts}: a lab has 1 or 2 hosts")
        most = len(network.GUESTS_A if self.hosts == 1 else network.GUESTS_B)
        if not 0 <= self.guests <= most:
            raise UsageError(f"--guests {self.guests}: a lab of {self.hosts} host(s) has 0 to "
                             f"{most} on each")
        for kernel in filter(None, (self.dom0_kernel, self.peer)):
            if kernel not in kernels.SERIES:
                raise UsageError(f"no kernel {kernel!r}; there is {' and '.join(kernels.SERIES)}")


def up(name: str, plan: Plan, with_payload: bool) -> Lab:
    """Start a lab and wait until all of it answers."""
    plan.check()
    started = time.monotonic()
    with locked(f"lab-{name}"):
        _refuse_if_running(name)
        machines = plan.machines()
        built = image.get()
        directory = run_dir(name)
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        if with_payload:
            payload.build(built.kernels.values(), directory / "payload")
        for its_name, flavour in machines.items():
            _bring_up_machine(name, its_name, flavour, _cables(name, its_name, machines), built)
            say(f"{its_name} answers after {time.monotonic() - started:.1f} s")
    lab = Lab(name, json.loads((directory / "state.json").read_text()))
    # The peer has done so when it booted.
    for of in lab.hosts() if lab.wired() else ():
        wire.join(of)
    if with_payload:
        for of in lab.hosts():
            payload.push(built.kernels.values(), directory / "payload", of.place)
            payload.start_daemons(of.place)

    def bring_up(name: str) -> None:
        guest = guests.create(lab, guests.config(name, plan.shape))
        guests.wait(lab, guest)
        say(f"{guest} answers after {time.monotonic() - started:.1f} s")

    pool = ThreadPoolExecutor(GUESTS_AT_ONCE)
    for outcome in [pool.submit(bring_up, guest) for guest in plan.guest_names()]:
        outcome.result()
    return lab


def _bring_up_machine(lab: str, name: str, flavour: Flavour, cables: list[Cable],
                      built: Image) -> None:
    directory, sockets = _directories(lab, name)
    directory.mkdir(parents=True, exist_ok=True)
    host.restore(name, directory, sockets, built, flavour, cables,
                 lambda qemu: _record(lab, name, qemu, flavour))


def _cables(lab: str, name: str, machines: Iterable[str]) -> list[Cable]:
    """A machine's ends of the cables: all lead to the first one, which waits for the others."""
    at = _directories(lab, FIRST)[1]
    return [Cable(at / f"cable-{other}", name == FIRST)
            for other in machines if other != FIRST and name in (FIRST, other)]


def _record(lab: str, name: str, qemu: Qemu, flavour: Flavour) -> None:
    """Add a machine to the lab's state."""
    its = {"pid": qemu.pid, "born": qemu.born, "ssh_port": qemu.ssh_port, **asdict(flavour)}
    state = its if name == FIRST else _state(lab)
    assert state is not None
    if name != FIRST:
        state.setdefault("others", {})[name] = its
    new = run_dir(lab) / "state.new"
    new.write_text(json.dumps(state, indent=1) + "\n")
    new.rename(run_dir(lab) / "state.json")


def _refuse_if_running(name: str) -> None:
    state = _state(name)
    pids = [str(m.qemu.pid) for m in Lab(name, state).machines.values()
            if m.qemu.alive()] if state else []
    if pids:
        raise UsageError(f"a lab {name!r} already runs (QEMU {', '.join(pids)}); use it, end it "
                         f"with `lab down --name {name}`, or start another with --name OTHER")


def push(name: str, restart: bool) -> None:
    """Rebuild the payload and copy it into a running lab."""
    lab = opened(name)
    known = kernels.get_all().values()
    payload.build(known, lab.dir / "payload")
    for of in lab.hosts():
        payload.push(known, lab.dir / "payload", of.place)
        if restart:
            payload.start_daemons(of.place, "restart")


def reboot_peer(name: str) -> None:
    """Take the peer's power away and give it back; returns when it answers."""
    peer = opened(name).machine(PEER)
    began = peer.log.stat().st_size
    peer.place.disconnect()
    monitor = peer.qemu.monitor_connection()
    monitor.command("system_reset")
    monitor.close()

    def booted() -> Optional[bool]:
        with open(peer.log, "rb") as log:
            log.seek(began)
            return True if machine.Peer.ready.encode() in log.read() else None

    until("the peer's boot", booted, progress=lambda: peer.log.stat().st_size,
          failed=peer.why_dead, report=lambda: host.report(peer.dir))
    host.await_ssh(peer.place, peer.qemu, peer.dir)


def down(name: str) -> None:
    """End a lab: its QEMU and its state, and nothing else."""
    state = _state(name)
    if state is None:
        raise UsageError(f"no lab {name!r}; {_running_text()}")
    lab = Lab(name, state)
    for of in lab.machines.values():
        of.qemu.kill()
    first = lab.machines[FIRST]
    # Masters to guests hang on their Dom0's; all end with it.
    for control in first.sockets.rglob("ssh-*"):
        control.unlink(missing_ok=True)
    if first.sockets != lab.dir:
        shutil.rmtree(first.sockets, ignore_errors=True)
    shutil.rmtree(lab.dir)


def log(name: str, where: str) -> str:
    """A log of a lab, which may be dead: a machine's, all QEMUs', or a guest's console.

    xen is the first host's, as is dom0.
    """
    state = _state(name)
    if state is None:
        raise UsageError(f"no lab {name!r}; {_running_text()}")
    lab = Lab(name, state)
    if where == "xen" or where in network.WIRE:
        return host.serial(lab.machine(FIRST if where == "xen" else where).log)
    if where == "qemu":
        return "".join(host.serial(of.dir / "qemu.log") for of in lab.machines.values())
    on = lab.host_of(where)
    console = lab.console(where)
    if on.qemu.alive():
        console.refresh()
    return console.text()


def status() -> str:
    """A line for each lab's machines, and their domains."""
    lines = []
    for name in names():
        state = _state(name)
        assert state is not None
        lines += [line for of in Lab(name, state).machines.values()
                  for line in _machine_status(name, of)]
    return "\n".join(lines) or "no lab"


def _machine_status(lab: str, of: Machine) -> list[str]:
    if not of.qemu.alive():
        return [f"{lab}: {of.name}: dead (QEMU {of.qemu.pid} is gone)"]
    asked = "rdma link" if of.name == PEER else (
        "xl list; for d in ibback vibd; do "
        "[ ! -x /usr/sbin/$d ] || lab-daemon status $d; done")
    done = of.place.attempt(asked, timeout=30)
    text = (done.stdout or done.stderr).decode(errors="replace").rstrip()
    return [f"{lab}: {of}", *(f"    {line}" for line in text.splitlines())]
