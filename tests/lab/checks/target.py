# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest that serves disks in its memory: the kernel's SCSI target, by configfs."""

from . import ipoib
from .host import Host

CORE = "/sys/kernel/config/target/core/rd_mcp_0"
SRPT = "/sys/kernel/config/target/srpt"
ISCSI = "/sys/kernel/config/target/iscsi"
IQN = "iqn.2026-11.org.xen-ib.lab:disk"
DISKS = 2
PAGES = 8192  # of each: 32 MiB


def gid(host: Host, where: str) -> str:
    """GID 0, 32 digits."""
    return host.sh(where, "tr -d : </sys/class/infiniband/vib0/ports/1/gids/0")


def disks(host: Host, where: str) -> None:
    host.sh(where, "modprobe target_core_mod; grep -q ' /sys/kernel/config ' /proc/mounts || "
            "mount -t configfs configfs /sys/kernel/config")
    host.sh(where, f"for n in $(seq 0 {DISKS - 1}); do d={CORE}/d$n; mkdir -p $d && "
            f"echo rd_pages={PAGES} >$d/control && echo d$n >$d/wwn/vpd_unit_serial && "
            "echo 1 >$d/enable || exit; done")


def srp(host: Host, where: str, initiator: str) -> str:
    """Serve them by SRP, to the initiator: the target string of block-srp, without lun."""
    host.sh(where, "modprobe ib_srpt")
    there, here = gid(host, where), gid(host, initiator)
    tpg = f"{SRPT}/0x{there}/0x{there}"
    # An initiator's name is its extension, which is zero, and its port GUID.
    acl = f"{tpg}/acls/0x{0:016x}{here[16:]}"
    host.sh(where, f"mkdir -p {tpg} {acl} && "
            f"for n in $(seq 0 {DISKS - 1}); do mkdir -p {tpg}/lun/lun_$n {acl}/lun_$n && "
            f"ln -s {CORE}/d$n {tpg}/lun/lun_$n/d && ln -s {tpg}/lun/lun_$n {acl}/lun_$n/d || "
            f"exit; done; echo 1 >{tpg}/enable")
    guid = host.sh(where, "cat /sys/module/ib_srpt/parameters/srpt_service_guid")[2:]
    return f"id_ext={guid},ioc_guid={guid},dgid={there},service_id={guid}"


def iser(host: Host, where: str) -> str:
    """Serve them by iSER, to anybody: the target string of block-iser, without LUN."""
    host.sh(where, "modprobe ib_isert; modprobe iscsi_target_mod")
    tpg, portal = f"{ISCSI}/{IQN}/tpgt_1", f"{ipoib.address(where)}:3260"
    host.sh(where, f"mkdir -p {tpg}/np/{portal} && echo 1 >{tpg}/np/{portal}/iser && "
            f"for n in $(seq 0 {DISKS - 1}); do mkdir -p {tpg}/lun/lun_$n && "
            f"ln -s {CORE}/d$n {tpg}/lun/lun_$n/d || exit; done; "
            f"for a in authentication=0 generate_node_acls=1 demo_mode_write_protect=0 "
            f"cache_dynamic_acls=1; do echo ${{a#*=}} >{tpg}/attrib/${{a%=*}} || exit; done; "
            f"echo 1 >{tpg}/enable")
    return f"{IQN}@{ipoib.address(where)}"


def end(host: Host, where: str) -> None:
    """Whatever of it there is: links, then folders from the leaves up."""
    host.attempt(where, f"echo 0 >{ISCSI}/{IQN}/tpgt_1/enable; "
                 f"for e in {SRPT}/*/*/enable; do echo 0 >$e; done; "
                 f"find {SRPT} {ISCSI} -type l -path '*lun_*' -delete; "
                 f"find {SRPT} {ISCSI} -depth -mindepth 1 -type d "
                 r"\( -path '*/acls/*' -o -name 'lun_*' -o -path '*/np/*' \) -exec rmdir {} \;; "
                 f"rmdir {SRPT}/*/* {SRPT}/* {ISCSI}/*/tpgt_1 {ISCSI}/{IQN}; "
                 f"rmdir {CORE}/d*; modprobe -r ib_srpt; modprobe -r ib_isert")
