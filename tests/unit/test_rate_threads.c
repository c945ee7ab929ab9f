// SPDX-License-Identifier: GPL-2.0-or-later
/* A real ibback with a guest that has a rate. */
#include <dirent.h>
#include <stdio.h>

#include "cm.h"
#include "pair.h"
#include "wakeup.h"

#define LENGTH  65536u
#define DEPTH   4
#define WRITES  48
#define BYTES_S 10000000.0 /* rate=80M */
#define BURST   500000.0   /* of 50 ms */
/* However late the poller is on a busy machine, it finds no more than a burst: so often
 * it has to wait at least.
 */
#define WAITS   4

/* Who waits for a share, which takes 1 ms to come in, is not spun for that long. */
static const char *const configs[] = {
	"[engine]\npoll = adaptive\nspin = 3000\n",
	"[engine]\npoll = never\n",
	"[engine]\npoll = always\n",
};

/* How often a thread of ibback's has gone to sleep. */
static unsigned long sleeps_of(const char *thread)
{
	unsigned long sleeps = 0;
	char path[128], line[128];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%.16s/status", (int)ibback.pid,
		 thread);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		found |= sscanf(line, "voluntary_ctxt_switches: %lu", &sleeps) == 1;
	fclose(f);
	assert_true(found);
	return sleeps;
}

/* How often ibback's threads have gone to sleep: the poller, as nobody gives commands. */
static unsigned long sleeps_of_all(void)
{
	unsigned long sleeps = 0;
	struct dirent *entry;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)ibback.pid);
	dir = opendir(path);
	assert_non_null(dir);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			sleeps += sleeps_of(entry->d_name);
	closedir(dir);
	return sleeps;
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
		unsigned long sleeps;
		double took;

		assert_true(daemon_start(&ibback, configs[mode]));
		side_open_as(&a, ibback.socket, "rate=80M", LENGTH);
		side_open(&b, ibback.socket, LENGTH);
		pair_connect(&a, &b, VIB_QPT_RC);
		sleeps = sleeps_of_all();
		took = write_many(&a, &b, WRITES);
		sleeps = sleeps_of_all() - sleeps;
		print_message("# %g of the rate, %lu sleeps\n",
			      WRITES * LENGTH / BYTES_S / took, sleeps);
		assert_true(took >= (WRITES * LENGTH - BURST - 2 * LENGTH) / BYTES_S);
		if (mode < 2)
			assert_true(sleeps >= WAITS);
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
