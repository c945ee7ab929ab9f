// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi_proxy_world.h"

struct gsi_world w;

const uint8_t *asked(uint8_t method, uint16_t attribute)
{
	const uint8_t *mad = world_take_sa(&w);

	assert_non_null(mad);
	assert_int_equal(mad_class(mad), UMAD_CLASS_SUBN_ADM);
	assert_int_equal(mad_method(mad), method);
	assert_int_equal(mad_attribute(mad), attribute);
	return mad;
}

void asked_nothing(void)
{
	assert_null(world_take_sa(&w));
}

void table_is_empty(void)
{
	const uint8_t *mad = asked(UMAD_METHOD_GET, UMAD_SA_ATTR_GUID_INFO_REC);

	assert_true(be64_at(mad + 48) == 3);
	assert_int_equal(be16_at(mad + 56), 0x77);
	world_sa_answers(&w, mad, SA_ERROR(NO_RECORDS), NULL, 0, 0);
}

uint64_t mask_of(const uint8_t *mad)
{
	return be64_at(mad + 48);
}

void confirm(const uint8_t *mad)
{
	world_sa_answers(&w, mad, 0, mad + SA_DATA_AT, 72, 72);
}

void confirm_all(void)
{
	const uint8_t *mad;

	table_is_empty();
	while ((mad = world_take_sa(&w)))
		confirm(mad);
}

void begin(unsigned int ports)
{
	world_begin(&w, ports);
	world_set_infiniband(&w, GSI_ADDRESSING_AUTO);
	confirm_all();
}
