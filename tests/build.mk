# SPDX-License-Identifier: GPL-2.0-or-later
#
# `make lint`: style and static checks. The kernel module's are lint-kernel, in
# ibfront/build.mk.

.PHONY: lint lint-user lint-kernel
lint: lint-user lint-kernel
lint-user: $(GENERATED)
	@$(call need,$(PKG_BUILD) $(PKG_LINT))
	+@[ -z "$(MANPAGES)" ] || $(MAKE) --no-print-directory $(MANPAGES) >/dev/null
	@tests/lint $(B) $(MANPAGES)
