# SPDX-License-Identifier: GPL-2.0-or-later
# The schema's products. Every object depends on the header.

GENERATED := $(B)/gen/xen-ib/xenstore.h
SCHEMA_TABLE := $(B)/gen/vib_schema_table.c
SCHEMA_MDOC := $(addprefix $(B)/gen/,vib_schema_backend.mdoc vib_schema_frontend.mdoc \
                 vib_schema_config.mdoc)

$(GENERATED) $(SCHEMA_TABLE) $(SCHEMA_MDOC) &: xenstore-schema/generate.py \
		xenstore-schema/vib.toml | $(B)/.tools
	@mkdir -p $(B)/gen
	python3 xenstore-schema/generate.py xenstore-schema/vib.toml $(B)/gen
