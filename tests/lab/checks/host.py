# SPDX-License-Identifier: GPL-2.0-or-later
"""A running lab as the checks see it: commands in Dom0 and in guests.

Everything goes through the lab's command line, as a person would do it.
"""

import os
import shlex
import subprocess
import time
from pathlib import Path
from typing import Callable, Optional

from xenlab import waiting

LAB = str(Path(__file__).resolve().parent.parent / "lab")

# Under emulation a second of hardware is twenty; what has not happened by
# then will not.
PATIENCE = 90.0
# A busy machine takes longer, as the lab's own waiting does.
BUSY = waiting.PATIENCE


class Host:
    """One lab, by name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def lab(self, *words: str, stdin: Optional[str] = None, timeout: float = 900) -> str:
        """Run a verb of the lab; its output. Fails the check on a non-zero exit."""
        done = self._run(words, stdin, timeout)
        if done.returncode:
            raise AssertionError(f"lab {shlex.join(words)} exited {done.returncode}:\n"
                                 f"{done.stdout}{done.stderr}")
        return done.stdout

    def _argv(self, words: tuple[str, ...]) -> list[str]:
        verb = 2 if words[0] in ("guest", "peer") else 1
        return [LAB, *words[:verb], "--name", self.name, *words[verb:]]

    def _run(self, words: tuple[str, ...], stdin: Optional[str],
             timeout: float) -> subprocess.CompletedProcess:
        return subprocess.run(self._argv(words), input=stdin or "", text=True,
                              capture_output=True, timeout=timeout, env=os.environ)

    def up(self, *options: str) -> None:
        done = subprocess.run([LAB, "up", "--name", self.name, *options], timeout=1500)
        if done.returncode:
            raise AssertionError(f"lab up {shlex.join(options)} exited {done.returncode}")

    def down(self) -> None:
        subprocess.run([LAB, "down", "--name", self.name], timeout=120)

    def attempt(self, where: str, command: str, timeout: float = 120) -> subprocess.CompletedProcess:
        """Run a shell command line somewhere; whatever its status."""
        limit = timeout * BUSY
        return self._run(("sh", "--timeout", str(limit), where, "--", "sh", "-c", command),
                         None, limit + 60)

    def start(self, where: str, command: str, timeout: float = 120) -> subprocess.Popen:
        """Start a shell command line somewhere, which ends after `timeout` at the latest."""
        words = ("sh", "--timeout", str(timeout), where, "--", "sh", "-c", command)
        return subprocess.Popen(self._argv(words), text=True, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def sh(self, where: str, command: str, timeout: float = 120) -> str:
        """Run a shell command line somewhere; its output. It must succeed."""
        done = self.attempt(where, command, timeout)
        if done.returncode:
            raise AssertionError(f"{where}: {command!r} exited {done.returncode}:\n"
                                 f"{done.stdout}{done.stderr}")
        return done.stdout.strip()

    def until(self, where: str, condition: str, timeout: float = PATIENCE) -> None:
        """Wait there until the shell condition holds."""
        loop = f"until {condition}; do sleep 0.2; done"
        done = self.attempt(where, f"timeout {timeout * BUSY:.0f} sh -c {shlex.quote(loop)}",
                            timeout + 30)
        if done.returncode:
            raise AssertionError(f"{where}: not within {timeout:.0f} s: {condition}\n"
                                 f"{done.stdout}{done.stderr}{self.state()}")

    def poll(self, what: str, probe: Callable[[], bool], timeout: float = PATIENCE) -> None:
        """Wait until the probe holds, asked from here."""
        end = time.monotonic() + timeout * BUSY
        while not probe():
            if time.monotonic() > end:
                raise AssertionError(f"not within {timeout:.0f} s: {what}\n{self.state()}")
            time.sleep(0.3)

    def state(self) -> str:
        """What a failed check wants to see."""
        done = self.attempt("dom0", "vibctl list; xl list; xenstore-ls /local/domain/0/backend/vib; "
                            "tail -n 15 /var/log/xen-ib/*.log", 60)
        return done.stdout + done.stderr

    # ---- what the checks ask most ------------------------------------------

    def port_is(self, guest: str, state: str, device: str = "vib0") -> None:
        """Wait until the guest's port has this state: ACTIVE, DOWN."""
        self.until(guest, f"grep -q {state} /sys/class/infiniband/{device}/ports/1/state "
                   "2>/dev/null")

    def domid(self, guest: str) -> int:
        return int(self.sh("dom0", f"xl domid {guest}"))

    def daemon(self, verb: str, which: str, dom0: str = "dom0") -> None:
        self.sh(dom0, f"lab-daemon {verb} {which}")

    def xen_says(self, keys: str) -> str:
        """What the hypervisor prints for debug keys."""
        # A key's work is done when xl returns, and its words are in Xen's buffer.
        press = "; ".join(f"xl debug-keys {key}" for key in keys)
        return self.sh("dom0", f"xl dmesg -c >/dev/null; {press}; xl dmesg")
