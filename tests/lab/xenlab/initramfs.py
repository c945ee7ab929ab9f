# SPDX-License-Identifier: GPL-2.0-or-later
"""The initramfs of Dom0, guests and the peer: find the root disk and switch to it."""

from pathlib import Path

from .cpio import Archive
from .kernels import Kernel
from .paths import IMAGE_SOURCE

# Disk drivers of each role, and what guests build their writable root from.
MODULES = {"dom0": ("virtio_pci", "virtio_blk", "ext4"),
           "peer": ("virtio_pci", "virtio_blk", "ext4"),
           "guest": ("xen_blkfront", "ext4", "overlay")}


def build(kernel: Kernel, rootfs: Path) -> bytes:
    """An uncompressed initramfs for `kernel`, with the image's own busybox."""
    archive = Archive()
    for directory in ("dev", "proc", "sys", "run", "newroot", "bin"):
        archive.directory(directory)
    archive.device("dev/console", 5, 1)
    archive.file("bin/busybox", (rootfs / "usr/bin/busybox").read_bytes(), 0o755)
    archive.file("init", (IMAGE_SOURCE / "initramfs-init").read_bytes(), 0o755)
    dependencies = _dependencies(kernel.modules)
    carried: set[str] = set()
    for role, names in MODULES.items():
        order: list[str] = []
        for name in names:
            _add_with_dependencies(name, dependencies, order)
        archive.file(f"modules/{role}", "".join(f"{Path(p).name}\n" for p in order).encode())
        carried.update(order)
    for path in sorted(carried):
        archive.file(f"modules/{Path(path).name}", (kernel.modules / path).read_bytes())
    return archive.bytes()


def _dependencies(modules: Path) -> dict[str, tuple[str, list[str]]]:
    """Module name -> its path and the paths it needs, from modules.dep."""
    table = {}
    for line in (modules / "modules.dep").read_text().splitlines():
        path, _, needs = line.partition(":")
        table[_name(path)] = (path, needs.split())
    return table


def _name(path: str) -> str:
    return Path(path).name.removesuffix(".ko").replace("-", "_")


def _add_with_dependencies(name: str, table: dict[str, tuple[str, list[str]]],
                           order: list[str]) -> None:
    if name not in table:  # built into this kernel
        return
    path, needs = table[name]
    for need in needs:
        _add_with_dependencies(_name(need), table, order)
    if path not in order:
        order.append(path)
    # ext4 finds its checksum by name (softdep), not by symbol.
    if name == "ext4":
        for soft in ("crc32c_generic", "crc32c_intel"):
            _add_with_dependencies(soft, table, order)
