# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of ibback's GSI: a fabric whose vports are the test (gsi_world.h). Layouts are
# compared with libibmad's.

GSI_TESTS := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_gsi_*.c))

UNIT_TESTS += $(GSI_TESTS)
define gsi_test
OBJS_$(1) = $$(addprefix $$(B)/obj/,tests/unit/$(1).o tests/unit/gsi_world.o \
	ibback/engine/timer.o) $$(GSI_OBJS)
LIBS_$(1) = -libmad -libumad
endef
$(foreach t,$(GSI_TESTS),$(eval $(call gsi_test,$(t))))

OBJS_test_gsi_wire_cm += $(B)/obj/tests/unit/gsi_cm_world.o
OBJS_test_gsi_wire_cm_refused += $(B)/obj/tests/unit/gsi_cm_world.o
OBJS_test_gsi_proxy += $(B)/obj/tests/unit/gsi_proxy_world.o
OBJS_test_gsi_proxy_groups += $(B)/obj/tests/unit/gsi_proxy_world.o
OBJS_test_gsi_inform += $(B)/obj/tests/unit/gsi_inform_world.o
OBJS_test_gsi_group_changes += $(B)/obj/tests/unit/gsi_inform_world.o
