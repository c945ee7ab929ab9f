# SPDX-License-Identifier: GPL-2.0-or-later
"""The Debian root file system that Dom0 and every guest run."""

import os
from pathlib import Path

from . import cache
from .errors import LabError
from .paths import IMAGE_SOURCE
from .shell import run

SUITE = "bookworm"
MIRROR = os.environ.get("XENLAB_MIRROR", "http://deb.debian.org/debian")
SECURITY = os.environ.get("XENLAB_SECURITY_MIRROR", "http://deb.debian.org/debian-security")


def sources() -> list[str]:
    """The apt sources of the image: what a host with Debian 12 has."""
    return [f"deb {MIRROR} {SUITE} main",
            f"deb {MIRROR} {SUITE}-updates main",
            f"deb {SECURITY} {SUITE}-security main"]


def packages() -> list[str]:
    """The image's packages, from image/packages.txt without its comments."""
    lines = (IMAGE_SOURCE / "packages.txt").read_text().splitlines()
    return [line.split("#")[0].strip() for line in lines if line.split("#")[0].strip()]


def get() -> Path:
    """The directory with the root file system, made by mmdebstrap if need be."""
    # cache.py and this file's comments must not cost a download: only the
    # inputs of mmdebstrap count.
    key = cache.key_of(sources(), sorted(packages()))
    return cache.entry("rootfs", key, _build) / "root"


def _build(work: Path) -> None:
    if os.geteuid() != 0:
        raise LabError("building the lab's image needs root: device nodes and file "
                       "owners (run `lab build` once as root)")
    run(["mmdebstrap", "--quiet", "--variant=minbase",
         f"--include={','.join(packages())}",
         # rdma-core's own test suite is shipped as documentation.
         "--dpkgopt=path-exclude=/usr/share/man/*",
         "--dpkgopt=path-exclude=/usr/share/locale/*",
         SUITE, work / "root", *sources()])
