# SPDX-License-Identifier: GPL-2.0-or-later
#
# The benchmarks. A fragment beside this file adds programs to BENCHES, with
# OBJS_NAME and LIBS_NAME; each prints one JSON object a line.

BENCHES += bench_abi
OBJS_bench_abi := $(B)/obj/tests/bench/bench_abi.o
include $(filter-out tests/bench/build.mk,$(sort $(wildcard tests/bench/*.mk)))

$(addprefix $(B)/bench/,$(BENCHES)): $(B)/bench/%: $$(OBJS_$$*) $(B)/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS_$*)

.PHONY: bench benches
benches: $(addprefix $(B)/bench/,$(BENCHES))

# Only figures on stdout, so that they can be piped on.
bench:
	@+$(MAKE) --no-print-directory benches >&2
	@set -e; for b in $(BENCHES); do $(B)/bench/$$b; done
