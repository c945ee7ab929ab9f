# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of ibback's engine without Xen and without threads: rig.h.

ENGINE_TESTS := test_mr test_dma test_granted test_mad_send test_mad_deliver test_counters test_rereg test_mw test_mw_bind test_mw_inv test_fast test_fast_state test_fast_ended test_fast_refused test_shares test_stream test_rc test_rc_ring test_status test_denied test_lost test_retry \
	test_errors test_ud test_ip test_offload test_lso test_mcast test_srq test_xrc test_xrc_objects test_atomic_write test_cq test_resize_cq test_engine_objects test_ending test_bells \
	test_poller test_rate test_bucket test_spin
ENGINE_TESTS := $(patsubst tests/unit/%.c,%,$(wildcard $(ENGINE_TESTS:%=tests/unit/%.c)))
RIG_OBJS := $(addprefix $(B)/obj/tests/unit/,rig.o rig_qp.o outcome.o)
# Time is the test's.
LIBS_rig = $(LIBS_engine) -Wl,--wrap=clock_ns

UNIT_TESTS += $(ENGINE_TESTS)
define engine_test
OBJS_$(1) = $$(B)/obj/tests/unit/$(1).o $$(RIG_OBJS) $$(ENGINE_OBJS)
LIBS_$(1) = $$(LIBS_rig)
endef
$(foreach t,$(ENGINE_TESTS),$(eval $(call engine_test,$(t))))
