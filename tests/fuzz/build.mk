# SPDX-License-Identifier: GPL-2.0-or-later
#
# The fuzzers. Each fragment beside this file adds to FUZZERS, with SRCS_NAME
# (C sources, compiled by clang into a tree of the fuzzer's own), CFLAGS_NAME
# and LIBS_NAME. fuzz_X starts from the inputs in tests/fuzz/corpus/X.

include $(filter-out tests/fuzz/build.mk,$(sort $(wildcard tests/fuzz/*.mk)))

FUZZ_SECONDS ?= 50
FUZZ_CC      ?= clang
# libFuzzer calls LLVMFuzzerTestOneInput without a header that declares it.
FUZZ_FLAGS   := -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -Wno-missing-prototypes
F            := build/fuzz

$(F)/.tools: tests/packages.mk
	@mkdir -p $(@D)
	@$(call need,$(PKG_BUILD) $(PKG_FUZZ))
	@touch $@

# A generated source lies under build/ and keeps its path, like any other.
define fuzzer
$(F)/obj/$(1)/%.o: %.c $$(GENERATED) | $(F)/.tools
	@mkdir -p $$(@D)
	$$(FUZZ_CC) $$(ALL_CFLAGS) -O1 $$(FUZZ_FLAGS) $$(CFLAGS_$(1)) -c -o $$@ $$<
$(F)/$(1): $$(patsubst %.c,$(F)/obj/$(1)/%.o,$$(SRCS_$(1)))
	$$(FUZZ_CC) $$(FUZZ_FLAGS) -o $$@ $$^ $$(LIBS_$(1))
endef
$(foreach f,$(FUZZERS),$(eval $(call fuzzer,$(f))))

.PHONY: fuzz fuzzers
fuzzers: $(addprefix $(F)/,$(FUZZERS))

fuzz: fuzzers
	@tests/run-tests --timeout $$(($(FUZZ_SECONDS) + 120)) \
		$(foreach f,$(FUZZERS),'tests/fuzz/run-fuzzer $(F)/$(f) $(FUZZ_SECONDS)')

-include $(shell find $(F)/obj -name '*.d' 2>/dev/null)
