# SPDX-License-Identifier: GPL-2.0-or-later
#
# The unit tests, and `make check`. Each fragment beside this file adds cmocka
# programs to UNIT_TESTS, with OBJS_NAME and LIBS_NAME, and scripts that print
# TAP to CHECK_SCRIPTS.

include $(filter-out tests/unit/build.mk,$(sort $(wildcard tests/unit/*.mk)))

$(addprefix $(B)/test/,$(UNIT_TESTS)): $(B)/test/%: $$(OBJS_$$*) $(B)/libcommon.a
	@mkdir -p $(@D)
	$(call say,LINK,$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS_$*) -lcmocka)

.PHONY: check check-tests unit-tests
unit-tests: $(addprefix $(B)/test/,$(UNIT_TESTS))

# Python tests that need no lab.
LAB_UNITTEST := $(if $(shell find tests/lab -name 'test_*.py'),unittest:tests/lab)

# Every test, plain and under the sanitizers, in trees of their own whatever
# SANITIZE this make was given; then scripts and a glance of each fuzzer.
CHECK_SANITIZE     ?= address,undefined
CHECK_FUZZ_SECONDS ?= 5
check:
	@$(call need,$(PKG_BUILD) $(PKG_CHECK) $(PKG_FUZZ))
	+@$(MAKE) --no-print-directory SANITIZE= all unit-tests fuzzers
	+@$(MAKE) --no-print-directory SANITIZE=$(CHECK_SANITIZE) unit-tests
	@tests/run-tests $(addprefix build/test/,$(UNIT_TESTS)) \
		$(addprefix build/san/test/,$(UNIT_TESTS)) $(CHECK_SCRIPTS) $(LAB_UNITTEST) \
		$(foreach f,$(FUZZERS),'tests/fuzz/run-fuzzer build/fuzz/$(f) $(CHECK_FUZZ_SECONDS)')

# Lines and branches of the engine that the unit tests reach; details in build/cov.
.PHONY: coverage
coverage:
	@$(call need,$(PKG_BUILD) $(PKG_CHECK) $(PKG_COVERAGE))
	+@$(MAKE) --no-print-directory SANITIZE= COVERAGE=1 CFLAGS='-O0 -g' unit-tests
	@find build/cov -name '*.gcda' -delete
	@tests/run-tests $(addprefix build/cov/test/,$(UNIT_TESTS))
	@gcovr --root . --filter ibback/engine/ --html-details build/cov/engine.html \
		--txt build/cov/engine.txt --print-summary build/cov
	@cat build/cov/engine.txt
