// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi/mad.h"

#include <endian.h>
#include <string.h>

void mad_begin(uint8_t mad[VIB_MAD_BYTES], const struct mad_header *header)
{
	const struct umad_hdr h = {
		.base_version = UMAD_BASE_VERSION,
		.mgmt_class = header->mgmt_class,
		.class_version = header->class_version,
		.method = header->method,
		.tid = htobe64(header->tid),
		.attr_id = htobe16(header->attribute),
	};

	memset(mad, 0, VIB_MAD_BYTES);
	memcpy(mad, &h, sizeof(h));
}
