# SPDX-License-Identifier: GPL-2.0-or-later
"""The project's own files: built by make, put into Dom0 and the guests.

They are not part of any image: Dom0 gets them by tar over ssh, guests in an
archive that follows their initramfs, so a change of code rebuilds no image.
"""

import io
import os
import shutil
import tarfile
from pathlib import Path
from typing import Iterable

from . import cache
from .cache import say
from .cpio import Archive
from .errors import LabError
from .kernels import Kernel
from .paths import TOP
from .shell import run
from .ssh import Place

DAEMONS = ("ibback", "vibd")
# Directories that Debian 12 has below /usr: a symlink there must not be
# replaced by a directory.
MERGED = ("bin", "sbin", "lib", "lib64")


def build(kernels: Iterable[Kernel], staging: Path) -> None:
    """Run the project's install targets into staging/dom0 and staging/domu."""
    releases = " ".join(k.release for k in kernels)
    shutil.rmtree(staging, ignore_errors=True)
    # Two labs must not run make in one tree at once.
    with cache.locked("make"):
        say("building the project's files")
        for target, extra in (("dom0", []), ("domu", [f"KVERS={releases}"])):
            try:
                run(["make", "-C", TOP, "--no-print-directory", f"-j{os.cpu_count()}", f"install-{target}",
                     f"DESTDIR={staging / target}", *extra], env=_environment())
            except LabError as error:
                raise LabError(f"{error}\nThe project's files could not be built. "
                               "`lab up --no-payload` starts a lab without them.") from None
            (staging / target).mkdir(parents=True, exist_ok=True)
            _merge_usr(staging / target)


def _environment() -> dict[str, str]:
    """Ours, without the parts of MAKEFLAGS that only hold inside a running make."""
    env = dict(os.environ)
    flags = [f for f in env.pop("MAKEFLAGS", "").split()
             if not f.startswith(("--jobserver", "-j"))]
    env.pop("MAKELEVEL", None)
    env.pop("MFLAGS", None)
    if flags:
        env["MAKEFLAGS"] = " ".join(flags)
    return env


def _merge_usr(tree: Path) -> None:
    for name in MERGED:
        source = tree / name
        if source.is_dir() and not source.is_symlink():
            shutil.copytree(source, tree / "usr" / name, dirs_exist_ok=True, symlinks=True)
            shutil.rmtree(source)


def push(kernels: Iterable[Kernel], staging: Path, dom0: Place) -> None:
    """Copy staged files into a running Dom0, and the initrds that guests boot with."""
    dom0.run("tar -x -C / --keep-directory-symlink", stdin=_tar(staging / "dom0"), timeout=300)
    for kernel in kernels:
        archive = _guest_archive(kernel, staging)
        target = f"/var/lib/xenlab/initrd-{kernel.series}"
        dom0.run(f"cat /boot/xenlab/{kernel.series}/initramfs - >{target}.new && "
                 f"mv {target}.new {target}", stdin=archive, timeout=300)


def start_daemons(dom0: Place, verb: str = "start") -> None:
    """Start (or "restart") what daemons the payload brought."""
    for daemon in DAEMONS:
        dom0.run(f"[ ! -x /usr/sbin/{daemon} ] || lab-daemon {verb} {daemon}", timeout=90)


def _tar(tree: Path) -> bytes:
    def as_root(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.uid = info.gid = 0
        info.uname = info.gname = "root"
        return info

    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for entry in sorted(tree.iterdir()):
            tar.add(entry, entry.name, filter=as_root)
    return out.getvalue()


def _guest_archive(kernel: Kernel, staging: Path) -> bytes:
    """The DomU tree for one kernel, as /payload of an initramfs archive."""
    tree = staging / f"guest-{kernel.series}"
    shutil.copytree(staging / "domu", tree, symlinks=True, dirs_exist_ok=True)
    modules = tree / "usr/lib/modules"
    if modules.is_dir():
        for release in modules.iterdir():
            if release.name != kernel.release:
                shutil.rmtree(release)
        if (modules / kernel.release).is_dir():
            _depmod(kernel, modules / kernel.release)
    archive = Archive()
    archive.tree(tree, "payload")
    return archive.bytes()


def _depmod(kernel: Kernel, modules: Path) -> None:
    """Make module lists that hold the image's modules and the project's.

    Done here against the same trimmed tree, because depmod takes a guest
    half a minute.
    """
    for module in modules.rglob("*.ko"):
        run(["strip", "--strip-debug", module])
    base = modules.parents[3]  # .../usr/lib/modules/RELEASE -> ...
    link = base / "lib"
    run(["cp", "-al", kernel.modules / "kernel", modules / "kernel"])
    for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
        shutil.copy(kernel.modules / name, modules / name)
    link.symlink_to("usr/lib")
    try:
        run(["depmod", "-b", base, kernel.release])
    finally:
        link.unlink()
        shutil.rmtree(modules / "kernel")
