# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of libvib, without a backend.

UNIT_TESTS += test_datapath test_page_tree
OBJS_test_datapath := $(B)/obj/tests/unit/test_datapath.o
OBJS_test_page_tree := $(B)/obj/tests/unit/test_page_tree.o
