# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest that serves disks: the kernel's SCSI and NVMe targets, by configfs."""

from typing import Sequence

from . import ipoib
from .host import Host

CORE = "/sys/kernel/config/target/core/iblock_0"
SRPT = "/sys/kernel/config/target/srpt"
ISCSI = "/sys/kernel/config/target/iscsi"
IQN = "iqn.2026-11.org.xen-ib.lab:disk"
NVMET = "/sys/kernel/config/nvmet"
NQN = "nqn.2026-11.org.xen-ib.lab:disk"
NVME_PORT = 4420
SHARE = "/run/nfs-server"
NFS_PORT = 20049
DISKS = 2
SIZE = 32 << 10  # KiB, of each in memory
RDMA_CM_PORT = 5555  # ib_srpt's


def gid(host: Host, where: str, device: str = "vib0") -> str:
    """GID 0, 32 digits."""
    return host.sh(where, f"tr -d : </sys/class/infiniband/{device}/ports/1/gids/0")


def _configfs(host: Host, where: str) -> None:
    host.sh(where, "modprobe configfs; grep -q ' /sys/kernel/config ' /proc/mounts || "
            "mount -t configfs configfs /sys/kernel/config")


def in_memory(host: Host, where: str) -> tuple[str, ...]:
    """Disks of its own memory."""
    host.sh(where, f"modprobe brd rd_nr={DISKS} rd_size={SIZE}")
    return tuple(f"/dev/ram{n}" for n in range(DISKS))


def disks(host: Host, where: str, devices: Sequence[str]) -> None:
    """What srp() and iser() serve."""
    _configfs(host, where)
    host.sh(where, "modprobe -a target_core_mod target_core_iblock")
    for n, device in enumerate(devices):
        host.sh(where, f"d={CORE}/d{n}; mkdir -p $d && echo udev_path={device} >$d/control && "
                f"echo d{n} >$d/wwn/vpd_unit_serial && echo 1 >$d/enable")


def srp(host: Host, where: str, *initiators: str, device: str = "vib0",
        extensions: Sequence[int] = (0,)) -> str:
    """Serve them by SRP, to the initiators: the target string of block-srp, without lun."""
    host.sh(where, f"modprobe ib_srpt && mkdir -p {SRPT} && "
            f"echo {RDMA_CM_PORT} >{SRPT}/discovery_auth/rdma_cm_port")
    there = gid(host, where, device)
    tpg = f"{SRPT}/0x{there}/0x{there}"
    # An initiator's name is its extension, zero if it says none, and its port GUID; by the
    # RDMA CM its address.
    names = [f"0x{extension:016x}{gid(host, of, device)[16:]}"
             for of in initiators for extension in extensions]
    acls = " ".join(f"{tpg}/acls/{name}" for name in (*names, *map(ipoib.address, initiators)))
    host.sh(where, f"mkdir -p {tpg} {acls} && for d in {CORE}/d*; do "
            f"n=${{d##*/d}}; mkdir -p {tpg}/lun/lun_$n && ln -s $d {tpg}/lun/lun_$n/d && "
            f"for a in {acls}; do mkdir $a/lun_$n && "
            f"ln -s {tpg}/lun/lun_$n $a/lun_$n/d || exit; done || exit; done; "
            f"echo 1 >{tpg}/enable")
    guid = host.sh(where, "cat /sys/module/ib_srpt/parameters/srpt_service_guid")[2:]
    return f"id_ext={guid},ioc_guid={guid},dgid={there},service_id={guid}"


def iser(host: Host, where: str) -> str:
    """Serve them by iSER, to anybody: the target string of block-iser, without LUN."""
    host.sh(where, "modprobe ib_isert; modprobe iscsi_target_mod")
    tpg, portal = f"{ISCSI}/{IQN}/tpgt_1", f"{ipoib.address(where)}:3260"
    host.sh(where, f"mkdir -p {tpg}/np/{portal} && echo 1 >{tpg}/np/{portal}/iser && "
            f"for d in {CORE}/d*; do n=${{d##*/d}}; mkdir -p {tpg}/lun/lun_$n && "
            f"ln -s $d {tpg}/lun/lun_$n/d || exit; done; "
            f"for a in authentication=0 generate_node_acls=1 demo_mode_write_protect=0 "
            f"cache_dynamic_acls=1; do echo ${{a#*=}} >{tpg}/attrib/${{a%=*}} || exit; done; "
            f"echo 1 >{tpg}/enable")
    return f"{IQN}@{ipoib.address(where)}"


def nvme(host: Host, where: str, devices: Sequence[str]) -> None:
    """Serve these by NVMe over RDMA, to anybody."""
    _configfs(host, where)
    host.sh(where, "modprobe nvmet-rdma")
    subsystem, port = f"{NVMET}/subsystems/{NQN}", f"{NVMET}/ports/1"
    host.sh(where, f"mkdir -p {subsystem} {port} && echo 1 >{subsystem}/attr_allow_any_host")
    for n, device in enumerate(devices):
        host.sh(where, f"d={subsystem}/namespaces/{n + 1}; mkdir -p $d && "
                f"echo {device} >$d/device_path && echo 1 >$d/enable")
    host.sh(where, f"cd {port} && echo rdma >addr_trtype && echo ipv4 >addr_adrfam && "
            f"echo {ipoib.address(where)} >addr_traddr && echo {NVME_PORT} >addr_trsvcid && "
            f"ln -s {subsystem} subsystems/{NQN}")


def restart_srp(host: Host, where: str) -> None:
    """Nobody is logged in any more, and may be again."""
    host.sh(where, f"for e in {SRPT}/*/*/enable; do echo 0 >$e && echo 1 >$e || exit; done")


def nfs(host: Host, where: str, device: str, fresh: bool = False) -> None:
    """Serve the file system of the device over RDMA, to anybody; make it if it is fresh."""
    if fresh:
        host.sh(where, f"mkfs.ext4 -q {device}")
    # The kernel keeps what its clients had, for when it starts again, in a folder.
    host.sh(where, f"mkdir -p {SHARE} && mount {device} {SHARE} && modprobe -a nfsd rpcrdma && "
            "mount -t nfsd nfsd /proc/fs/nfsd; "
            f"exportfs -o rw,fsid=0,no_root_squash,insecure,no_subtree_check '*:{SHARE}' && "
            "echo 10 >/proc/fs/nfsd/nfsv4gracetime && echo 10 >/proc/fs/nfsd/nfsv4leasetime && "
            "rpc.mountd -N 2 -N 3 && rpc.nfsd -N 3 1 && "
            f"echo rdma {NFS_PORT} >/proc/fs/nfsd/portlist", 180)


def resources(host: Host, where: str) -> str:
    """How many objects the kernel has of each device, as the RDMA subsystem counts; but for CQs,
    which it keeps for the next user."""
    return host.sh(where, "rdma resource show | sed -E 's/ cq [0-9]+//'")


def end(host: Host, where: str) -> None:
    """Whatever of it there is: links, then folders from the leaves up."""
    host.attempt(where, f"rpc.nfsd 0; exportfs -au; pkill rpc.mountd; umount {SHARE}; "
                 f"echo 0 >{ISCSI}/{IQN}/tpgt_1/enable; "
                 f"for e in {SRPT}/*/*/enable; do echo 0 >$e; done; "
                 f"find {SRPT} {ISCSI} -type l -path '*lun_*' -delete; "
                 f"find {SRPT} {ISCSI} -depth -mindepth 1 -type d "
                 r"\( -path '*/acls/*' -o -name 'lun_*' -o -path '*/np/*' \) -exec rmdir {} \;; "
                 f"rmdir {SRPT}/*/* {SRPT}/* {ISCSI}/*/tpgt_1 {ISCSI}/{IQN}; "
                 f"rmdir {CORE}/d*; modprobe -r ib_srpt; modprobe -r ib_isert; "
                 f"rm {NVMET}/ports/1/subsystems/*; rmdir {NVMET}/ports/1 "
                 f"{NVMET}/subsystems/*/namespaces/* {NVMET}/subsystems/*; "
                 "modprobe -r nvmet-rdma; modprobe -r brd")
