// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The engine at native speed: RDMA WRITEs between two front ends of a real
 * ibback with one poller, beside floors measured in the same run: see
 * measure.h. The poller sleeps while a floor has its processor.
 *
 * The floor of the latency is one slot there and back by hand. The floor of the
 * rate is the same through a pair of slot queues, which know when they are full,
 * as nobody who has many outstanding can do without; bench_abi says how much more
 * that costs than slots by hand.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libvib/memory.h"
#include "link.h"
#include "measure.h"

/* Operations before the clock starts: the poller wakes, caches fill. */
#define WARM_UP    200
#define BW_OPS_64K 512
#define BW_OPS_1M  32
#define BW_DEPTH   16
#define MR_BYTES   (1u << 20)
#define MANY_QPS   1024
#define MR_TIMES   20

static void fail(const char *what, int status)
{
	fprintf(stderr, "bench: %s: completion status %d\n", what, status);
	exit(1);
}

static void reap(struct link *link, int *outstanding)
{
	struct vib_cqe cqe[OUTSTANDING];
	int n = libvib_poll_cq(link->a.cq, cqe, OUTSTANDING);

	for (int i = 0; i < n; i++)
		if (cqe[i].status)
			fail("WRITE", cqe[i].status);
	if (!n)
		relax();
	*outstanding -= n;
}

/* ---- small ------------------------------------------------------------- */

static void post_small(struct link *link, uint64_t word)
{
	const struct vib_send_wqe wqe = {
		.opcode = VIB_OP_RDMA_WRITE,
		.flags = VIB_SEND_SIGNALED | VIB_SEND_INLINE,
		.wr_id = word,
		.inline_len = sizeof(word),
		.u.rdma.remote_addr = link->b.mr->iova,
		.u.rdma.rkey = link->b.mr->rkey,
	};

	must(libvib_post_send(link->a.qps[0], &wqe, &word), "posting");
}

/* As many as may be outstanding, and one bell for what was posted together. */
static void write_small(struct link *link, unsigned int ops, int most)
{
	unsigned int posted = 0;
	int outstanding = 0;

	while (posted < ops || outstanding) {
		while (posted < ops && outstanding < most) {
			post_small(link, posted++);
			outstanding++;
		}
		libvib_ring_send(link->a.qps[0]);
		reap(link, &outstanding);
	}
}

/* Nanoseconds from posting to completion. */
static double small_latency(struct link *link)
{
	double start;

	write_small(link, WARM_UP, 1);
	start = now();
	write_small(link, TRIPS, 1);
	return (now() - start) / TRIPS * 1e9;
}

/* Millions a second. */
static double small_rate(struct link *link)
{
	double start;

	write_small(link, WARM_UP, OUTSTANDING);
	start = now();
	write_small(link, RATE_OPS, OUTSTANDING);
	return RATE_OPS / (now() - start) / 1e6;
}

/* ---- large ------------------------------------------------------------- */

/* Each from and to another place than the one before, as data are. */
static void post_large(struct link *link, uint32_t bytes, unsigned int nth)
{
	uint64_t at = (uint64_t)nth * bytes % LINK_BYTES;
	const struct vib_send_wqe wqe = {
		.opcode = VIB_OP_RDMA_WRITE,
		.flags = VIB_SEND_SIGNALED,
		.num_sge = 1,
		.u.rdma.remote_addr = link->b.mr->iova + at,
		.u.rdma.rkey = link->b.mr->rkey,
	};
	const struct vib_sge sge =
		libvib_sge(link->a.mr, (char *)link->a.memory + at, bytes);

	must(libvib_send(link->a.qps[0], &wqe, &sge), "posting");
}

static void write_large(struct link *link, uint32_t bytes, unsigned int ops)
{
	unsigned int posted = 0;
	int outstanding = 0;

	while (posted < ops || outstanding) {
		while (posted < ops && outstanding < BW_DEPTH) {
			post_large(link, bytes, posted++);
			outstanding++;
		}
		reap(link, &outstanding);
	}
}

/* GB/s. */
static double bandwidth(struct link *link, uint32_t bytes, unsigned int ops)
{
	double start;

	write_large(link, bytes, BW_DEPTH);
	start = now();
	write_large(link, bytes, ops);
	return (double)bytes * ops / (now() - start) / 1e9;
}

/* ---- registration ------------------------------------------------------ */

/* Microseconds of registering and deregistering 1 MiB. */
static double registration(struct link *link)
{
	double start = now();

	for (int i = 0; i < MR_TIMES; i++) {
		struct libvib_mr *mr;

		must(libvib_reg_mr(link->a.pd, link->a.memory, MR_BYTES,
				   (uintptr_t)link->a.memory, VIB_ACCESS_LOCAL_WRITE,
				   &mr),
		     "registering");
		must(libvib_dereg_mr(mr), "deregistering");
	}
	return (now() - start) / MR_TIMES * 1e6;
}

/* The least it can be: mapping the memory, and unmapping it. */
static double mapping(void)
{
	static int fd = -1;
	double start;

	if (fd < 0) {
		fd = memfd_create("bench", MFD_CLOEXEC);
		must(ftruncate(fd, MR_BYTES), "memfd");
	}
	start = now();
	for (int i = 0; i < MR_TIMES; i++) {
		void *at =
			mmap(NULL, MR_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

		if (at == MAP_FAILED)
			must(-ENOMEM, "mmap");
		munmap(at, MR_BYTES);
	}
	return (now() - start) / MR_TIMES * 1e6;
}

int main(void)
{
	static double lat[ROUNDS], lat_floor[ROUNDS], rate[ROUNDS], rate_floor[ROUNDS];
	static double bw_64k[ROUNDS], copy_64k[ROUNDS], bw_1m[ROUNDS], copy_1m[ROUNDS];
	static double lat_many[ROUNDS], mr[ROUNDS], map[ROUNDS];
	static struct link one, many;
	double lat_one;

	measure_start();
	link_open(&one, nth_processor(1), 1);
	link_open(&many, nth_processor(1), MANY_QPS);
	memset(one.a.memory, 1, LINK_BYTES);

	for (int i = 0; i < ROUNDS; i++) {
		lat_floor[i] = floor_trip();
		lat[i] = small_latency(&one);
		lat_many[i] = small_latency(&many);
		rate_floor[i] = slot_rate();
		rate[i] = small_rate(&one);
		/* The same memory that the poller copies, in the same order. */
		copy_64k[i] = copy_rate(one.b.memory, one.a.memory, LINK_BYTES, 64 << 10,
					BW_OPS_64K);
		bw_64k[i] = bandwidth(&one, 64 << 10, BW_OPS_64K);
		copy_1m[i] = copy_rate(one.b.memory, one.a.memory, LINK_BYTES, 1 << 20,
				       BW_OPS_1M);
		bw_1m[i] = bandwidth(&one, 1 << 20, BW_OPS_1M);
		map[i] = mapping();
		mr[i] = registration(&one);
	}
	link_close(&many);
	link_close(&one);

	lat_one = median(lat);
	print_figure("write_lat_8", lat_one, "ns", median(lat_floor));
	print_figure("write_rate_8", median(rate), "M/s", median(rate_floor));
	print_figure("write_bw_64k", median(bw_64k), "GB/s", median(copy_64k));
	print_figure("write_bw_1m", median(bw_1m), "GB/s", median(copy_1m));
	print_figure("write_lat_8_1024qp", median(lat_many), "ns", lat_one);
	print_figure("reg_mr_1m", median(mr), "us", median(map));
	return 0;
}
