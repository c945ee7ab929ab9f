// SPDX-License-Identifier: GPL-2.0-or-later
#include "pair.h"

#include "cm.h"
#include "wakeup.h"

struct daemon ibback;

int ibback_start(void **state)
{
	(void)state;
	return daemon_start(&ibback, NULL) ? 0 : -1;
}

int ibback_stop(void **state)
{
	(void)state;
	return daemon_stop(&ibback) ? 0 : -1;
}

static void made(int err, const char *what)
{
	if (err)
		fail_msg("%s: %s", what, strerror(-err));
}

void side_open(struct side *s, const char *socket, size_t bytes)
{
	side_open_as(s, socket, "", bytes);
}

void side_open_as(struct side *s, const char *socket, const char *config, size_t bytes)
{
	const uint32_t all = VIB_ACCESS_LOCAL_WRITE | VIB_ACCESS_REMOTE_WRITE |
			     VIB_ACCESS_REMOTE_READ | VIB_ACCESS_REMOTE_ATOMIC;
	char why[LIBVIB_WHY_SIZE];

	memset(s, 0, sizeof(*s));
	s->bytes = bytes;
	s->lv = libvib_open(socket, config, why, sizeof(why));
	if (!s->lv)
		fail_msg("%s", why);
	made(libvib_open_context(s->lv, &s->context), "context");
	made(libvib_alloc_pd(s->lv, &s->pd), "PD");
	made(libvib_create_eq(s->lv, PAIR_ENTRIES, &s->eq), "EQ");
	made(libvib_create_cq(s->lv, 2 * PAIR_ENTRIES, s->eq, &s->cq), "CQ");
	s->memory = libvib_alloc(s->lv, bytes);
	assert_non_null(s->memory);
	made(libvib_reg_mr(s->pd, s->memory, bytes, (uintptr_t)s->memory, all, &s->mr),
	     "MR");
}

void side_close(struct side *s)
{
	if (s->qp)
		made(libvib_destroy_qp(s->qp), "destroying the QP");
	if (s->srq)
		made(libvib_destroy_srq(s->srq), "destroying the SRQ");
	if (s->mr)
		made(libvib_dereg_mr(s->mr), "deregistering the MR");
	if (s->cq)
		made(libvib_destroy_cq(s->cq), "destroying the CQ");
	if (s->eq)
		made(libvib_destroy_eq(s->eq), "destroying the EQ");
	if (s->pd)
		made(libvib_dealloc_pd(s->pd), "deallocating the PD");
	if (s->context)
		made(libvib_close_context(s->context), "closing the context");
	libvib_close(s->lv);
	memset(s, 0, sizeof(*s));
}

struct libvib_qp_init side_qp_init(const struct side *s, enum vib_qp_type type,
				   bool kernel)
{
	return (struct libvib_qp_init){
		.type = type,
		.context = s->context,
		.pd = s->pd,
		.send_cq = s->cq,
		.recv_cq = s->cq,
		.srq = s->srq,
		.kernel = kernel,
		.send_entries = PAIR_ENTRIES,
		.send_sges = PAIR_SGES,
		.max_inline = kernel ? 0 : PAIR_INLINE,
		.recv_entries = PAIR_ENTRIES,
		.recv_sges = PAIR_SGES,
	};
}

static void make_qp(struct side *s, enum vib_qp_type type, bool kernel)
{
	const struct libvib_qp_init init = side_qp_init(s, type, kernel);

	made(libvib_create_qp(&init, &s->qp), "QP");
	made(libvib_qp_end(s->qp, &s->end), "querying the port");
}

void side_make_qp(struct side *s, enum vib_qp_type type)
{
	make_qp(s, type, false);
}

void side_make_kernel_qp(struct side *s, enum vib_qp_type type)
{
	make_qp(s, type, true);
}

void side_make_gsi(struct side *s)
{
	side_make_kernel_qp(s, VIB_QPT_GSI);
	assert_int_equal(s->qp->number, 1);
	made(libvib_qp_start_ud(s->qp, QKEY_OF_GSI, 0), "starting QP1");
}

void pair_open(const struct pair *p)
{
	side_open_as(p->a, ibback.socket, p->config_a, p->bytes);
	side_open_as(p->b, ibback.socket, p->config_b, p->bytes);
}

void pair_close(const struct pair *p)
{
	side_close(p->a);
	side_close(p->b);
}

int pair_set_up(void **state)
{
	pair_open(*state);
	return 0;
}

int pair_tear_down(void **state)
{
	pair_close(*state);
	return 0;
}

void pair_connect(struct side *a, struct side *b, enum vib_qp_type type)
{
	side_make_qp(a, type);
	side_make_qp(b, type);
	made(libvib_qp_connect(a->qp, &a->end, &b->end, NULL), "connecting");
	made(libvib_qp_connect(b->qp, &b->end, &a->end, NULL), "connecting");
}

void side_recv(struct side *s, uint64_t wr_id, size_t offset, uint32_t length)
{
	const struct vib_recv_wqe wqe = { .num_sge = 1, .wr_id = wr_id };
	const struct vib_sge sge = libvib_sge(s->mr, s->memory + offset, length);

	if (s->srq)
		made(libvib_post_srq_recv(s->srq, &wqe, &sge), "posting to the SRQ");
	else
		made(libvib_recv(s->qp, &wqe, &sge), "posting a receive");
}

void side_send(struct side *s, const struct vib_send_wqe *wqe, size_t offset,
	       uint32_t length)
{
	const struct vib_sge sge = libvib_sge(s->mr, s->memory + offset, length);
	struct vib_send_wqe one = *wqe;

	one.num_sge = 1;
	made(libvib_send(s->qp, &one, &sge), "posting a send");
}

struct vib_cqe side_complete(struct side *s)
{
	double end = seconds_now() + WAKEUP_PATIENCE_MS / 1e3;
	struct vib_cqe cqe;

	while (!libvib_poll_cq(s->cq, &cqe, 1)) {
		if (seconds_now() > end)
			fail_msg("no completion came");
		sched_yield();
	}
	assert_int_equal(cqe.qpn, s->qp->number);
	return cqe;
}

struct vib_cqe side_done(struct side *s, uint64_t wr_id)
{
	struct vib_cqe cqe = side_complete(s);

	assert_int_equal(cqe.status, VIB_WC_SUCCESS);
	assert_true(cqe.wr_id == wr_id);
	return cqe;
}
