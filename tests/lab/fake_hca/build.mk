# SPDX-License-Identifier: GPL-2.0-or-later
#
# fake_hca.ko, of the lab's checks of DMA segments, for every kernel that
# ibfront/build.mk builds for, and as it does it. It is installed nowhere.

FAKE_HCA_SRC := $(wildcard tests/lab/fake_hca/*.c) tests/lab/fake_hca/Kbuild

define fake_hca_copy
@mkdir -p $(@D)
@cp -pu $(FAKE_HCA_SRC) $(@D)
endef

$(B)/fake_hca/%/fake_hca.ko: $(FAKE_HCA_SRC)
	$(fake_hca_copy)
	+$(MAKE) -C /lib/modules/$*/build M=$(abspath $(@D)) KCFLAGS=-Werror modules
	@touch $@

$(B)/fake_hca-lint/%/fake_hca.ko: $(FAKE_HCA_SRC)
	$(fake_hca_copy)
	+$(MAKE) -C /lib/modules/$*/build M=$(abspath $(@D)) W=1 C=2 KCFLAGS=-Werror \
		CF='-D__CHECK_ENDIAN__ -Wsparse-error' modules
	@touch $@

.PHONY: fake_hca
fake_hca: $(patsubst %,$(B)/fake_hca/%/fake_hca.ko,$(IBFRONT_HAVE))

lint-kernel-found: $(patsubst %,$(B)/fake_hca-lint/%/fake_hca.ko,$(IBFRONT_HAVE))
LINT_KERNEL_SRC += $(filter %.c,$(FAKE_HCA_SRC))
