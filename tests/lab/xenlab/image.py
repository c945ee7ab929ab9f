# SPDX-License-Identifier: GPL-2.0-or-later
"""The disk image: root file system, lab scripts, both kernels' modules.

One ext4 image serves Dom0 and the peer (through writable overlays) and all
guests (read-only). It also carries what Dom0 boots guests from.
"""

import gzip
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from . import cache, initramfs, kernels, network, rootfs
from .kernels import Kernel
from .paths import CACHE, IMAGE_SOURCE
from .shell import run

# Room for Dom0 to write; the image is sparse.
SPARE_MB = 1536

# udev's rules for devices that the lab has; the others cost each boot a second.
UDEV_RULES = ("50-udev-default", "60-block", "60-infiniband", "60-rdma", "75-rdma",
              "80-drivers", "90-iwpmd", "90-rdma")


@dataclass(frozen=True)
class Image:
    """A built image and what it was built from."""

    dir: Path
    kernels: dict[str, Kernel]

    @property
    def disk(self) -> Path:
        return self.dir / "image.raw"

    @property
    def xen(self) -> Path:
        return self.dir / "xen.elf"

    @property
    def build_id(self) -> str:
        """Differs between two builds of the same inputs, as the disks' layouts do.

        A snapshot fits only the very disk it was made on.
        """
        return (self.dir / "id").read_text()

    def initramfs(self, series: str) -> Path:
        return self.dir / f"initramfs-{series}"


def ssh_key() -> Path:
    """The lab's private key; made once per cache, with the image's host key."""
    keys = CACHE / "keys"
    with cache.locked("keys"):
        for name in ("id_lab", "lab_host_key"):
            if not (keys / name).exists():
                keys.mkdir(parents=True, exist_ok=True)
                run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "xen-ib lab",
                     "-f", keys / name])
    return keys / "id_lab"


def get() -> Image:
    """The image for the current inputs, built if need be."""
    root = rootfs.get()
    known = kernels.get_all()
    keys = ssh_key().parent
    key = cache.key_of(str(root), [str(k.dir) for k in known.values()], IMAGE_SOURCE / "root",
                 IMAGE_SOURCE / "initramfs-init", Path(__file__), Path(initramfs.__file__), _hosts(),
                 keys / "id_lab.pub", keys / "lab_host_key")
    path = cache.entry("image", key, lambda work: _build(work, root, known, keys))
    return Image(path, known)


def _build(work: Path, root: Path, known: dict[str, Kernel], keys: Path) -> None:
    tree = work / "tree"
    run(["cp", "-a", "--reflink=auto", root, tree])
    _add_lab_files(tree, keys)
    for kernel in known.values():
        run(["cp", "-a", "--reflink=auto", kernel.modules, tree / "usr/lib/modules"])
        boot = tree / "boot" / "xenlab" / kernel.series
        boot.mkdir(parents=True)
        shutil.copy(kernel.vmlinux, boot / "vmlinux")
        archive = initramfs.build(kernel, root)
        (boot / "initramfs").write_bytes(archive)
        (work / f"initramfs-{kernel.series}").write_bytes(archive)
        # Replaced by `lab push`, which appends the project's files.
        (tree / "var/lib/xenlab" / f"initrd-{kernel.series}").symlink_to(
            f"/boot/xenlab/{kernel.series}/initramfs")
    (work / "xen.elf").write_bytes(_xen(tree))
    _make_disk(tree, work / "image.raw")
    (work / "id").write_text(os.urandom(8).hex())
    shutil.rmtree(tree)


def _add_lab_files(tree: Path, keys: Path) -> None:
    shutil.copytree(IMAGE_SOURCE / "root", tree, dirs_exist_ok=True, symlinks=True)
    for applet in ("init", "poweroff", "reboot", "halt"):
        link = tree / "usr/sbin" / applet
        link.unlink(missing_ok=True)
        link.symlink_to("../bin/busybox")
    (tree / "usr/lib/modules").mkdir(exist_ok=True)
    (tree / "var/lib/xenlab").mkdir(parents=True)
    (tree / "var/log/xen-ib").mkdir()
    for generated in (tree / "etc/ssh").glob("ssh_host_*"):
        generated.unlink()
    _write(tree / "etc/ssh/lab_host_key", (keys / "lab_host_key").read_text(), 0o600)
    (tree / "root/.ssh").mkdir(mode=0o700, exist_ok=True)
    _write(tree / "root/.ssh/authorized_keys", (keys / "id_lab.pub").read_text(), 0o600)
    _write(tree / "etc/fstab", "", 0o644)
    _write(tree / "etc/hosts", "\n".join(_hosts()) + "\n", 0o644)
    # Dom0's memory is fixed on the Xen line.
    with open(tree / "etc/xen/xl.conf", "a") as conf:
        conf.write('\nautoballoon="off"\n')
    for rules in (tree / "usr/lib/udev/rules.d").iterdir():
        if not rules.name.startswith(UDEV_RULES):
            rules.unlink()
    _unpack_rdma_tests(tree)


def _hosts() -> list[str]:
    return ["127.0.0.1 localhost", f"{network.DOM0} dom0",
            *(f"{network.on_wire(name)} {name}" for name in ("dom0b", "peer")),
            *(f"{network.of_guest(n)} g{n}" for n in network.GUESTS)]


def _unpack_rdma_tests(tree: Path) -> None:
    """rdma-core's own Python tests, which Debian ships gzipped as documentation."""
    target = tree / "usr/share/xenlab/rdma-tests"
    shutil.copytree(tree / "usr/share/doc/rdma-core/tests", target / "tests")
    for packed in target.rglob("*.gz"):
        run(["gunzip", packed])


def _write(path: Path, text: str, mode: int) -> None:
    path.write_text(text)
    os.chmod(path, mode)


def _xen(tree: Path) -> bytes:
    packed = next((tree / "boot").glob("xen-*-amd64.gz"))
    return gzip.decompress(packed.read_bytes())


def _make_disk(tree: Path, disk: Path) -> None:
    used_kb = int(run(["du", "-sk", "--apparent-size", tree]).split()[0])
    size_mb = used_kb * 115 // 100 // 1024 + SPARE_MB
    # Without a journal: Dom0's disk is thrown away, and guests mount it read-only.
    run(["mke2fs", "-q", "-t", "ext4", "-O", "^has_journal,^metadata_csum", "-m", "0",
         "-L", "xenlab", "-d", tree, disk, f"{size_mb}M"])
