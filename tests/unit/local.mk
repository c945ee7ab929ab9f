# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of the local Xen port.

UNIT_TESTS += test_memstore test_local test_local_hostile
OBJS_test_memstore := $(B)/obj/tests/unit/test_memstore.o
OBJS_test_local := $(addprefix $(B)/obj/tests/unit/,test_local.o local_world.o tempdir.o)
OBJS_test_local_hostile := $(addprefix $(B)/obj/tests/unit/, \
	test_local_hostile.o local_world.o tempdir.o)
LIBS_test_local := $(LIBS_common)
LIBS_test_local_hostile := $(LIBS_common)

# The real Xen port's mappings, over a gntdev of the test's.
UNIT_TESTS += test_gntdev
OBJS_test_gntdev := $(addprefix $(B)/obj/,tests/unit/test_gntdev.o common/xenport/gntdev.o)
LIBS_test_gntdev := -Wl,--wrap=ioctl,--wrap=mmap,--wrap=munmap
