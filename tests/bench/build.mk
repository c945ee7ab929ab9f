# SPDX-License-Identifier: GPL-2.0-or-later
#
# The benchmarks. A fragment beside this file adds programs to BENCHES, with
# OBJS_NAME and LIBS_NAME; each prints one JSON object a line.

BENCHES += bench_abi
OBJS_bench_abi := $(addprefix $(B)/obj/tests/bench/,bench_abi.o measure.o)

# The engine, through a real ibback.
BENCHES += bench_engine
OBJS_bench_engine = $(addprefix $(B)/obj/tests/bench/,bench_engine.o link.o measure.o) \
	$(B)/obj/tests/unit/daemon.o
LIBS_bench_engine = $(LIBS_common)
CFLAGS_tests_bench := -Itests/unit
$(B)/bench/bench_engine: | $(B)/bin/ibback
include $(filter-out tests/bench/build.mk,$(sort $(wildcard tests/bench/*.mk)))

$(addprefix $(B)/bench/,$(BENCHES)): $(B)/bench/%: $$(OBJS_$$*) $(B)/libcommon.a
	@mkdir -p $(@D)
	$(call say,LINK,$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS_$*))

.PHONY: bench benches
benches: $(addprefix $(B)/bench/,$(BENCHES))

# Only figures on stdout, so that they can be piped on.
bench:
	@+$(MAKE) --no-print-directory benches >&2
	@set -e; for b in $(BENCHES); do $(B)/bench/$$b; done
