# SPDX-License-Identifier: GPL-2.0-or-later
# The lab's part of the top Makefile; paths are relative to the top directory.

.PHONY: lab-image
# Images and the snapshot of a booted Xen host, so that `lab up` takes seconds.
lab-image: lab-packages
	tests/lab/lab build

include tests/lab/hostile/build.mk tests/lab/fake_hca/build.mk tests/lab/programs/build.mk
