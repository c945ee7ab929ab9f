# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of libvib, without a backend and with a real one.

UNIT_TESTS += test_datapath test_page_tree
OBJS_test_datapath := $(B)/obj/tests/unit/test_datapath.o
OBJS_test_page_tree := $(B)/obj/tests/unit/test_page_tree.o

UNIT_TESTS += test_wrong_backend
OBJS_test_wrong_backend := $(addprefix $(B)/obj/tests/unit/,test_wrong_backend.o tempdir.o)
LIBS_test_wrong_backend := $(LIBS_common)

# Programs that daemon.h starts ibback for; those with two vibs take pair.h, too.
DAEMON_OBJS := $(B)/obj/tests/unit/daemon.o
PAIR_OBJS := $(DAEMON_OBJS) $(B)/obj/tests/unit/pair.o
DAEMON_TESTS := test_libvib test_objects test_verbs test_changes test_pollers_threads test_rate_threads test_killed test_kernel_verbs \
	test_port_changes test_admin test_crash_keeper
OBJS_test_libvib := $(B)/obj/tests/unit/test_libvib.o $(DAEMON_OBJS)
OBJS_test_objects := $(B)/obj/tests/unit/test_objects.o $(PAIR_OBJS)
OBJS_test_verbs := $(B)/obj/tests/unit/test_verbs.o $(PAIR_OBJS)
OBJS_test_changes := $(B)/obj/tests/unit/test_changes.o $(PAIR_OBJS)
OBJS_test_pollers_threads := $(B)/obj/tests/unit/test_pollers_threads.o $(PAIR_OBJS)
OBJS_test_rate_threads := $(B)/obj/tests/unit/test_rate_threads.o $(PAIR_OBJS)
OBJS_test_killed := $(B)/obj/tests/unit/test_killed.o $(PAIR_OBJS)
OBJS_test_kernel_verbs := $(B)/obj/tests/unit/test_kernel_verbs.o $(PAIR_OBJS)
OBJS_test_port_changes := $(B)/obj/tests/unit/test_port_changes.o $(PAIR_OBJS)
OBJS_test_crash_keeper = $(addprefix $(B)/obj/tests/unit/,test_crash_keeper.o tempdir.o) \
	$(PAIR_OBJS) $(KEEPER_OBJS)
OBJS_test_admin = $(B)/obj/tests/unit/test_admin.o $(PAIR_OBJS) $(VIBCTL_OBJS) $(PROVISION_OBJS)
LIBS_test_admin = $(LIBS_provision) $(LIBS_common)

UNIT_TESTS += $(DAEMON_TESTS)
$(addprefix $(B)/test/,$(DAEMON_TESTS)): | $(B)/bin/ibback
