# SPDX-License-Identifier: GPL-2.0-or-later
"""Commands in Dom0 and guests, over ssh connections that are kept open.

A key exchange costs seconds under emulation, so each place has one master
connection that all commands share. Guests are reached through Dom0's master.
"""

import fcntl
import os
import shlex
import subprocess
from pathlib import Path
from typing import Optional, Sequence

from .errors import LabError, UsageError

DOM0_ADDRESS = "127.0.0.1"
TIMED_OUT = 124  # as timeout(1)


class Place:
    """Dom0 or a guest of one lab, as ssh reaches it."""

    def __init__(self, name: str, key: Path, sockets: Path, port: int,
                 address: str = DOM0_ADDRESS, through: Optional["Place"] = None) -> None:
        self.name = name
        self.address = address
        self.control = sockets / f"ssh-{name}"
        self.through = through
        self._options = [
            "-F", "none", "-i", str(key), "-p", str(port),
            "-o", f"ControlPath={self.control}", "-o", "IdentitiesOnly=yes",
            "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
            "-o", "GlobalKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
            "-o", "BatchMode=yes", "-o", "ConnectTimeout=20",
            "-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=12",
            "-o", "Ciphers=chacha20-poly1305@openssh.com",
        ]

    def connected(self) -> bool:
        """Is there a master connection (which may still be dead at the far end)?"""
        return self.control.exists() and self._control("check")

    def connect(self, timeout: float = 30) -> bool:
        """Make sure of a master connection; False if the place does not answer."""
        with open(f"{self.control}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self.connected():
                return True
            self.control.unlink(missing_ok=True)
            options = ["-o", "ControlMaster=yes", "-o", "ControlPersist=yes", "-f", "-N"]
            if self.through:
                if not self.through.connect(timeout):
                    return False
                options += ["-o", f"ProxyCommand={shlex.join(self.through.argv(['-W', f'{self.address}:22']))}"]
            try:
                return subprocess.run(
                    ["ssh", *self._options, *options, self._target()], timeout=timeout,
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL).returncode == 0
            except subprocess.TimeoutExpired:
                return False

    def disconnect(self) -> None:
        """Drop the master connection, as after the place's reboot."""
        if self.control.exists():
            self._control("exit")
            self.control.unlink(missing_ok=True)

    def argv(self, options: Sequence[str] = (), command: Optional[str] = None) -> list[str]:
        """An ssh command line that uses the master connection."""
        words = ["ssh", *self._options, "-o", "ControlMaster=no", *options, self._target()]
        return words + ([command] if command is not None else [])

    def run(self, command: str, stdin: Optional[bytes] = None, timeout: float = 60) -> str:
        """Run a shell command to its end and return its stdout."""
        done = self.attempt(command, stdin, timeout)
        if done.returncode:
            said = (done.stderr + done.stdout).decode(errors="replace").strip()[-3000:]
            raise LabError(f"in {self.name}: {command}: exit {done.returncode}\n{said}")
        return done.stdout.decode(errors="replace")

    def attempt(self, command: str, stdin: Optional[bytes] = None,
                timeout: float = 60) -> subprocess.CompletedProcess:
        """Run a shell command; what it did is the caller's to judge (255: ssh itself failed)."""
        argv = self.argv([] if stdin is not None else ["-n"], command)
        if not self.connect():
            return subprocess.CompletedProcess(argv, 255, b"", f"{self.name} does not answer".encode())
        try:
            return subprocess.run(argv, input=stdin, timeout=timeout,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(argv, 255, b"", f"not done after {timeout:.0f} s".encode())

    def stream(self, words: Sequence[str], timeout: Optional[float], terminal: bool) -> int:
        """Run a command on our own stdin, stdout and stderr; returns its status.

        One word is a shell command line; several are an argument vector.
        Without a timeout this process becomes ssh and never returns.
        """
        command = words[0] if len(words) == 1 else shlex.join(words)
        if timeout is not None and words:
            # The far end's timeout kills the command; ours only a dead line.
            command = f"timeout -k 5 {timeout:g} sh -c {shlex.quote(command)}"
        argv = self.argv(["-t"] if terminal else [], command if words else None)
        if timeout is None:
            os.execvp(argv[0], argv)
        process = subprocess.Popen(argv)
        try:
            return process.wait(timeout + 20)
        except subprocess.TimeoutExpired:
            return TIMED_OUT
        finally:
            process.kill()

    def put(self, source: Path, target: str) -> None:
        """Copy a file of this machine to `target`, which may be a directory."""
        if not source.is_file():
            raise UsageError(f"no file {source}")
        name = shlex.quote(target)
        inside = shlex.quote(f"{target.rstrip('/')}/{source.name}")
        mode = source.stat().st_mode & 0o777
        self.run(f"t={name}; [ ! -d {name} ] || t={inside}; cat >\"$t\" && chmod {mode:o} \"$t\"",
                 stdin=source.read_bytes(), timeout=600)

    def fetch(self, source: str, target: Path) -> None:
        """Copy a file from there to `target`, which may be a directory."""
        done = self.attempt(f"cat {shlex.quote(source)}", timeout=600)
        if done.returncode:
            raise LabError(f"{self.name}:{source}: {done.stderr.decode(errors='replace').strip()}")
        if target.is_dir():
            target = target / Path(source).name
        target.write_bytes(done.stdout)

    def _target(self) -> str:
        return f"root@{self.address}"

    def _control(self, verb: str) -> bool:
        try:
            return subprocess.run(["ssh", *self._options, "-O", verb, self._target()], timeout=10,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL).returncode == 0
        except subprocess.TimeoutExpired:
            return False
