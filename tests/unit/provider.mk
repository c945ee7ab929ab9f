# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of the rdma-core provider over a kernel and a backend that the test plays.

PROVIDER_TESTS := test_provider_send test_provider_wr test_provider_recv test_provider_poll \
	test_provider_lost test_provider_objects test_provider_domains test_provider_dm test_provider_xrc
PROVIDER_RIG_OBJS := $(B)/obj/tests/unit/provider_rig.o $(B)/obj/tests/unit/provider_kernel.o \
	$(filter-out %/provider.o %/wake.o %/dm_query.o,$(PROVIDER_OBJS))
CFLAGS_tests_unit += -Iibfront

UNIT_TESTS += $(PROVIDER_TESTS)
define provider_test
OBJS_$(1) = $$(B)/obj/tests/unit/$(1).o $$(PROVIDER_RIG_OBJS)
endef
$(foreach t,$(PROVIDER_TESTS),$(eval $(call provider_test,$(t))))

# Loaded as libibverbs does.
UNIT_TESTS += test_provider_match
OBJS_test_provider_match := $(B)/obj/tests/unit/test_provider_match.o $(PROVIDER_OBJS)
LIBS_test_provider_match := -libverbs
