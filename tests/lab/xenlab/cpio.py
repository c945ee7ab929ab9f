# SPDX-License-Identifier: GPL-2.0-or-later
"""Writing initramfs archives (cpio "newc", Documentation/driver-api/early-userspace).

Written here rather than by cpio(1), so that an archive is the same for the
same content and everything in it belongs to root whoever builds it. Archives
are not compressed: under emulation unpacking costs more than reading.
"""

import os
import stat
from pathlib import Path
from typing import Iterator


class Archive:
    """A cpio archive being put together in memory."""

    def __init__(self) -> None:
        self._out = bytearray()
        self._ino = 0
        self._seen: set[str] = set()

    def directory(self, path: str) -> None:
        """Add a directory and its parents, each once."""
        parts = path.strip("/").split("/")
        for depth in range(1, len(parts) + 1):
            name = "/".join(parts[:depth])
            if name and name not in self._seen:
                self._seen.add(name)
                self._record(name, stat.S_IFDIR | 0o755, b"")

    def file(self, path: str, data: bytes, mode: int = 0o644) -> None:
        """Add a regular file and the directories it needs."""
        self._parents(path)
        self._record(path.strip("/"), stat.S_IFREG | mode, data)

    def symlink(self, path: str, target: str) -> None:
        """Add a symbolic link."""
        self._parents(path)
        self._record(path.strip("/"), stat.S_IFLNK | 0o777, target.encode())

    def device(self, path: str, major: int, minor: int) -> None:
        """Add a character device."""
        self._parents(path)
        self._record(path.strip("/"), stat.S_IFCHR | 0o600, b"", major, minor)

    def tree(self, source: Path, prefix: str = "") -> None:
        """Add everything below `source`, under `prefix`."""
        for path in _walk(source):
            name = f"{prefix}/{path.relative_to(source)}"
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                self.symlink(name, os.readlink(path))
            elif stat.S_ISDIR(mode):
                self.directory(name)
            elif stat.S_ISREG(mode):
                self.file(name, path.read_bytes(), stat.S_IMODE(mode))

    def bytes(self) -> bytes:
        """The finished archive, padded so that another can follow it."""
        out = bytearray(self._out)
        out += _header(0, 0, 0, len("TRAILER!!!") + 1) + b"TRAILER!!!\0"
        return bytes(out + b"\0" * (-len(out) % 512))

    def _parents(self, path: str) -> None:
        parent = os.path.dirname(path.strip("/"))
        if parent:
            self.directory(parent)

    def _record(self, name: str, mode: int, data: bytes, major: int = 0, minor: int = 0) -> None:
        self._ino += 1
        encoded = name.encode() + b"\0"
        self._out += _header(self._ino, mode, len(data), len(encoded), major, minor) + encoded
        self._out += b"\0" * (-len(self._out) % 4)
        self._out += data
        self._out += b"\0" * (-len(self._out) % 4)


def _header(ino: int, mode: int, size: int, namesize: int, major: int = 0, minor: int = 0) -> bytes:
    fields = (ino, mode, 0, 0, 1, 0, size, 0, 0, major, minor, namesize, 0)
    return b"070701" + b"".join(b"%08X" % f for f in fields)


def _walk(top: Path) -> Iterator[Path]:
    for entry in sorted(top.iterdir()):
        yield entry
        if entry.is_dir() and not entry.is_symlink():
            yield from _walk(entry)
