# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's command line."""

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import Optional, Sequence

from . import consoles, guests, host, image, lab, network, wire
from .cache import say
from .errors import LabError, UsageError
from .guests import Shape
from .kernels import SERIES
from .lab import Plan
from .machine import GUEST_CPUS
from .waiting import CAP


def main(argv: Sequence[str]) -> int:
    """Run one verb; returns the exit status."""
    # timeout(1) and make end a command with SIGTERM: as good as Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        options, command = _parse(list(argv))
        return options.run(options, command) or 0
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        print("lab: interrupted", file=sys.stderr, flush=True)
        consoles.stop_following()
        # Not sys.exit: that would wait for the threads that wait for guests.
        os._exit(130)


def _parse(argv: list[str]) -> tuple[argparse.Namespace, list[str]]:
    # What follows "--" is the command of `lab sh`, for nobody else to read.
    command: list[str] = []
    if "--" in argv:
        at = argv.index("--")
        argv, command = argv[:at], argv[at + 1:]
    options = _parser().parse_args(argv)
    if command and options.run is not _sh:
        raise UsageError("only `lab sh WHERE -- CMD…` takes a command after --")
    return options, command


def _parser() -> argparse.ArgumentParser:
    named = argparse.ArgumentParser(add_help=False)
    named.add_argument("--name", default="lab", help="which lab (default: lab)")

    parser = argparse.ArgumentParser(prog="lab", description="A real Xen with Debian guests in QEMU.")
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def verb(to: argparse._SubParsersAction, name: str, run, text: str, *parents) -> argparse.ArgumentParser:
        added = to.add_parser(name, help=text, description=text, parents=list(parents))
        added.set_defaults(run=run)
        return added

    def shape(to: argparse.ArgumentParser) -> None:
        to.add_argument("--type", choices=GUEST_CPUS, default="pv", help="guests' type (pv)")
        to.add_argument("--kernel", choices=SERIES, default="6.1", help="guests' kernel (6.1)")
        to.add_argument("--vcpus", type=int, default=1, help="guests' vCPUs (1)")
        to.add_argument("--memory", type=int, default=guests.MEMORY_MB,
                        help=f"guests' memory in MB ({guests.MEMORY_MB})")

    def machines(to: argparse.ArgumentParser) -> None:
        to.add_argument("--dom0-kernel", choices=SERIES, default="6.1", help="Dom0's kernel (6.1)")
        to.add_argument("--hosts", type=int, choices=(1, 2), default=1,
                        help="how many Xen hosts; two are joined by the wire (1)")
        to.add_argument("--peer", nargs="?", choices=SERIES, const="6.1", metavar="KERNEL",
                        help="a Linux machine without Xen on the wire, with rxe (kernel 6.1)")

    up = verb(verbs, "up", _up, "start a lab and its guests", named)
    up.add_argument("--guests", type=int, default=2, metavar="N",
                    help="how many guests on each host (2)")
    shape(up)
    machines(up)
    up.add_argument("--xen", default="", metavar="WORDS", help="further words of Xen's command line")
    up.add_argument("--no-payload", action="store_true",
                    help="do not build and copy the project's files")

    build = verb(verbs, "build", _build, "build images and the snapshots of booted machines")
    machines(build)

    sh = verb(verbs, "sh", _sh, "run a command (after --) or a shell on a machine or in a guest",
              named)
    sh.add_argument("where", metavar="WHERE", help=f"{', '.join(network.WIRE)}, g1, g2, …")
    sh.add_argument("--timeout", type=float, metavar="S", help="kill the command after S seconds (exit 124)")

    cp = verb(verbs, "cp", _cp, "copy a file: FILE WHERE:PATH or WHERE:PATH FILE", named)
    cp.add_argument("source")
    cp.add_argument("target")

    guest = verbs.add_parser("guest", help="config, create, destroy, wait")
    actions = guest.add_subparsers(required=True, metavar="ACTION")
    config = verb(actions, "config", _guest_config, "print the default xl config of a guest")
    config.add_argument("guest", metavar="gN")
    shape(config)
    create = verb(actions, "create", _guest_create, "create a guest from an xl config", named)
    create.add_argument("config", metavar="CONFIG", help="a file on this machine, or - for stdin")
    destroy = verb(actions, "destroy", _guest_destroy, "destroy a guest", named)
    destroy.add_argument("guest", metavar="gN")
    wait = verb(actions, "wait", _guest_wait, "wait until a guest answers", named)
    wait.add_argument("guest", metavar="gN")
    wait.add_argument("--timeout", type=float, default=CAP, metavar="S",
                      help=f"give up after S seconds ({CAP:.0f})")

    log = verb(verbs, "log", _log, "print a log: xen (with Dom0's console), qemu, or a guest's console", named)
    log.add_argument("where", metavar="WHERE",
                     help=f"xen, {', '.join(network.WIRE)}, qemu, g1, g2, …")

    link = verb(verbs, "link", _link, "cut or spoil the wire; without words: how it is", named)
    link.add_argument("--at", choices=network.WIRE, help="this machine's end only, not each one's")
    link.add_argument("words", nargs="*", metavar="down | up | loss PERCENT | delay MS",
                      help="each end loses, delays what it sends; what of the two is not named is 0")
    capture = verb(verbs, "capture", _capture, "write the frames on the wire to a pcap file", named)
    capture.add_argument("file", type=Path, nargs="?", help="without: end the capture")

    peer = verbs.add_parser("peer", help="reboot")
    actions = peer.add_subparsers(required=True, metavar="ACTION")
    verb(actions, "reboot", _peer_reboot, "reset the peer and wait until it answers", named)

    verb(verbs, "status", _status, "list the labs")
    verb(verbs, "down", _down, "end a lab", named)
    push = verb(verbs, "push", _push, "rebuild the project's files and copy them into a lab; "
                "guests get them at their next boot", named)
    push.add_argument("--restart", action="store_true", help="restart Dom0's daemons as well")
    return parser


def _shape(options: argparse.Namespace) -> Shape:
    if not 1 <= options.vcpus <= 16:
        raise UsageError(f"--vcpus {options.vcpus}: 1 to 16")
    if options.memory < 192:
        raise UsageError(f"--memory {options.memory}: a guest needs 192 MB")
    return Shape(options.type, options.kernel, options.vcpus, options.memory)


def _plan(options: argparse.Namespace, count: int, shape: Shape, xen: str) -> Plan:
    return Plan(count, shape, options.dom0_kernel, xen, options.hosts, options.peer)


def _up(options: argparse.Namespace, _: list[str]) -> None:
    lab.up(options.name, _plan(options, options.guests, _shape(options), options.xen),
           not options.no_payload)


def _build(options: argparse.Namespace, _: list[str]) -> None:
    built = image.get()
    for flavour in set(_plan(options, 0, Shape(), "").machines().values()):
        host.snapshot(built, flavour)


def _sh(options: argparse.Namespace, command: list[str]) -> int:
    place = lab.opened(options.name).place(options.where)
    if not place.connect():
        raise LabError(f"{options.where} does not answer (lab log {options.where}, "
                       f"lab guest wait {options.where})")
    terminal = not command and sys.stdin.isatty()
    return place.stream(command, options.timeout, terminal)


def _cp(options: argparse.Namespace, _: list[str]) -> None:
    ends = [_end(text) for text in (options.source, options.target)]
    if (ends[0][0] is None) == (ends[1][0] is None):
        raise UsageError("lab cp FILE WHERE:PATH or lab cp WHERE:PATH FILE: one end is in the lab")
    running = lab.opened(options.name)
    (where_from, path_from), (where_to, path_to) = ends
    if where_to:
        running.place(where_to).put(Path(path_from), path_to)
    elif where_from:
        running.place(where_from).fetch(path_from, Path(path_to))


def _end(text: str) -> tuple[Optional[str], str]:
    """WHERE and PATH of one end of a copy; no WHERE for a file of this machine."""
    where, colon, path = text.partition(":")
    return (where, path) if colon and "/" not in where else (None, text)


def _guest_config(options: argparse.Namespace, _: list[str]) -> None:
    print(guests.config(options.guest, _shape(options)), end="")


def _guest_create(options: argparse.Namespace, _: list[str]) -> None:
    if options.config == "-":
        text = sys.stdin.read()
    else:
        try:
            text = Path(options.config).read_text()
        except OSError as error:
            raise UsageError(f"cannot read the config: {error}") from None
    guests.create(lab.opened(options.name), text)


def _guest_destroy(options: argparse.Namespace, _: list[str]) -> None:
    guests.destroy(lab.opened(options.name), options.guest)


def _guest_wait(options: argparse.Namespace, _: list[str]) -> None:
    guests.wait(lab.opened(options.name), options.guest, cap=options.timeout)


def _log(options: argparse.Namespace, _: list[str]) -> None:
    sys.stdout.write(lab.log(options.name, options.where))


def _link(options: argparse.Namespace, _: list[str]) -> None:
    what = wire.trouble(options.words)
    running = lab.opened(options.name)
    ends = [running.machine(options.at)] if options.at else running.wired()
    if not running.wired():
        raise UsageError("this lab has no wire: lab up --peer or --hosts 2 gives it one")
    if options.words:
        wire.spoil(ends, what)
    else:
        print("\n".join(wire.state(of) for of in ends))


def _capture(options: argparse.Namespace, _: list[str]) -> None:
    running = lab.opened(options.name)
    if not running.wired():
        raise UsageError("this lab has no wire: lab up --peer or --hosts 2 gives it one")
    wire.capture(running.wired()[0], options.file)


def _peer_reboot(options: argparse.Namespace, _: list[str]) -> None:
    lab.reboot_peer(options.name)


def _status(_: argparse.Namespace, __: list[str]) -> None:
    print(lab.status())


def _down(options: argparse.Namespace, _: list[str]) -> None:
    lab.down(options.name)
    say(f"lab {options.name} is down")


def _push(options: argparse.Namespace, _: list[str]) -> None:
    lab.push(options.name, options.restart)
