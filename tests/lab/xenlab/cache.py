# SPDX-License-Identifier: GPL-2.0-or-later
"""A content-keyed cache: a thing is built once for each state of its inputs.

Every entry is a directory NAME-KEY below the cache, KEY being a hash of all
that went into it. An entry appears by rename, so it is whole or absent, and a
lock file per entry keeps two labs from building the same thing twice.
"""

import fcntl
import hashlib
import os
import shutil
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator

from .paths import CACHE

# Old entries of one name that are kept, so that going back and forth between
# two branches does not rebuild everything.
KEPT = 3


def say(text: str) -> None:
    """Tell the user what the lab is doing (stderr: stdout is for results)."""
    print(f"lab: {text}", file=sys.stderr, flush=True)


def key_of(*parts: object) -> str:
    """A short hash of strings, numbers, bytes and of files' contents (Path)."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            data = _tree_bytes(part)
        elif isinstance(part, bytes):
            data = part
        else:
            data = repr(part).encode()
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:16]


def _tree_bytes(path: Path) -> bytes:
    if path.is_dir():
        return b"".join(
            str(p.relative_to(path)).encode() + b"\0" + (b"x" if os.access(p, os.X_OK) else b"-")
            + p.read_bytes() + b"\0"
            for p in sorted(path.rglob("*"))
            if p.is_file())
    return path.read_bytes()


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the cache's lock called `name`; says so when it has to wait."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / f".{name}.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another lab command that works on {name}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def entry(name: str, key: str, build: Callable[[Path], None]) -> Path:
    """The cache entry `name`-`key`; `build` fills an empty directory if it is missing."""
    path = CACHE / f"{name}-{key}"
    if path.is_dir():
        os.utime(path)
        return path
    with locked(name):
        if path.is_dir():
            return path
        say(f"building {name}")
        started = time.monotonic()
        work = CACHE / f".{name}-{key}.new"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        try:
            build(work)
            work.rename(path)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        say(f"built {name} in {time.monotonic() - started:.1f} s")
        _forget_old(name)
    return path


def _forget_old(name: str) -> None:
    """Remove all but the newest entries of `name`.

    A running lab keeps its files open, or holds its own copy, so removing an
    entry under it does no harm.
    """
    entries = [p for p in CACHE.glob(f"{name}-*")
               if p.is_dir() and len(p.name) == len(name) + 17]
    entries.sort(key=lambda p: p.stat().st_mtime, reverse=True)
    for path in entries[KEPT:]:
        shutil.rmtree(path, ignore_errors=True)
