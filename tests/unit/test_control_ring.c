// SPDX-License-Identifier: GPL-2.0-or-later
/* The control ring as xen/io/ring.h makes it of our types. */
#include "cm.h"

#include <xen-ib/control.h>

static void ring_holds_sixteen_requests_in_one_page(void **state)
{
	static uint8_t memory[VIB_PAGE_SIZE] __attribute__((aligned(VIB_PAGE_SIZE)));
	struct vib_control_sring *sring = (struct vib_control_sring *)memory;
	struct vib_control_front_ring front;
	struct vib_control_back_ring back;

	(void)state;
	SHARED_RING_INIT(sring);
	FRONT_RING_INIT(&front, sring, VIB_PAGE_SIZE);
	BACK_RING_INIT(&back, sring, VIB_PAGE_SIZE);
	assert_int_equal(RING_SIZE(&front), VIB_CONTROL_RING_SIZE);
	assert_int_equal(RING_SIZE(&back), VIB_CONTROL_RING_SIZE);
	for (uint16_t i = 0; i < VIB_CONTROL_RING_SIZE; i++) {
		assert_false(RING_FULL(&front));
		RING_GET_REQUEST(&front, front.req_prod_pvt++)->id = i;
	}
	assert_true(RING_FULL(&front));
	assert_true((uint8_t *)RING_GET_REQUEST(&front, 15u) + 128 <=
		    memory + sizeof(memory));
}

static void request_and_response_share_a_slot_behind_the_header(void **state)
{
	static uint8_t memory[VIB_PAGE_SIZE] __attribute__((aligned(VIB_PAGE_SIZE)));
	struct vib_control_sring *sring = (struct vib_control_sring *)memory;
	struct vib_control_front_ring front;

	(void)state;
	SHARED_RING_INIT(sring);
	FRONT_RING_INIT(&front, sring, VIB_PAGE_SIZE);
	for (unsigned int i = 0; i < VIB_CONTROL_RING_SIZE; i++) {
		assert_ptr_equal(RING_GET_REQUEST(&front, i), memory + 64 + 128 * i);
		assert_ptr_equal(RING_GET_RESPONSE(&front, i), memory + 64 + 128 * i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ring_holds_sixteen_requests_in_one_page),
		cmocka_unit_test(request_and_response_share_a_slot_behind_the_header),
	};

	return cmocka_run_group_tests_name("control ring", tests, NULL, NULL);
}
