#!/usr/bin/python3 -IS
# SPDX-License-Identifier: GPL-2.0-or-later
"""A Dom0 for block-srp and block-iser: a sysfs of folders, and, under their names, the
programs that the scripts ask. What a kernel would do it does when it is asked for its
events (`udevadm monitor`), since nobody waits for them otherwise.

As a module it is the World in which check_block_scripts.py runs the scripts.
"""

import os
import shutil
import signal
import sys
import time
from pathlib import Path

if __name__ != "__main__":  # a program is started often
    import subprocess
    import tempfile

HERE = Path(__file__).resolve()
SCRIPTS = HERE.parents[2] / "tools" / "block"
PROGRAMS = ("bash", "udevadm", "ibsrpdm", "iscsiadm", "multipath", "multipathd", "modprobe")

XENSTORE = {
    "xenstore-read": 'cat "$WORLD/xs$1" 2>/dev/null',
    "xenstore-exists": '[ -e "$WORLD/xs$1" ]',
    "xenstore-list": 'ls "$WORLD/xs$1"',
    "xenstore-write": 'while [ $# -gt 0 ]; do mkdir -p "$(dirname "$WORLD/xs$1")"; '
                      'printf "%s\\n" "$2" >"$WORLD/xs$1"; shift 2; done',
}

# What the scripts have of Xen's block-common.sh, as it is there.
BLOCK_COMMON = """
set -e
command=$1
log() { local level=$1; shift; echo "$level: $*" >>"$WORLD/log"; }
fatal() {
  xenstore-write "$XENBUS_PATH/hotplug-error" "$*" "$XENBUS_PATH/hotplug-status" error
  log err "$@"
  exit 1
}
sigerr() { fatal "$0 failed; error detected."; }
trap sigerr ERR
xenstore_read() {
  local v=$(xenstore-read "$@" || true)
  [ "$v" != "" ] || fatal "xenstore-read $@ failed."
  echo "$v"
}
xenstore_read_default() { xenstore-read "$1" 2>/dev/null || echo "$2"; }
canonicalise_mode() {
  if ! expr index "$1" 'w' >/dev/null; then echo 'r'
  elif ! expr index "$1" '!' >/dev/null; then echo 'w'
  else echo '!'; fi
}
same_vm() {
  local othervm=$(xenstore_read_default "/local/domain/$1/vm" "$FRONTEND_UUID")
  [ "$FRONTEND_UUID" = "$othervm" ]
}
write_dev() {
  [ -e "$1" ] || fatal "Backend device does not exist"
  xenstore-write "$XENBUS_PATH/physical-device-path" "$1" \\
    "$XENBUS_PATH/hotplug-status" connected
}
"""


def put(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n" if text else "", encoding="ascii")


def get(path: Path) -> str:
    return path.read_text(encoding="ascii").strip() if path.exists() else ""


class Kernel:
    """The folders, and what happens to them."""

    def __init__(self, top: Path) -> None:
        self.top, self.sys, self.dev = top, top / "sys", top / "dev"

    def note(self, text: str) -> None:
        with open(self.top / "happened", "a", encoding="ascii") as file:
            file.write(text + "\n")

    def number(self, what: str) -> int:
        """The next of hosts, or of disks."""
        path = self.top / f"next-{what}"
        number = int(get(path) or 0)
        put(path, str(number + 1))
        return number

    def disk(self, devices: Path, host: int, lun: str, wwid: str) -> None:
        number = self.number("disk")
        name = f"sd{chr(97 + number)}"
        put(self.sys / "block" / name / "device" / "wwid", wwid)
        put(self.sys / "block" / name / "dev", f"8:{16 * number}")
        put(devices / f"target{host}:0:0" / f"{host}:0:0:{lun}" / "block" / name / "dev")
        put(self.dev / name)

    def disks(self, devices: Path, host: int, target: str) -> None:
        """The LUNs that the target has, or all have: lines LUN WWID in luns-TARGET, luns."""
        own = self.top / f"luns-{target}"
        for line in get(own if own.exists() else self.top / "luns").splitlines():
            self.disk(devices, host, *line.split())

    def srp_host(self, port: Path, login: str) -> None:
        host = self.number("host")
        words = dict(word.split("=", 1) for word in login.split(","))
        place = self.sys / "class/scsi_host" / f"host{host}"
        for name in ("id_ext", "ioc_guid"):
            put(place / name, f"0x{words[name]}")
        put(self.top / "logins" / f"host{host}", self.connection(port, words))
        if "dgid" in words:
            gid = words["dgid"]
            put(place / "dgid", ":".join(gid[i:i + 4] for i in range(0, 32, 4)))
        put(place / "local_ib_device", get(port / "ibdev"))
        put(place / "local_ib_port", get(port / "port"))
        put(place / "scan")
        put(self.sys / "class/srp_remote_ports" / f"port-{host}:1" / "delete")
        self.disks(place / "device", host, words.get("dest", words.get("dgid", "")))

    @staticmethod
    def connection(port: Path, words: dict[str, str]) -> str:
        """What ib_srp has one of, and does not show in sysfs."""
        return ",".join([port.name, *(words.get(name, "") for name in (
            "id_ext", "ioc_guid", "initiator_ext"))])

    def refuses(self, port: Path, login: str) -> bool:
        wanted = self.connection(port, dict(word.split("=", 1) for word in login.split(",")))
        return any(get(path) == wanted for path in self.top.glob("logins/*"))

    def end_lingering(self) -> None:
        for login in self.top.glob("logins/*"):
            if not (self.sys / "class/scsi_host" / login.name).exists():
                login.unlink()

    def forget_host(self, host: str) -> None:
        place = self.sys / "class/scsi_host" / f"host{host}"
        for block in place.glob("device/target*/*/block/*"):
            shutil.rmtree(self.sys / "block" / block.name)
            (self.dev / block.name).unlink()
        shutil.rmtree(place)
        if not (self.top / "lingers").exists():
            self.end_lingering()

    def iser_session(self, name: str, portal: str, transport: str = "iscsi_iser") -> None:
        number = host = self.number("host")
        real = self.sys / "devices" / f"host{host}" / f"session{number}"
        session = self.sys / "class/iscsi_session" / f"session{number}"
        address, port = portal.rsplit(":", 1)
        connection = self.sys / "class/iscsi_connection" / f"connection{number}:0"
        put(session / "targetname", name)
        put(connection / "persistent_address", address.strip("[]"))
        put(connection / "persistent_port", port)
        put(self.sys / "class/scsi_host" / f"host{host}" / "proc_name", transport)
        put(self.sys / "class/scsi_host" / f"host{host}" / "scan")
        self.disks(real, host, name)
        (session / "device").symlink_to(real)
        (self.sys / "class/scsi_host" / f"host{host}" / "device").symlink_to(real)

    def forget_session(self, number: str) -> None:
        self.forget_host(number)
        shutil.rmtree(self.sys / "class/iscsi_session" / f"session{number}")
        shutil.rmtree(self.sys / "class/iscsi_connection" / f"connection{number}:0")

    def map_all(self) -> None:
        """A multipath map of all disks."""
        dm = self.sys / "block/dm-0"
        put(dm / "dm/uuid", "mpath-3600")
        put(dm / "dm/name", "mpatha")
        put(dm / "dev", "253:0")
        put(self.dev / "dm-0")
        for name in [p.name for p in self.sys.glob("block/sd*")]:
            (self.sys / "block" / name / "holders").mkdir(exist_ok=True)
            (self.sys / "block" / name / "holders/dm-0").symlink_to(dm)
            put(dm / "slaves" / name)

    def work(self) -> bool:
        """What it was told to do and has not done."""
        done = False
        for port in self.sys.glob("class/infiniband_srp/*"):
            login = port / "add_target"
            if login.is_file() and get(login):
                self.note(f"login {port.name} {get(login)}")
                self.srp_host(port, get(login))
                put(login)
                done = True
        for port in list(self.sys.glob("class/srp_remote_ports/*")):
            if get(port / "delete"):
                self.note(f"delete {port.name}")
                shutil.rmtree(port)
                self.forget_host(port.name[5:-2])
                done = True
        for host in self.sys.glob("class/scsi_host/*"):
            asked = get(host / "scan").split()
            if asked and (self.top / "late").exists():
                self.disk(host / "device", int(host.name[4:]), asked[2], "late")
                put(host / "scan")
                done = True
        return done


# ---- the programs --------------------------------------------------------------


def bash(kernel: Kernel, words: list[str]) -> int:
    """What writes to a file of the kernel's."""
    if words[-1].endswith("add_target"):
        if os.environ["KILLED"]:
            put(Path(words[-1]), words[-2])
            os.kill(os.getsid(0), signal.SIGKILL)
            return 0
        if kernel.refuses(Path(words[-1]).parent, words[-2]):
            print("bash: line 1: printf: write error: File exists", file=sys.stderr)
            kernel.end_lingering()
            return 1
        if (kernel.top / "slow").exists():  # it has gone on when it is given up
            kernel.srp_host(Path(words[-1]).parent, words[-2])
            return 124
    os.execv("/bin/bash", ["bash", *words])


def udevadm(kernel: Kernel, words: list[str]) -> int:
    if words[0] == "monitor":
        # There is no event before it was asked for.
        while not kernel.work() and (kernel.top / "late").exists():
            time.sleep(0.01)
        print("monitor will print the received events for:\nKERNEL - the kernel uevent\n")
    return 0


def ibsrpdm(kernel: Kernel, words: list[str]) -> int:
    kernel.note("ibsrpdm " + " ".join(words).replace(str(kernel.top), ""))
    if [word for word in words if word[0] == "-"] != ["-c", "-d"]:  # all that it knows
        print("Usage: ibsrpdm [-vc] [-d <umad device>]")
        return 1
    if (kernel.top / "no-sm").exists():
        print("no answer from the SM", file=sys.stderr)
        return 1
    print(get(kernel.top / "fabric"))
    return 0


def iscsiadm(kernel: Kernel, words: list[str]) -> int:
    kernel.note("iscsiadm " + " ".join(words))
    record = kernel.top / "record"
    if words[1] == "session":
        if (kernel.top / "stays").exists():
            print("iscsiadm: can not connect to iSCSI daemon", file=sys.stderr)
            return 20
        kernel.forget_session(words[3])
        return 0
    if words[-1] == "--logout":
        return 21
    if words[-1] == "--login":
        if (kernel.top / "refuse").exists():
            print("iscsiadm: Could not login to [...]\niscsiadm: initiator reported error "
                  "(15 - session exists)\n", file=sys.stderr)
            return 15
        kernel.iser_session(words[3], words[5])
        return 0
    if words[-1] == "show":
        return 0 if record.exists() else 21
    if words[-1] == "new":
        put(record)
    elif words[-1] == "delete":
        record.unlink()
    return 0


def multipath(kernel: Kernel, words: list[str]) -> int:
    kernel.note("multipath " + " ".join(words).replace(f"{kernel.dev}/", ""))
    if words[0] == "-f":
        shutil.rmtree(kernel.sys / "block/dm-0")
        (kernel.dev / "dm-0").unlink()
    if words[0] == "-v1":
        kernel.map_all()
        return int((kernel.top / "multipathd-was-first").exists())
    return 0


def multipathd(kernel: Kernel, _words: list[str]) -> int:
    return 1 if (kernel.top / "no-multipathd").exists() else 0


def modprobe(kernel: Kernel, words: list[str]) -> int:
    kernel.note("modprobe " + " ".join(words))
    (kernel.sys / "class/infiniband_srp").mkdir(parents=True, exist_ok=True)
    return 0


# ---- the world -----------------------------------------------------------------


class World:
    """A host in which the scripts run."""

    def __init__(self) -> None:
        self.top = Path(tempfile.mkdtemp())
        self.kernel = Kernel(self.top)
        self.scripts, self.bin = self.top / "scripts", self.top / "bin"
        self.state = self.top / "state"
        self.scripts.mkdir()
        self.bin.mkdir()
        for path in SCRIPTS.iterdir():
            shutil.copy(path, self.scripts)
        put(self.scripts / "block-common.sh", BLOCK_COMMON)
        for name in PROGRAMS:
            (self.bin / name).symlink_to(HERE)
        for name, text in XENSTORE.items():
            put(self.bin / name, f"#!/bin/sh\n{text}")
            (self.bin / name).chmod(0o755)
        self.limit = 600
        self.luns("0 naa.600", "1 naa.601")
        put(self.top / "proc/self/mountinfo",
            "23 29 0:22 / /proc rw,nosuid shared:13 - proc proc rw\n"
            "29 1 254:1 / / rw,relatime shared:1 - ext4 /dev/root rw")

    def __enter__(self) -> "World":
        return self

    def __exit__(self, *_unused) -> None:
        shutil.rmtree(self.top)

    def luns(self, *lines: str, target: str = "") -> None:
        put(self.top / (f"luns-{target}" if target else "luns"), "\n".join(lines))

    def hca(self, name: str, port: int = 1) -> Path:
        place = self.top / "sys/class/infiniband_srp" / f"srp-{name}-{port}"
        put(place / "ibdev", name)
        put(place / "port", str(port))
        put(place / "add_target")
        umad = self.top / "sys/class/infiniband_mad" / f"umad{self.kernel.number('umad')}"
        put(umad / "ibdev", name)
        put(umad / "port", str(port))
        return place

    @staticmethod
    def backend(domid: int) -> str:
        return f"/local/domain/0/backend/vbd/{domid}/51728"

    def disk(self, domid: int, target: str, mode: str = "w") -> None:
        """What libxl has written of a guest's disk."""
        for key, value in (("params", target), ("mode", mode), ("frontend-id", str(domid))):
            put(self.top / f"xs{self.backend(domid)}" / key, value)
        put(self.top / f"xs/local/domain/{domid}/vm", f"/vm/{domid}")

    def begin(self, script: str, verb: str, domid: int,
              killed: str = "") -> "subprocess.Popen[str]":
        """@killed: not empty, if it is as it logs in."""
        return subprocess.Popen(
            [self.scripts / script, verb], text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True, env={
                "PATH": f"{self.bin}:{os.environ['PATH']}", "WORLD": str(self.top),
                "XENBUS_PATH": self.backend(domid), "KILLED": killed, "XEN_IB_BLOCK_SYS": str(self.top / "sys"),
                "XEN_IB_BLOCK_PROC": str(self.top / "proc"),
                "XEN_IB_BLOCK_DEV": str(self.top / "dev"), "XEN_IB_BLOCK_LIMIT": str(self.limit),
                "XEN_IB_BLOCK_STATE": str(self.state)})

    def run(self, script: str, verb: str, domid: int) -> tuple[int, str]:
        process = self.begin(script, verb, domid)
        said = process.communicate(timeout=600)[0]
        return process.returncode, said

    def add(self, script: str, domid: int, target: str, mode: str = "w") -> str:
        """Like xl create: the device that blkback is given, or the reason that xl prints."""
        self.disk(domid, target, mode)
        status, said = self.run(script, "add", domid)
        key = "physical-device-path" if status == 0 else "hotplug-error"
        wanted = "connected" if status == 0 else "error"
        if said or self.node(domid, "hotplug-status") != wanted:
            return f"status {status}, said {said!r}, {self.node(domid, 'hotplug-status')!r}"
        return self.node(domid, key).replace(f"{self.top}/dev/", "")

    def remove(self, script: str, domid: int) -> tuple[int, str]:
        """Like xl destroy."""
        done = self.run(script, "remove", domid)
        self.gone(domid)
        return done

    def gone(self, domid: int) -> None:
        shutil.rmtree(self.top / f"xs{self.backend(domid)}")

    def node(self, domid: int, key: str) -> str:
        return get(self.top / f"xs{self.backend(domid)}" / key)

    def mount(self, number: str, options: str) -> None:
        """In Dom0, what has this device number."""
        with open(self.top / "proc/self/mountinfo", "a", encoding="ascii") as file:
            file.write(f"31 29 {number} / /mnt {options},relatime shared:2 - ext4 /dev/x rw\n")

    def happened(self) -> list[str]:
        return get(self.top / "happened").splitlines()

    def hosts(self) -> list[str]:
        return sorted(p.name for p in self.top.glob("sys/class/scsi_host/*"))

    def left(self) -> list[str]:
        """Of what the scripts keep, all but locks."""
        return [str(p.relative_to(self.state)) for p in self.state.rglob("*")
                if p.is_file() and p.suffix != ".lock"]


if __name__ == "__main__":
    sys.exit(globals()[Path(sys.argv[0]).name](Kernel(Path(os.environ["WORLD"])), sys.argv[1:]))
