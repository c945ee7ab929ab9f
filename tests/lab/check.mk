# SPDX-License-Identifier: GPL-2.0-or-later
# What runs on the emulated Xen.

.PHONY: demo check-lab check-lab-long

# C=PATTERN picks checks by name, T=ipoib, cm or sa a topic; CHECKFLAGS as in `tests/lab/check --help`.
demo check-lab check-lab-long: lab-packages all
demo:
	tests/lab/demo
check-lab:
	tests/lab/check $(if $(T),--topic $(T)) $(CHECKFLAGS) $(C)
check-lab-long:
	tests/lab/check --long $(if $(T),--topic $(T)) $(CHECKFLAGS) $(C)

.PHONY: lab-packages
lab-packages:
	@$(call need,$(PKG_BUILD) $(PKG_KERNEL) $(PKG_LAB))
