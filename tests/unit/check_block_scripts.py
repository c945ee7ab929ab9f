#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""block-srp and block-iser: what they make of target strings, whom they log in to, what
blkback is given, and when they log out. Prints TAP."""

import sys

from block_world import World, put

count = 0
failed = 0


def report(good, what, *detail):
    global count, failed
    count += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {count} - {what}", flush=True)
    if not good:
        print(f"# {detail}")


IDS = "id_ext=0002c90300000001,ioc_guid=0002c90300000001"
GID = "fe800000000000000002c90300000001"
SERVICE = "0002c90300000001"
FULL = f"{IDS},dgid={GID},service_id={SERVICE}"
# The same as sysfs and people write it.
SAME = ("service_id=0x0002C90300000001,dgid=fe80:0000:0000:0000:0002:c903:0000:0001, pkey=0xffff,"
        "ioc_guid=0002:C903:0000:0001,id_ext=0x0002c90300000001,lun=0")
LOGIN = f"login srp-vib0-1 {IDS},dgid={GID},pkey=ffff,service_id={SERVICE}"
CM = f"{IDS},address="
CM_LOGIN = f"login srp-vib0-1 {IDS},dest="
# Another session at the same port takes another initiator.
EXT = "initiator_ext=0000000000000002"
EXT_LOGIN = f"login srp-vib0-1 {IDS},{EXT},dest="
TWO = f"{CM}10.0.0.1:5000;{CM}10.0.0.2:5000,{EXT}"


def srp_world():
    world = World()
    world.hca("vib0")
    return world


def one_guest():
    with srp_world() as w:
        got = w.add("block-srp", 5, FULL)
        report(got == "sda" and w.happened() == [LOGIN],
               "SRP: a guest's disk is what Dom0 logged in to", got, w.happened())
        done = w.remove("block-srp", 5)
        report(done == (0, "") and w.hosts() == [] and w.left() == []
               and w.happened() == [LOGIN, "delete port-0:1"],
               "and Dom0 logs out when the guest goes", done, w.hosts(), w.left())


def shared_session():
    with srp_world() as w:
        got = [w.add("block-srp", 5, FULL), w.add("block-srp", 6, f"{FULL},lun=1"),
               w.add("block-srp", 7, SAME, "r")]
        report(got[:2] == ["sda", "sdb"] and w.happened() == [LOGIN],
               "SRP: two guests share a session", got, w.happened())
        report("in use by domain 5" in got[2] and "may write" in got[2],
               "and a disk that one may write is nobody else's", got)
        w.gone(7)
        w.remove("block-srp", 5)
        report(w.hosts() == ["host0"], "the session stays for the second", w.happened())
        got = w.add("block-srp", 8, FULL)
        report(got == "sda" and w.happened() == [LOGIN], "and is there for a third", got)
        w.remove("block-srp", 6)
        w.remove("block-srp", 8)
        report(w.hosts() == [] and w.left() == [], "the last one logs out", w.left())


def readers():
    with srp_world() as w:
        got = [w.add("block-srp", domid, FULL, "r") for domid in (5, 6)]
        report(got == ["sda", "sda"], "two guests may read one disk", got)
        got = w.add("block-srp", 7, FULL)
        report("in use by domain 5" in got, "and nobody write it then", got)
        report(w.hosts() == ["host0"], "who is refused ends nothing of theirs", w.happened())


def at_once():
    with srp_world() as w:
        w.add("block-srp", 5, FULL)
        w.add("block-srp", 6, f"{FULL},lun=1")
        both = [w.begin("block-srp", "remove", domid) for domid in (5, 6)]
        said = [(process.communicate(timeout=600)[0], process.returncode) for process in both]
        report(said == [("", 0)] * 2 and w.hosts() == [] and w.left() == []
               and w.happened() == [LOGIN, "delete port-0:1"],
               "two guests that go at once log out, once", said, w.happened(), w.left())


def new_at_once():
    with srp_world() as w:
        for domid, lun in ((5, 0), (6, 1)):
            w.disk(domid, f"{FULL},lun={lun}")
        both = [w.begin("block-srp", "add", domid) for domid in (5, 6)]
        said = [(process.communicate(timeout=600)[0], process.returncode) for process in both]
        report(said == [("", 0)] * 2 and w.happened() == [LOGIN],
               "two guests that come at once log in once", said, w.happened())


def theirs():
    with srp_world() as w:
        w.kernel.srp_host(w.top / "sys/class/infiniband_srp/srp-vib0-1",
                          f"{IDS},dgid={GID},pkey=ffff,service_id={SERVICE}")
        got = w.add("block-srp", 5, FULL)
        w.remove("block-srp", 5)
        report(got == "sda" and w.happened() == [] and w.hosts() == ["host0"]
               and w.left() == [], "a session of the administrator's is used and stays",
               got, w.happened(), w.left())


def lost_session():
    with srp_world() as w:
        w.add("block-srp", 5, FULL)
        w.kernel.forget_host("0")
        put(w.top / "sys/class/srp_remote_ports/port-0:1/delete")
        got = w.add("block-srp", 6, f"{FULL},lun=1")
        report(w.happened() == [LOGIN, LOGIN] and w.hosts() == ["host1"],
               "a session that the kernel gave up is made anew", got, w.happened())
    with srp_world() as w:
        w.add("block-srp", 5, FULL)
        # Kept elsewhere, so that the next one is another inode as in sysfs.
        (w.top / "sys/class/scsi_host/host0").rename(w.top / "host0")
        put(w.top / "next-host", "0")
        w.kernel.srp_host(w.top / "sys/class/infiniband_srp/srp-vib0-1",
                          f"{IDS.replace('0001', '0009')},dgid={GID}")
        w.remove("block-srp", 5)
        report(w.happened() == [LOGIN] and w.hosts() == ["host0"] and w.left() == [],
               "and whoever has its number now keeps his", w.happened(), w.hosts())


def addresses():
    with srp_world() as w:
        got = w.add("block-srp", 5, f"{CM}10.0.0.1:5000")
        report(got == "sda" and w.happened() == [f"{CM_LOGIN}10.0.0.1:5000"],
               "SRP: rdma_cm's addresses", got, w.happened())
        w.luns("0 naa.9", target="[fe80::1%ib0]:5000")
        got = w.add("block-srp", 6, f"{CM}[fe80::1%ib0]:5000,{EXT}")
        report(got == "sdc" and w.happened()[1:] == [f"{EXT_LOGIN}[fe80::1%ib0]:5000"],
               "one address's session is not another's", got, w.happened())
        w.remove("block-srp", 5)
        report(w.hosts() == ["host1"], "nor does it end with the other", w.hosts())
    with srp_world() as w:
        w.kernel.srp_host(w.top / "sys/class/infiniband_srp/srp-vib0-1",
                          f"{IDS},dest=10.0.0.9:5000")
        got = w.add("block-srp", 5, f"{CM}10.0.0.1:5000,{EXT}")
        report(got == "sdc" and w.happened() == [f"{EXT_LOGIN}10.0.0.1:5000"],
               "nor is one that may be of any address", got, w.happened())


def one_of_each():
    """ib_srp has one session of an id_ext, ioc_guid and initiator_ext at a port."""
    with srp_world() as w:
        put(w.top / "lingers")
        w.add("block-srp", 5, FULL)
        w.remove("block-srp", 5)
        got = w.add("block-srp", 6, FULL)
        report(got == "sdc" and w.hosts() == ["host1"],
               "SRP: one that is ending is waited for", got, w.happened())
    with srp_world() as w:
        w.limit = 4
        w.kernel.srp_host(w.top / "sys/class/infiniband_srp/srp-vib0-1",
                          f"{IDS},dest=10.0.0.9:5000")
        got = w.add("block-srp", 5, f"{CM}10.0.0.1:5000")
        report("another session of this id_ext and ioc_guid by vib0:1; initiator_ext=" in got
               and w.left() == [] and w.hosts() == ["host0"],
               "one that stays is said to be in the way", got, w.left())


def multipath():
    with srp_world() as w:
        w.luns("0 naa.1")
        got = w.add("block-srp", 5, TWO)
        report(got == "dm-0" and w.happened() == [
            f"{CM_LOGIN}10.0.0.1:5000", f"{EXT_LOGIN}10.0.0.2:5000", "multipath -a sda",
            "multipath -a sdb", "multipath -v1 sda"],
               "two targets are two paths of a multipath map", got, w.happened())
        w.remove("block-srp", 5)
        report(w.happened()[5:] == ["multipath -w sda", "multipath -w sdb",
                                    "multipath -f mpatha", "delete port-0:1",
                                    "delete port-1:1"] and w.left() == [],
               "which goes before they do", w.happened(), w.left())
    with srp_world() as w:
        w.luns("0 naa.1")
        put(w.top / "multipathd-was-first")
        got = w.add("block-srp", 5, TWO)
        w.remove("block-srp", 5)
        report(got == "dm-0" and "multipath -f mpatha" in w.happened(),
               "and which multipathd may make meanwhile", got, w.happened())
    with srp_world() as w:
        w.luns("0 naa.1")
        got = [w.add("block-srp", domid, TWO, "r") for domid in (5, 6)]
        w.remove("block-srp", 5)
        report(got == ["dm-0", "dm-0"] and w.happened()[-1] == "multipath -v1 sda",
               "and stays for another guest", got, w.happened())
        w.remove("block-srp", 6)
        report("multipath -f mpatha" in w.happened() and w.hosts() == [],
               "which has it taken away", w.happened())
    with srp_world() as w:
        w.luns("0 naa.1")
        w.add("block-srp", 5, f"{CM}10.0.0.1:5000", "r")
        w.add("block-srp", 6, f"{CM}10.0.0.2:5000,{EXT}", "r")
        w.kernel.map_all()
        got = w.add("block-srp", 7, TWO, "r")
        w.remove("block-srp", 7)
        report(got == "dm-0" and not [line for line in w.happened() if "multipath" in line],
               "one that was there before stays", got, w.happened())
    with srp_world() as w:
        w.luns("0 naa.2", target="10.0.0.2:5000")
        got = w.add("block-srp", 5, TWO)
        report("different disks" in got and w.hosts() == [] and w.left() == [],
               "of one disk alone", got, w.happened(), w.left())
    with srp_world() as w:
        put(w.top / "no-multipathd")
        got = w.add("block-srp", 5, TWO)
        report("multipathd, which does not run" in got and w.hosts() == [],
               "and with multipathd alone", got)


def malformed():
    for target, why in (
            ("", "no target="),
            ("rubbish", "'rubbish' is not KEY=VALUE"),
            ("id_ext=1", "id_ext=1 is not 16 hexadecimal digits"),
            ("ioc_guid=0002c90300000001", "id_ext is missing"),
            ("id_ext=0002c90300000001", "ioc_guid is missing"),
            (f"{IDS},dgid=fe80::1", "dgid=fe80::1 is not 32 hexadecimal digits"),
            (f"{FULL},pkey=12345", "pkey=12345 is not 1 to 4"),
            (f"{FULL},pkey=0x", "pkey=0x is not 1 to 4"),
            (f"{FULL},lun=x", "lun=x is not a number"),
            (f"{FULL},lun=01", "lun=01 is not a number"),
            (f"{FULL},lun=0,lun=0", "lun is there twice"),
            (f"{FULL},hca=../x", "hca=../x is not a name"),
            (f"{FULL},initiator_ext=1", "initiator_ext=1 is not 16 hexadecimal digits"),
            (f"{FULL},io_class=x", "io_class=x is not 1 to 4 hexadecimal digits"),
            (f"{FULL},max_it_iu_size=0", "max_it_iu_size=0 is not a number of bytes"),
            (f"{FULL},speed=1", "'speed' is not a key; these are: id_ext, ioc_guid"),
            (f"{FULL};rubbish", "'rubbish' is not KEY=VALUE"),
            (f"{FULL};", None),
            (f"{FULL};;", "id_ext is missing"),
            (f"{CM}10.0.0.1", "address=10.0.0.1 is not ADDRESS:PORT"),
            (f"{CM}fe80::1:5000", "is not ADDRESS:PORT"),
            (f"{CM}10.0.0.1:5000,pkey=ffff", "with an address there is no dgid"),
            (f"{FULL},dgid=$(touch /tmp/x)", "is not 32 hexadecimal digits")):
        with srp_world() as w:
            got = w.add("block-srp", 5, target)
            if why is None:
                report(got == "sda", f"SRP: {target!r} is one target", got)
                continue
            report(why in got and w.happened() == [] and w.left() == [],
                   f"SRP: {target!r} is refused before anything is done", got, w.happened())


def refused():
    with srp_world() as w:
        port = w.top / "sys/class/infiniband_srp/srp-vib0-1/add_target"
        port.unlink()
        port.symlink_to("/dev/full")
        got = w.add("block-srp", 5, FULL)
        report(got.endswith("cannot log in: No space left on device") and w.left() == [],
               "SRP: what the kernel has against a login is said", got, w.left())
    with srp_world() as w:
        got = w.add("block-srp", 5, f"{FULL},lun=7")
        report("LUN 7 did not come" in got and w.hosts() == [] and w.left() == [],
               "a LUN that does not come ends the session again", got, w.left())
        put(w.top / "late")
        got = w.add("block-srp", 5, f"{FULL},lun=7")
        report(got == "sde", "one that comes when it is asked for is used", got)


def hcas():
    with World() as w:
        got = w.add("block-srp", 5, FULL)
        report("vibctl attach 0" in got and w.happened() == ["modprobe ib_srp"],
               "SRP: without an HCA it says how to get one", got, w.happened())
    with srp_world() as w:
        w.hca("mlx5_0", 2)
        got = [w.add("block-srp", 5, FULL), w.add("block-srp", 5, f"{FULL},hca=x")]
        report("which hca=? There are: mlx5_0:2 vib0:1" in got[0] and "no hca=x" in got[1]
               and w.happened() == [], "of several one has to be named", got)
        for name in ("mlx5_0", "mlx5_0:2"):
            w.add("block-srp", 5, f"{FULL},hca={name}")
            w.remove("block-srp", 5)
        report(w.happened()[::2] == [LOGIN.replace("vib0-1", "mlx5_0-2")] * 2,
               "by its name, or with its port", w.happened())


def discovery():
    def line(gid, ids=IDS, pkey="ffff"):
        return f"{ids},dgid={gid},pkey={pkey},service_id={SERVICE}"

    asked = "ibsrpdm -c -d /dev/infiniband/umad0"
    other = IDS.replace("0001", "0002")
    with srp_world() as w:
        put(w.top / "fabric", "\n".join((line(GID[:-1] + "2", other), line(GID),
                                         line(GID, IDS.replace("=000", "=", 1), "0001"))))
        got = w.add("block-srp", 5, f"{IDS},pkey=8001")
        report(got == "sda" and w.happened() == [asked, LOGIN.replace("ffff", "8001")],
               "SRP: without a dgid the fabric is asked, about a partition", got, w.happened())
    with srp_world() as w:
        put(w.top / "fabric", f"{line(GID)},io_class=0100,max_it_iu_size=4148")
        got = [w.add("block-srp", 5, IDS),
               w.add("block-srp", 6, f"{line(GID)},io_class=0100,max_it_iu_size=4148,lun=1")]
        report(got == ["sda", "sdb"]
               and w.happened() == [asked, f"{LOGIN},io_class=0100,max_it_iu_size=4148"],
               "what it says of the target the kernel is told, and a disk line may", got,
               w.happened())
    with srp_world() as w:
        put(w.top / "fabric", "\n".join((line(GID), line(GID[:-1] + "2"))))
        got = w.add("block-srp", 5, IDS)
        report(f"which dgid=? The fabric has it at: {GID} {GID[:-1]}2" in got,
               "several places are named", got)
        got = w.add("block-srp", 5, f"{IDS},dgid={GID}")
        report(got == "sda" and w.happened()[-1] == LOGIN, "one of them is chosen", got)
    with srp_world() as w:
        got = w.add("block-srp", 5, IDS)
        report("the fabric has no target id_ext" in got and w.left() == [],
               "and none at all is said", got)
        put(w.top / "no-sm")
        got = w.add("block-srp", 5, IDS)
        report(got == "vib0:1: ibsrpdm: no answer from the SM", "and why it cannot be asked", got)


def dom0_has_it():
    with srp_world() as w:
        w.mount("8:0", "rw")
        got = w.add("block-srp", 5, FULL)
        report(got == "the disk is mounted in Dom0, as device 8:0" and w.hosts() == [],
               "a disk that Dom0 has mounted is no guest's", got)
    for number, what in (("8:17", "a partition of it"), ("253:7", "what is made of that")):
        for options, mode, good in (("rw", "w", False), ("ro", "w", False), ("rw", "r", False),
                                    ("ro", "r", True), ("rw", "w!", True)):
            with srp_world() as w:
                w.mount(number, options)
                put(w.top / "sys/block/sda/sda1/partition", "1")
                put(w.top / "sys/block/sda/sda1/dev", "8:17")
                put(w.top / "sys/block/sda/sda1/holders/dm-7")
                put(w.top / "sys/block/dm-7/dev", "253:7")
                got = w.add("block-srp", 5, FULL, mode)
                wanted = "sda" if good else f"the disk is mounted in Dom0, as device {number}"
                report(got == wanted, f"{what} mounted {options}, wanted {mode}", got)


def another_script_has_it():
    for theirs_is, ours, good in (("w", "r", False), ("r", "w", False), ("r", "r", True),
                                  ("w", "w!", True)):
        with srp_world() as w:
            w.disk(9, "phy", theirs_is)
            put(w.top / f"xs{w.backend(9)}" / "physical-device", "8:0")
            got = [w.add("block-srp", 5, FULL, ours), w.add("block-srp", 6, f"{FULL},lun=1")]
            wanted = "sda" if good else "the disk is in use by domain 9, and one of the two may write"
            report(got[0] == wanted and got[1] in ("sdb", "sdd"),
                   f"a disk that another script gave a guest ({theirs_is}), wanted {ours}", got)


def late():
    """The time is up, and then the kernel has logged in."""
    with srp_world() as w:
        put(w.top / "slow")
        got = w.add("block-srp", 5, FULL)
        report("no answer in 600 s" in got and w.hosts() == [] and w.left() == [],
               "SRP: a login that was given up is ended if it was too late alone", got, w.left())
    for target in (FULL, f"{CM}10.0.0.1:5000"):
        with srp_world() as w:
            w.kernel.srp_host(w.top / "sys/class/infiniband_srp/srp-vib0-1",
                              f"{IDS.replace('0001', '0009')},dgid={GID}")
            killed_in_login(w, target)
            w.kernel.work()
            got = w.add("block-srp", 6, target)
            w.remove("block-srp", 6)
            report(got == "sdc" and w.hosts() == ["host0"] and w.left() == [],
                   "and so is that of a script that was killed", got, w.left())


def killed_in_login(w, target):
    """Its script is, and it is not a guest."""
    w.disk(5, target)
    process = w.begin("block-srp", "add", 5, killed="add_target")
    process.communicate(timeout=600)
    w.gone(5)
    report(process.returncode == -9, "(a script is killed in its login)", process.returncode)


def stays():
    """iscsid is not there when the guest goes."""
    for until_it_comes in (True, False):
        with World() as w:
            put(w.top / "stays")
            w.add("block-iser", 5, f"{IQN}@10.0.0.1")
            w.remove("block-iser", 5)
            if until_it_comes:
                got = w.add("block-iser", 6, f"{IQN}@10.0.0.1/1")
                report(got == "sdb" and w.hosts() == ["host0"],
                       "iSER: a session that would not end is used again", got, w.hosts())
                (w.top / "stays").unlink()
            else:
                (w.top / "stays").unlink()
                w.add("block-iser", 6, f"{IQN}2@10.0.0.1")
                report(w.hosts() == ["host1"], "or ends with the next disk of any kind",
                       w.hosts())
            w.remove("block-iser", 6)
            report(w.hosts() == [] and w.left() == [], "and nothing of it is left", w.hosts(),
                   w.left())


def left_behind():
    with srp_world() as w:
        w.add("block-srp", 5, FULL)
        w.gone(5)
        other = FULL.replace(GID, GID[:-1] + "2")
        got = w.add("block-srp", 6, other)
        report(w.happened() == [LOGIN, "delete port-0:1", LOGIN.replace(GID, GID[:-1] + "2")],
               "a guest that went without a word keeps no session", got, w.happened())
        (w.state / "users" / w.backend(7).replace("/", "!")).write_text(
            "disk naa.601\nmode w\nsession none\n")
        got = w.add("block-srp", 7, f"{other},lun=1")
        report(got == "sdd", "nor does a script that was killed keep its guest from the disk", got)
        done = w.run("block-srp", "remove", 99)
        report(done == (0, ""), "what was never added is removed without a word", done)


# ---- iSER ------------------------------------------------------------------------

IQN = "iqn.2026-11.org.example:disk"
WORDS = f"iscsiadm -m node -T {IQN} -p 10.0.0.1:3260 -I iser"
ISER_LOGIN = [f"{WORDS} -o show", f"{WORDS} -o new",
              f"{WORDS} -o update -n node.startup -v manual", f"{WORDS} --login"]


def iser():
    with World() as w:
        got = w.add("block-iser", 5, f"{IQN}@10.0.0.1")
        report(got == "sda" and w.happened() == ISER_LOGIN,
               "iSER: a guest's disk is what Dom0 logged in to", got, w.happened())
        got = w.add("block-iser", 6, f"{IQN}@10.0.0.1:3260/1")
        report(got == "sdb" and w.happened() == ISER_LOGIN, "two guests share a session", got)
        w.remove("block-iser", 5)
        report(w.happened() == ISER_LOGIN, "which stays for the second", w.happened())
        w.remove("block-iser", 6)
        report(w.happened()[4:] == ["iscsiadm -m session -r 0 --logout", f"{WORDS} -o delete"]
               and w.hosts() == [] and w.left() == [],
               "the last one logs out, and its record goes", w.happened(), w.left())


def iser_of_the_administrator():
    with World() as w:
        put(w.top / "record")
        w.add("block-iser", 5, f"{IQN}@10.0.0.1")
        w.remove("block-iser", 5)
        report(w.happened() == [ISER_LOGIN[0], ISER_LOGIN[3],
                                "iscsiadm -m session -r 0 --logout"],
               "iSER: a record of the administrator's stays", w.happened())
    with World() as w:
        w.kernel.iser_session(IQN, "10.0.0.1:3260")
        got = w.add("block-iser", 5, f"{IQN}@10.0.0.1")
        w.remove("block-iser", 5)
        report(got == "sda" and w.happened() == [] and w.hosts() == ["host0"],
               "and so does his session", got, w.happened())
    with World() as w:
        w.kernel.iser_session(IQN, "10.0.0.1:3260", "iscsi_tcp")
        got = w.add("block-iser", 5, f"{IQN}@10.0.0.1")
        report(got == "sdc" and w.happened() == ISER_LOGIN, "one over TCP is another", got)


def iser_paths():
    with World() as w:
        w.luns("0 naa.1")
        got = w.add("block-iser", 5, f"{IQN}@10.0.0.1;{IQN}@[fd00::1]:3261")
        logins = [line for line in w.happened() if line.endswith("--login")]
        report(got == "dm-0" and logins == [ISER_LOGIN[3],
                                            ISER_LOGIN[3].replace("10.0.0.1:3260",
                                                                  "[fd00::1]:3261")],
               "iSER: two portals are two paths", got, w.happened())
        w.remove("block-iser", 5)
        report(w.hosts() == [] and w.left() == [], "both end with the guest", w.left())


def iser_refused():
    for target in ("rubbish", IQN, f"{IQN}@", f"{IQN}@10.0.0.1/", f"{IQN}@10.0.0.1:",
                   f"{IQN}@10.0.0.1/x", f"{IQN}@fd00::1", "disk@10.0.0.1",
                   f"{IQN}@10.0.0.1;{IQN}", f"{IQN}@-$(x)"):
        with World() as w:
            got = w.add("block-iser", 5, target)
            report("is not NAME@ADDRESS[:PORT][/LUN]" in got and w.happened() == [],
                   f"iSER: {target!r} is refused before anything is done", got)
    for target, why in ((f"{IQN}@10.0.0.1:0", "0 is no port"),
                        (f"{IQN}@10.0.0.1:65536", "65536 is no port"),
                        (f"{IQN}@10.0.0.1/07", "07 is no LUN")):
        with World() as w:
            got = w.add("block-iser", 5, target)
            report(why in got and w.happened() == [], f"and so is {target!r}", got)
    with World() as w:
        put(w.top / "refuse")
        got = w.add("block-iser", 5, f"{IQN}@10.0.0.1")
        report("cannot log in: iscsiadm: initiator reported error" in got and w.left() == []
               and w.happened()[4:] == [f"{WORDS} --logout", f"{WORDS} -o delete"],
               "what iscsiadm has against a login is said, and nothing stays", got, w.happened())


for check in (one_guest, shared_session, readers, at_once, new_at_once, theirs, lost_session,
              addresses, one_of_each, multipath, malformed, refused, hcas, discovery,
              dom0_has_it, another_script_has_it, late, left_behind, stays, iser,
              iser_of_the_administrator, iser_paths, iser_refused):
    if len(sys.argv) < 2 or check.__name__ in sys.argv[1:]:
        check()
print(f"1..{count}")
sys.exit(1 if failed else 0)
