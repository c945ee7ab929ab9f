// SPDX-License-Identifier: GPL-2.0-or-later
#include "link.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

/* RC's retries: 4.096 us * 2^14, seven times, as perftest has them. */
#define TIMEOUT     14
#define RETRIES     7
#define RNR_FOREVER 7
#define RNR_TIMER   12
#define MAX_ATOMIC  4
#define SLEEP_MS    200
/* Flushing waits for nobody but the device. */
#define DRAIN_NS    UINT64_C(10000000000)
#define ACCESS                                                                       \
	(IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ | \
	 IBV_ACCESS_REMOTE_ATOMIC)

static bool failed(struct tally *tally, const char *what)
{
	tally_error(tally, "%s: %s", what, strerror(errno));
	return false;
}

static bool create_qp(struct link *link, struct tally *tally, unsigned int sends,
		      unsigned int receives)
{
	struct ibv_qp_init_attr init = {
		.send_cq = link->cq,
		.recv_cq = link->cq,
		.cap = { .max_send_wr = sends,
			 .max_recv_wr = receives,
			 .max_send_sge = 1,
			 .max_recv_sge = 1 },
		.qp_type = IBV_QPT_RC,
		.sq_sig_all = 1,
	};
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_INIT,
		.port_num = PORT_NUM,
		.qp_access_flags = ACCESS,
	};

	link->qp = ibv_create_qp(link->pd, &init);
	if (!link->qp)
		return failed(tally, "create QP");
	errno = ibv_modify_qp(link->qp, &attr,
			      IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT |
				      IBV_QP_ACCESS_FLAGS);
	return !errno || failed(tally, "QP to INIT");
}

static bool create(struct link *link, struct tally *tally, unsigned int sends,
		   unsigned int receives)
{
	struct ibv_context *context = link->device->context;

	link->memory = mmap(NULL, link->bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (link->memory == MAP_FAILED) {
		link->memory = NULL;
		return failed(tally, "memory");
	}
	link->pd = ibv_alloc_pd(context);
	if (!link->pd)
		return failed(tally, "allocate PD");
	link->channel = ibv_create_comp_channel(context);
	if (!link->channel)
		return failed(tally, "create completion channel");
	link->cq = ibv_create_cq(context, sends + receives, NULL, link->channel, 0);
	if (!link->cq)
		return failed(tally, "create CQ");
	link->mr = ibv_reg_mr(link->pd, link->memory, link->bytes, ACCESS);
	if (!link->mr)
		return failed(tally, "register MR");
	return create_qp(link, tally, sends, receives);
}

bool link_create(struct link *link, struct device *device, struct tally *tally,
		 size_t bytes, unsigned int sends, unsigned int receives)
{
	struct ibv_port_attr port;

	*link = (struct link){ .device = device, .bytes = bytes };
	atomic_store(&device->qp_broken, false);
	if (!create(link, tally, sends, receives)) {
		link_destroy(link);
		return false;
	}
	if (!device_active(device, &port)) {
		tally_error(tally, "the port is not active");
		link_destroy(link);
		return false;
	}
	link->local = (struct address){
		.lid = port.lid,
		.qpn = link->qp->qp_num,
		.psn = (uint32_t)random() & 0xffffff,
		.rkey = link->mr->rkey,
		.addr = (uintptr_t)link->memory,
	};
	return true;
}

bool link_connect(struct link *link, struct tally *tally)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_RTR,
		.path_mtu = IBV_MTU_4096,
		.dest_qp_num = link->remote.qpn,
		.rq_psn = link->remote.psn,
		.max_dest_rd_atomic = MAX_ATOMIC,
		.min_rnr_timer = RNR_TIMER,
		.ah_attr = { .dlid = link->remote.lid, .port_num = PORT_NUM },
	};

	errno = ibv_modify_qp(link->qp, &attr,
			      IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU |
				      IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
				      IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER);
	if (errno)
		return failed(tally, "QP to RTR");
	attr = (struct ibv_qp_attr){
		.qp_state = IBV_QPS_RTS,
		.timeout = TIMEOUT,
		.retry_cnt = RETRIES,
		.rnr_retry = RNR_FOREVER,
		.sq_psn = link->local.psn,
		.max_rd_atomic = MAX_ATOMIC,
	};
	errno = ibv_modify_qp(link->qp, &attr,
			      IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT |
				      IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN |
				      IBV_QP_MAX_QP_RD_ATOMIC);
	return !errno || failed(tally, "QP to RTS");
}

void link_destroy(struct link *link)
{
	if (link->qp)
		ibv_destroy_qp(link->qp);
	if (link->mr)
		ibv_dereg_mr(link->mr);
	if (link->cq)
		ibv_destroy_cq(link->cq);
	if (link->channel)
		ibv_destroy_comp_channel(link->channel);
	if (link->pd)
		ibv_dealloc_pd(link->pd);
	if (link->memory)
		munmap(link->memory, link->bytes);
	*link = (struct link){ .device = link->device };
}

static void print_address(const char *whose, const struct address *address)
{
	printf("%s address: LID 0x%04x, QPN 0x%06x, PSN 0x%06x, RKey 0x%08x, VAddr "
	       "0x%016" PRIx64 "\n",
	       whose, address->lid, address->qpn, address->psn, address->rkey,
	       address->addr);
}

void link_print(const struct link *link)
{
	print_address("local", &link->local);
	print_address("remote", &link->remote);
	fflush(stdout);
}

bool link_send(struct link *link, struct ibv_send_wr *wr, struct tally *tally)
{
	struct ibv_send_wr *bad;

	for (struct ibv_send_wr *each = wr; each; each = each->next)
		each->sg_list->lkey = link->mr->lkey;
	errno = ibv_post_send(link->qp, wr, &bad);
	if (errno)
		failed(tally, "post send");
	for (; wr && (!errno || wr != bad); wr = wr->next)
		link->outstanding++;
	return !errno;
}

bool link_receive(struct link *link, uint64_t id, void *to, uint32_t size,
		  struct tally *tally)
{
	struct ibv_sge sge = {
		.addr = (uintptr_t)to,
		.length = size,
		.lkey = link->mr->lkey,
	};
	struct ibv_recv_wr wr = { .wr_id = id, .sg_list = &sge, .num_sge = 1 };
	struct ibv_recv_wr *bad;

	errno = ibv_post_recv(link->qp, &wr, &bad);
	if (errno)
		return failed(tally, "post receive");
	link->outstanding++;
	return true;
}

void link_sleep(struct link *link, const int *fds, unsigned int number)
{
	struct pollfd set[4] = {
		{ .fd = link->channel->fd, .events = POLLIN },
		{ .fd = link->device->news, .events = POLLIN },
	};
	eventfd_t drained;
	void *context;
	struct ibv_cq *cq;

	for (unsigned int i = 0; i < number; i++)
		set[2 + i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
	if (poll(set, 2 + number, SLEEP_MS) <= 0)
		return;
	if (set[0].revents && !ibv_get_cq_event(link->channel, &cq, &context))
		ibv_ack_cq_events(cq, 1);
	if (set[1].revents)
		eventfd_read(link->device->news, &drained);
}

void link_completion(struct link *link, enum ibv_wc_status status, struct tally *tally)
{
	tally_completion(tally, status);
	link->flushed = link->flushed || status == IBV_WC_WR_FLUSH_ERR;
	link->outstanding--;
}

/* A QP that went to ERR by itself has an event, which is lost if the QP is destroyed
 * before it is read. */
static bool owed_an_event(const struct link *link)
{
	return !atomic_load(&link->device->qp_broken) &&
	       !atomic_load(&link->device->gone);
}

void link_drain(struct link *link, struct tally *tally)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_ERR };
	const uint64_t until = now_ns() + DRAIN_NS;
	const bool flushed = link->flushed;
	struct ibv_wc wc;

	/* Without a backend this succeeds; of a device that is gone nothing does. */
	ibv_modify_qp(link->qp, &attr, IBV_QP_STATE);
	while ((link->outstanding || (flushed && owed_an_event(link))) &&
	       now_ns() < until) {
		if (ibv_poll_cq(link->cq, 1, &wc) < 1) {
			poll(NULL, 0, 1);
			tally_tick(tally);
			continue;
		}
		link_completion(link, wc.status, tally);
	}
	tally->lost += link->outstanding;
	link->outstanding = 0;
}
