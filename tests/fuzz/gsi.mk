# SPDX-License-Identifier: GPL-2.0-or-later
# Fuzzers of the GSI: what guests' QP0 and QP1 send.

define gsi_fuzzer
FUZZERS += $(1)
SRCS_$(1) := tests/fuzz/$(1).c tests/fuzz/gsi_guests.c ibback/engine/timer.c \
	$$(wildcard ibback/gsi/*.c)
CFLAGS_$(1) := -Iibback -Itests/unit
endef
$(foreach f,fuzz_gsi fuzz_gsi_mad,$(eval $(call gsi_fuzzer,$(f))))
