# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian kernels for the lab: the image that fits the installed headers.

The project's module is built against the headers on this machine, so the
kernel is chosen by them. It is only unpacked, never installed: its vmlinux is
taken out of the bzImage (Xen's tools would otherwise decompress it under
emulation at each start of a domain) and its modules are trimmed to what a
virtual machine with RDMA in it can use.
"""

import lzma
import re
import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import cache
from .errors import LabError, UsageError
from .shell import run

# What a user says -> the metapackage that pins the exact kernel.
SERIES = {"6.1": "linux-headers-amd64", "6.12": "linux-headers-6.12-amd64"}

# Directories with nothing a guest of the lab could use. Everything else is
# kept, as are all of infiniband, xen, net core, fs, target, nvme and block.
DROPPED = """
drivers/accel drivers/bluetooth drivers/comedi drivers/edac drivers/extcon
drivers/firewire drivers/gpio drivers/gpu drivers/hid drivers/hwmon drivers/i2c
drivers/iio drivers/input drivers/isdn drivers/leds drivers/media drivers/mfd
drivers/mmc drivers/mtd drivers/net/can drivers/net/hamradio drivers/net/phy
drivers/net/usb drivers/net/wireless drivers/net/wwan drivers/nfc
drivers/parport drivers/pcmcia drivers/platform drivers/power drivers/spi
drivers/staging drivers/thermal drivers/thunderbolt drivers/usb drivers/video
drivers/w1 drivers/watchdog net/bluetooth net/mac80211 net/wireless net/can
net/nfc fs/ocfs2 fs/gfs2 fs/reiserfs fs/jfs fs/ubifs fs/f2fs sound
""".split()

# Of the Ethernet drivers only those under an InfiniBand or RoCE driver.
KEPT_ETHERNET = {"mellanox", "chelsio", "intel", "broadcom", "emulex", "qlogic", "huawei"}

SIGNATURE_MAGIC = b"~Module signature appended~\n"


@dataclass(frozen=True)
class Kernel:
    """An unpacked kernel: `dir` has vmlinux and modules/."""

    series: str
    release: str
    dir: Path

    @property
    def vmlinux(self) -> Path:
        return self.dir / "vmlinux"

    @property
    def modules(self) -> Path:
        """The directory that becomes /lib/modules/RELEASE."""
        return self.dir / "lib" / "modules" / self.release


def get(series: str) -> Kernel:
    """The kernel of a series ("6.1"), downloaded and unpacked if it is not yet."""
    release, version = _resolve(series)
    key = cache.key_of(release, version, Path(__file__))
    path = cache.entry(f"kernel-{series}", key, lambda work: _build(work, release, version))
    return Kernel(series, release, path)


def get_all() -> dict[str, Kernel]:
    """Every kernel of the lab, by series."""
    return {series: get(series) for series in SERIES}


def _resolve(series: str) -> tuple[str, str]:
    """The release ("6.1.0-56-amd64") and package version of a series' headers."""
    meta = SERIES.get(series)
    if not meta:
        raise UsageError(f"no kernel {series!r}; the lab has {' and '.join(SERIES)}")
    for query in (["dpkg-query", "-W", "-f", "${Depends}", meta],
                  ["apt-cache", "show", "--no-all-versions", meta]):
        try:
            text = run(query)
        except LabError:
            continue
        # 6.1's metapackage says (= VERSION); 6.12's the same.
        found = re.search(r"linux-headers-(\d\S*-amd64) \(= ([^)]+)\)", text)
        if found:
            return found.group(1), found.group(2)
    raise LabError(f"cannot tell which kernel belongs to {meta}: "
                   "it is neither installed nor known to apt (apt-get update?)")


def _build(work: Path, release: str, version: str) -> None:
    package = f"linux-image-{release}"
    _download(work, f"{package}={version}", package)
    run(["dpkg-deb", "-x", next(work.glob("*.deb")), work / "x"])
    bzimage = (work / "x" / "boot" / f"vmlinuz-{release}").read_bytes()
    (work / "vmlinux").write_bytes(vmlinux_of(bzimage))

    modules = work / "lib" / "modules" / release
    modules.parent.mkdir(parents=True)
    for place in ("lib/modules", "usr/lib/modules"):
        if (work / "x" / place / release).is_dir():
            (work / "x" / place / release).rename(modules)
    _trim(modules)
    _lighten(modules)
    shutil.rmtree(work / "x")
    for deb in work.glob("*.deb"):
        deb.unlink()
    run(["depmod", "-b", work, release])


def _download(work: Path, *names: str) -> None:
    """Fetch the first of the packages `names` that apt can find."""
    report = ""
    for name in names:
        try:
            run(["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", name], cwd=work)
            return
        except LabError as error:
            report = str(error)
    raise LabError(f"{report}\n(the package lists may be old: apt-get update)")


def _trim(modules: Path) -> None:
    for name in ("build", "source"):
        (modules / name).unlink(missing_ok=True)
    kernel = modules / "kernel"
    for path in DROPPED:
        shutil.rmtree(kernel / path, ignore_errors=True)
    for vendor in (kernel / "drivers/net/ethernet").iterdir():
        if vendor.is_dir() and vendor.name not in KEPT_ETHERNET:
            shutil.rmtree(vendor)


def _lighten(modules: Path) -> None:
    """Spare each load of a module the work that emulation makes slow.

    That is unpacking .ko.xz, and checking the RSA signature, which nothing
    here enforces (the project's own module has none).
    """
    for packed in modules.rglob("*.ko.xz"):
        packed.with_suffix("").write_bytes(lzma.decompress(packed.read_bytes()))
        packed.unlink()
    for module in modules.rglob("*.ko"):
        module.write_bytes(unsigned(module.read_bytes()))


def unsigned(module: bytes) -> bytes:
    """A module without its appended signature (struct module_signature)."""
    if not module.endswith(SIGNATURE_MAGIC):
        return module
    trailer = len(module) - len(SIGNATURE_MAGIC) - 12
    (length,) = struct.unpack_from(">I", module, trailer + 8)
    return module[:trailer - length]


def vmlinux_of(bzimage: bytes) -> bytes:
    """The ELF image inside a bzImage (offsets: Documentation/arch/x86/boot.rst)."""
    setup_sectors = bzimage[0x1F1] or 4
    offset, length = struct.unpack_from("<II", bzimage, 0x248)
    start = (setup_sectors + 1) * 512 + offset
    payload = bzimage[start:start + length]
    if payload.startswith(b"\xfd7zXZ\0"):
        image = lzma.LZMADecompressor().decompress(payload)
    elif payload.startswith(b"\x28\xb5\x2f\xfd"):
        # The size that the build appends is not part of the zstd frame.
        image = subprocess.run(["zstd", "-dcq"], input=payload[:-4], check=True,
                               stdout=subprocess.PIPE).stdout
    else:
        raise LabError(f"kernel compressed in an unknown way ({payload[:6].hex()})")
    if not image.startswith(b"\x7fELF"):
        raise LabError("no ELF image inside the kernel")
    return image
