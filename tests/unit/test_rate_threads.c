// SPDX-License-Identifier: GPL-2.0-or-later
/* A real ibback with a guest that has a rate. */
#include <stdio.h>

#include "cm.h"
#include "pair.h"
#include "wakeup.h"

#define LENGTH  65536u
#define DEPTH   4
#define WRITES  48
#define BYTES_S 10000000.0 /* rate=80M */
#define BURST   500000.0   /* of 50 ms */

static const char *const configs[] = {
	"[engine]\npoll = adaptive\n",
	"[engine]\npoll = never\n",
	"[engine]\npoll = always\n",
};

/* The processor's time that ibback has used, in seconds. */
static double processor_time(void)
{
	unsigned long user, system;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)ibback.pid);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_int_equal(fscanf(f,
				"%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u "
				"%*u %lu %lu",
				&user, &system),
			 2);
	fclose(f);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

/* Seconds that @count WRITEs of @from to @to take. */
static double write_many(struct side *from, const struct side *to, unsigned int count)
{
	const struct vib_send_wqe wqe = {
		.opcode = VIB_OP_RDMA_WRITE,
		.flags = VIB_SEND_SIGNALED,
		.wr_id = 1,
		.u.rdma = { .remote_addr = to->mr->iova, .rkey = to->mr->rkey },
	};
	double start = seconds_now();
	unsigned int sent = 0;

	for (unsigned int done = 0; done < count; done++) {
		for (; sent < count && sent < done + DEPTH; sent++)
			side_send(from, &wqe, 0, LENGTH);
		side_done(from, 1);
	}
	return seconds_now() - start;
}

static void guest_keeps_to_its_rate_and_the_poller_sleeps(void **state)
{
	(void)state;
	for (int mode = 0; mode < 3; mode++) {
		struct side a, b;
		double cpu, took;

		assert_true(daemon_start(&ibback, configs[mode]));
		side_open_as(&a, ibback.socket, "rate=80M", LENGTH);
		side_open(&b, ibback.socket, LENGTH);
		pair_connect(&a, &b, VIB_QPT_RC);
		cpu = processor_time();
		took = write_many(&a, &b, WRITES);
		cpu = processor_time() - cpu;
		print_message("# %g of the rate, processor %.0f %%\n",
			      WRITES * LENGTH / BYTES_S / took, 100 * cpu / took);
		assert_true(took >= (WRITES * LENGTH - BURST - 2 * LENGTH) / BYTES_S);
		if (mode < 2)
			assert_true(cpu < took / 2);
		side_close(&a);
		side_close(&b);
		assert_true(daemon_stop(&ibback));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guest_keeps_to_its_rate_and_the_poller_sleeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
