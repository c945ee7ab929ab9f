// SPDX-License-Identifier: GPL-2.0-or-later
/* Addresses of datagrams for machines behind the wire: handles for them at the HCA, and
 * who waits for one.
 */
#include <errno.h>

#include "control/fabric.h"
#include "engine/grh.h"
#include "engine/qp.h"
#include "wire_ud_pair.h"

static void a_dead_address_costs_its_sender_a_completion(void **state)
{
	static const uint8_t dead[16] = { 0xfe, 0x80, [15] = 0x66 };
	struct world *w = *state;
	struct ud_pair x = { 0 };

	open_ud_pair(w, &x);
	fake_hca.ah_error = ETIMEDOUT;
	its_send(&x.q, datagram(1, dead, 5), 0, 8);
	its_send(&x.q, datagram(2, native_gid, x.n.qp->qp_num), 0, 8);
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_SUCCESS); /* nobody answers datagrams */
	its_take(&x.q, 2, VIB_WC_SUCCESS);
	assert_int_equal(fake_hca.ahs, 2); /* and the native one's */
	close_ud_pair(&x);
}

/* The HCA has a datagram to the machine, 1, and has not sent it. */
static void open_and_send(struct world *w, struct ud_pair *x)
{
	open_ud_pair(w, x);
	its_send(&x->q, datagram(1, native_gid, x->n.qp->qp_num), 0, 8);
	wire_run_without_hca(w);
}

/* The address is asked for anew while the HCA has a datagram to it. */
static void a_handle_lives_as_long_as_what_was_posted_with_it(void **state)
{
	struct world *w = *state;
	struct wire_ahs *ahs = &vhca_of(&w->a)->wire->ahs;
	struct ud_pair x = { 0 };

	open_and_send(w, &x);
	assert_int_equal(fake_hca.ahs, 2); /* and the native one's */
	for (unsigned int i = 0; i < WIRE_AHS; i++)
		ahs->entries[i].until = 0;
	its_send(&x.q, datagram(2, native_gid, x.n.qp->qp_num), 0, 8);
	wire_run_without_hca(w);
	assert_int_equal(fake_hca.ahs, 3);
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_SUCCESS);
	its_take(&x.q, 2, VIB_WC_SUCCESS);
	for (unsigned int i = 0; i < WIRE_AHS; i++)
		ahs->entries[i].until = 0;
	its_send(&x.q, datagram(3, native_gid, x.n.qp->qp_num), 0, 8);
	wire_run(w);
	its_take(&x.q, 3, VIB_WC_SUCCESS);
	assert_int_equal(fake_hca.ahs, 2);
	its_send(&x.q, datagram(4, native_gid, x.n.qp->qp_num), 0, 8);
	wire_run_without_hca(w);
	assert_int_equal(its_modify(&x.q, VIB_QPS_RESET, NULL, 0), 0);
	for (unsigned int i = 0; i < 2 * WIRE_AHS; i++)
		assert_int_equal(ahs->handles[i].users, 0);
	close_ud_pair(&x);
}

static unsigned int users_of(const struct wire_ahs *ahs)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < 2 * WIRE_AHS; i++)
		n += ahs->handles[i].users;
	return n;
}

/* Here it is reset at once; at the HCA it may be later, or never. */
static void a_handle_is_used_until_the_hca_has_reset_the_qp(void **state)
{
	struct world *w = *state;
	struct wire_ahs *ahs = &vhca_of(&w->a)->wire->ahs;
	struct ud_pair x = { 0 };

	open_and_send(w, &x);
	fake_hca.modify_qp_error = EIO;
	assert_true(its_modify(&x.q, VIB_QPS_RESET, NULL, 0) < 0);
	assert_int_equal(its_state(&x.q), VIB_QPS_RESET);
	assert_int_equal(users_of(ahs), 1);
	assert_int_equal(its_modify(&x.q, VIB_QPS_RESET, NULL, 0), 0);
	assert_int_equal(users_of(ahs), 0);
	close_ud_pair(&x);
}

/* Nobody looks for the address yet. */
static void one_that_waits_for_an_address_receives(void **state)
{
	static const uint8_t other[16] = { 0xfe, 0x80, [15] = 0x66 };
	struct world *w = *state;
	struct ud_pair x = { 0 };
	struct qp *qp;

	open_ud_pair(w, &x);
	its_recv(&x.q, 3, 0, 40 + 64);
	wire_run(w);
	its_send(&x.q, datagram(1, other, 5), 0, 8);
	poller_pass(&w->engine->pollers[0]);
	qp = vhca_find_qp(vhca_of(&w->a), x.q.qpn);
	assert_true(qp->sending.look_again);
	qp->sending.look_again = UINT64_MAX; /* however slow this test is */
	native_send(&x, 64);
	fake_hca_run();
	poller_pass(&w->engine->pollers[0]);
	its_take(&x.q, 3, VIB_WC_SUCCESS);
	its_nothing(&x.q);
	close_ud_pair(&x);
}

/* Who asks for a hundred dead addresses waits; others do not. */
static void others_do_not_wait_for_an_address(void **state)
{
	struct world *w = *state;
	struct ud_pair x = { 0 };
	uint8_t dead[16] = { 0xfe, 0x80, [14] = 0x66 };
	struct vib_cqe cqe;

	open_ud_pair(w, &x);
	for (dead[15] = 0; dead[15] < 8; dead[15]++)
		its_send(&x.q, datagram(dead[15], dead, 5), 0, 8);
	for (unsigned int i = 0; i < 50; i++) {
		poller_pass(&w->engine->pollers[0]);
		fake_loop(w->xen);
	}
	its_nothing(&x.q); /* its job is one that waits */
	assert_false(is_idle(w));
	ask(&w->b, query);
	assert_int_equal(take(&w->b).status, 0);
	ask(&w->a, query);
	assert_int_equal(take(&w->a).status, 0);
	wire_run(w);
	for (unsigned int i = 0; i < 8; i++)
		assert_true(its_poll(&x.q, &cqe));
	close_ud_pair(&x);
}

static bool is_native_lid(void *arg, uint16_t lid, struct vib_gid *gid)
{
	(void)arg;
	memcpy(gid->raw, native_gid, 16);
	return lid == 7;
}

/* By LID: the HCA has a GID for it all the same, which is not that of before. */
static void a_handle_is_of_the_vports_gid_of_today(void **state)
{
	static const uint8_t new_gid[16] = { 0xfe, 0x80, [14] = 0x12, [15] = 0x34 };
	struct world *w = *state;
	struct port_view view = *vhca_view(vhca_of(&w->a));
	struct ud_pair x = { 0 };
	struct vib_send_wqe wqe;

	fabric_find(&w->fabrics, "local")->gid_of_lid = is_native_lid;
	fake_hca_add_gid(new_gid);
	open_ud_pair(w, &x);
	wqe = datagram(1, native_gid, x.n.qp->qp_num);
	wqe.u.ud.av = (struct vib_av){ .dlid = 7 };
	native_recv(&x.n, 1, 0, 200);
	its_send(&x.q, wqe, 0, 8);
	wire_run(w);
	native_take(&x.n, 1, IBV_WC_SUCCESS);
	assert_memory_equal(((struct grh *)x.n.memory)->sgid.raw, view.gids[0].raw, 16);
	its_take(&x.q, 1, VIB_WC_SUCCESS);
	memcpy(view.gids[0].raw, new_gid, 16);
	assert_int_equal(vhca_set_port(vhca_of(&w->a), &view), 0);
	native_recv(&x.n, 2, 0, 200);
	its_send(&x.q, wqe, 0, 8);
	wire_run(w);
	native_take(&x.n, 2, IBV_WC_SUCCESS);
	assert_memory_equal(((struct grh *)x.n.memory)->sgid.raw, new_gid, 16);
	close_ud_pair(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		wire_test(a_dead_address_costs_its_sender_a_completion),
		wire_test(a_handle_lives_as_long_as_what_was_posted_with_it),
		wire_test(a_handle_is_used_until_the_hca_has_reset_the_qp),
		wire_test(one_that_waits_for_an_address_receives),
		wire_test(others_do_not_wait_for_an_address),
		wire_test(a_handle_is_of_the_vports_gid_of_today),
	};

	return cmocka_run_group_tests_name("wire: address handles", tests, NULL, NULL);
}
