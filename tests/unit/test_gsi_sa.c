// SPDX-License-Identifier: GPL-2.0-or-later
/* The SA's frame: what it supports, how it refuses, who may speak to it. */
#include "gsi_world.h"

static struct gsi_world w;

static void class_port_info_tells_what_linux_looks_for(void **state)
{
	struct mad_packet packet = world_sa(&w, 0, 0x01, 0x0001, 0);
	const uint8_t *mad = world_ask(&w, 0, &packet)->mad;
	const uint8_t *d = mad + SA_DATA_AT;

	(void)state;
	assert_int_equal(mad[1], 0x03);
	assert_int_equal(mad[2], 2);
	assert_int_equal(mad[3], 0x81);
	assert_int_equal(mad_status(mad), 0);
	assert_int_equal(be16_at(mad + 44), 9); /* AttributeOffset: 72 bytes */
	assert_int_equal(d[0], 1);
	assert_int_equal(d[1], 2);
	/* UD multicast, MultiPath, PortInfo's CapabilityMask. */
	assert_int_equal(be16_at(d + 2), 1 << 9 | 1 << 10 | 1 << 13);
	/* IPoIB and rdma_cm: send-only full members. */
	assert_true(be32_at(d + 4) >> 5 & 1u << 12);
	assert_int_equal(be32_at(d + 4) & 0x1f, 16);
	assert_int_equal(be32_at(d + 32), 1);
	assert_int_equal(be32_at(d + 36), 0x80010000);
}

static void answer_keeps_the_transaction(void **state)
{
	struct mad_packet packet = world_sa(&w, 0, 0x01, 0x0001, 0x123456789a);
	const struct mad_packet *reply;

	(void)state;
	put_be64(packet.mad + 36, 77); /* an SM_Key */
	reply = world_ask(&w, 0, &packet);
	assert_memory_equal(reply->mad + 8, packet.mad + 8, 16);
	assert_true(be64_at(reply->mad + 36) == 0);
	assert_true(be64_at(reply->mad + 48) == 0x123456789a);
	assert_int_equal(reply->mad[26], 0); /* no RMPP */
}

static uint16_t status_of(uint8_t method, uint16_t attribute)
{
	struct mad_packet packet = world_sa(&w, 0, method, attribute, 0);

	return world_status(&w, 0, &packet);
}

static void unknown_methods_and_attributes_are_refused(void **state)
{
	(void)state;
	assert_int_equal(status_of(0x01, 0x003b), 0x0c); /* ServiceAssociation */
	assert_int_equal(status_of(0x12, 0x0039), 0x0c); /* TraceRecord */
	assert_int_equal(status_of(0x02, 0x0030), 0x0c); /* Set of GUIDInfoRecord */
	assert_int_equal(status_of(0x15, 0x0035), 0x0c);
	assert_int_equal(status_of(0x01, 0xffff), 0x0c);
	assert_int_equal(status_of(0x13, 0x003a), 0x08); /* GetTraceTable */
	assert_int_equal(status_of(0x7f, 0x0035), 0x08);
}

static void other_class_version_is_refused(void **state)
{
	struct mad_packet packet = world_sa(&w, 0, 0x01, 0x0001, 0);

	(void)state;
	packet.mad[2] = 1;
	assert_int_equal(world_status(&w, 0, &packet), 0x04);
}

static void refusal_has_the_method_of_an_answer(void **state)
{
	static const uint8_t methods[][2] = { { 0x01, 0x81 },
					      { 0x02, 0x81 },
					      { 0x12, 0x92 },
					      { 0x14, 0x94 },
					      { 0x15, 0x95 } };

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct mad_packet packet = world_sa(&w, 0, methods[i][0], 0xffff, 0);
		const uint8_t *mad = world_ask(&w, 0, &packet)->mad;

		assert_int_equal(mad[3], methods[i][1]);
		assert_int_equal(mad[26], 0);
		assert_int_equal(be16_at(mad + 44), 0);
	}
}

static void only_the_sa_answers_as_the_sa(void **state)
{
	struct mad_packet packet = world_sa(&w, 0, 0x81, 0x0035, 0);

	(void)state;
	world_expect_drop(&w, 0, &packet, GSI_DROP_SA_CLAIM);
	packet.mad[3] = 0x86; /* to a Report that there was not */
	world_expect_drop(&w, 0, &packet, GSI_DROP_TID);
	/* To a guest, a forged answer and a request to the wrong one. */
	packet = world_sa(&w, 0, 0x92, 0x0035, 0);
	packet.dlid = 0x11;
	world_expect_drop(&w, 0, &packet, GSI_DROP_SA_CLAIM);
	packet.mad[3] = 0x01;
	world_expect_drop(&w, 0, &packet, GSI_DROP_SA_CLAIM);
	packet.mad[3] = 0x06; /* a Report */
	world_expect_drop(&w, 0, &packet, GSI_DROP_SA_CLAIM);
}

static void sa_gets_no_other_class_and_no_reports(void **state)
{
	static const uint8_t methods[] = { 0x03, 0x05, 0x06, 0x07 };
	struct mad_packet packet = world_mad(&w, 0, 0x07, 2, 0x03, 0x10);

	(void)state;
	world_expect_drop(&w, 0, &packet, GSI_DROP_CLASS);
	packet = world_mad(&w, 0, 0x04, 1, 0x01, 0x12);
	world_expect_drop(&w, 0, &packet, GSI_DROP_CLASS);
	for (size_t i = 0; i < sizeof(methods); i++) {
		packet = world_sa(&w, 0, methods[i], 0x0002, 0);
		world_expect_drop(&w, 0, &packet, GSI_DROP_CLASS);
	}
}

#define TEST(name) world_test(name, world_of_2, &w)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(class_port_info_tells_what_linux_looks_for),
		TEST(answer_keeps_the_transaction),
		TEST(unknown_methods_and_attributes_are_refused),
		TEST(other_class_version_is_refused),
		TEST(refusal_has_the_method_of_an_answer),
		TEST(only_the_sa_answers_as_the_sa),
		TEST(sa_gets_no_other_class_and_no_reports),
	};

	return cmocka_run_group_tests_name("gsi_sa", tests, NULL, NULL);
}
