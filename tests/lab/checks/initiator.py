# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest that logs in to what target.py serves, with stock tools."""

from . import ipoib, target
from .host import Host

MOUNT = "/run/nfs-client"


def srp_daemon(host: Host, where: str, device: str = "vib0") -> None:
    """It asks the SA who manages devices, and those what they serve."""
    host.sh(where, "modprobe -a ib_srp ib_umad sd_mod && "
            f"srp_daemon -o -e -i {device} -p 1")


def srp(host: Host, where: str, text: str, device: str = "vib0") -> None:
    """Log in to what target.srp() has said."""
    host.sh(where, f"modprobe -a ib_srp sd_mod && echo {text},pkey=ffff "
            f">/sys/class/infiniband_srp/srp-{device}-1/add_target")


def srp_by_address(host: Host, where: str, of: str) -> None:
    guid = host.sh(of, "cat /sys/module/ib_srpt/parameters/srpt_service_guid")[2:]
    host.sh(where, "modprobe -a ib_srp sd_mod && "
            f"echo id_ext={guid},ioc_guid={guid},"
            f"dest={ipoib.address(of)}:{target.RDMA_CM_PORT} "
            ">/sys/class/infiniband_srp/srp-vib0-1/add_target")


def patient(host: Host, where: str) -> None:
    """I/O waits for a target that is gone, ten minutes, which are the most there are.

    Without dev_loss_tmo it fails with the first try to reconnect."""
    host.sh(where, "for p in /sys/class/srp_remote_ports/*; do echo 600 >$p/dev_loss_tmo && "
            "echo off >$p/fast_io_fail_tmo && echo 5 >$p/reconnect_delay || exit; done")


def logs_in_again(host: Host, where: str, text: str, device: str = "vib0") -> None:
    """Whenever it is logged in to nothing: srp_daemon's work, which an SA has to help with."""
    host.sh(where, "modprobe -a ib_srp sd_mod; setsid sh -c 'while :; do "
            "ls /sys/class/srp_remote_ports | grep -q . || "
            f"echo {text},pkey=ffff >/sys/class/infiniband_srp/srp-{device}-1/add_target; "
            "sleep 2; done' >/dev/null 2>&1 & echo $! >/run/logs-in-again")


def logs_in_no_more(host: Host, where: str) -> None:
    host.attempt(where, "kill -- -$(cat /run/logs-in-again)")


def multipath(host: Host, where: str, find: str = "no") -> None:
    """Maps of all disks to come, which keep I/O while they have none. "strict": of those that
    are asked for."""
    # The lab's image has no rules that tell udev a disk's serial number.
    conf = f'defaults {{\nfind_multipaths {find}\nno_path_retry queue\nuid_attribute ""\n}}'
    host.sh(where, f"echo '{conf}' >/etc/multipath.conf && modprobe dm-multipath && multipathd")
    host.until(where, "multipathd show daemon")


def mapped(host: Host, where: str, disk: str) -> str:
    """The map over a disk."""
    holders = f"/sys/class/block/{disk[5:]}/holders"
    host.until(where, f"ls {holders} | grep -q .")
    return f"/dev/{host.sh(where, f'ls {holders}')}"


def multipath_end(host: Host, where: str) -> None:
    host.attempt(where, "multipathd shutdown; multipath -F; rm /etc/multipath.conf")


def sessions(host: Host, where: str) -> str:
    """The kernel's names of SRP's sessions, which it gives once."""
    return host.sh(where, "ls /sys/class/srp_remote_ports")


def undaunted(host: Host, where: str) -> None:
    """SCSI's disks try again for ever what fails, not five times."""
    host.sh(where, "for r in /sys/class/scsi_disk/*/max_retries; do echo -1 >$r || exit; done")


def scsi(host: Host, where: str) -> list[str]:
    """The target's disks, by their numbers, once all are there."""
    listed = "lsblk -dnSo HCTL,PATH,VENDOR | grep LIO-ORG"
    host.until(where, f"test $({listed} | wc -l) = {target.DISKS}")
    return host.sh(where, f"{listed} | sort | awk '{{print $2}}'").split()


def written(disk: str, requests: int) -> str:
    """A condition: so many writes of it are done."""
    return f"test $(awk '{{print $5}}' /sys/class/block/{disk[5:]}/stat) -ge {requests}"


def iser(host: Host, where: str, of: str) -> None:
    address = ipoib.address(of)
    host.sh(where, "modprobe -a ib_iser sd_mod && mkdir -p /etc/iscsi && "
            f"echo InitiatorName=iqn.2026-11.org.xen-ib.lab:{where} "
            ">/etc/iscsi/initiatorname.iscsi && { pidof iscsid || iscsid; } && "
            f"iscsiadm -m discovery -t sendtargets -p {address} -I iser && "
            f"iscsiadm -m node -T {target.IQN} -p {address} --login", 180)


def nvme(host: Host, where: str, of: str) -> list[str]:
    """The disks it has then."""
    host.sh(where, "modprobe nvme-rdma && mkdir -p /etc/nvme && nvme connect -t rdma "
            f"-n {target.NQN} -a {ipoib.address(of)} -s {target.NVME_PORT}", 180)
    listed = "ls -d /dev/nvme*n[0-9]"
    host.until(where, f"test $({listed} | wc -l) = {target.DISKS}")
    return host.sh(where, f"{listed} | sort").split()


def nfs(host: Host, where: str, of: str) -> None:
    host.sh(where, f"mkdir -p {MOUNT} && modprobe -a nfsv4 rpcrdma && "
            f"mount -t nfs4 -o rdma,port={target.NFS_PORT} {ipoib.address(of)}:/ {MOUNT}", 180)


def end(host: Host, where: str) -> None:
    """Log out of all there is."""
    host.attempt(where, f"umount -fl {MOUNT}; nvme disconnect-all; modprobe -r nvme-rdma; "
                 "iscsiadm -m node --logoutall=all; iscsiadm -m node -o delete; pkill iscsid; "
                 "for p in /sys/class/srp_remote_ports/*; do echo 1 >$p/delete; done; "
                 "modprobe -r ib_srp; modprobe -r ib_iser")
