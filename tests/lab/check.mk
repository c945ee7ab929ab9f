# SPDX-License-Identifier: GPL-2.0-or-later
# What runs on the emulated Xen.

.PHONY: demo check-lab check-lab-long bench-lab

# C=PATTERN picks checks by name, T=ipoib, cm, sa, kernel (all three), dma, storage, storage-hosts, mpi, soak, wire, hosts or hostile a topic; T=opensm runs without Xen
# (tests/opensm); CHECKFLAGS as in `tests/lab/check --help`.
ifeq ($(T),opensm)
check-lab: check-opensm
else
check-lab: lab-packages all
	tests/lab/check $(if $(T),--topic $(T)) $(CHECKFLAGS) $(C)
endif
demo check-lab-long bench-lab: lab-packages all
# DEMOFLAGS='--type pvh --kernel 6.12 --dom0-kernel 6.12', and so on.
demo:
	tests/lab/demo $(DEMOFLAGS)
check-lab-long:
	tests/lab/check --long $(if $(T),--topic $(T)) $(CHECKFLAGS) $(C)
# TCP over IPoIB and over netfront, disks by SRP and by xen-blkfront, as ratios; CHECKFLAGS as in `tests/lab/bench --help`.
bench-lab:
	tests/lab/bench $(CHECKFLAGS)

.PHONY: lab-packages
lab-packages:
	@$(call need,$(PKG_BUILD) $(PKG_KERNEL) $(PKG_LAB))

# Who reads captures.
.PHONY: wire-packages
wire-packages:
	@$(call need,$(PKG_WIRE))
$(if $(filter wire hosts,$(T)),check-lab) check-lab-long: wire-packages

# Programs of MPI's, which the checks bring to guests.
$(if $(filter mpi,$(T)),check-lab) check-lab-long: mpi_check
