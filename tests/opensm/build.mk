# SPDX-License-Identifier: GPL-2.0-or-later
# ibback's InfiniBand control path against a real OpenSM, on ports that ibsim simulates:
# `make check-lab T=opensm`. All in user space, and without Xen.

comma := ,
OPENSM_WRAPPED := umad_open_port umad_close_port umad_register umad_unregister umad_recv \
	umad_send
OPENSM_HOST_OBJS = $(addprefix $(B)/obj/,tests/opensm/host.o tests/opensm/sim_umad.o \
	ibback/engine/timer.o ibback/engine/clock.o) $(GSI_OBJS) $(UMAD_OBJS)
CFLAGS_tests_opensm := -Iibback

$(B)/test/opensm_host: $(OPENSM_HOST_OBJS) $(B)/libcommon.a
	@mkdir -p $(@D)
	$(call say,LINK,$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) \
		$(addprefix -Wl$(comma)--wrap=,$(OPENSM_WRAPPED)) $(LIBS_umad) -luv -lpthread)

.PHONY: check-opensm
check-opensm: $(B)/test/opensm_host
	@$(call need,$(PKG_OPENSM))
	tests/opensm/check $<
