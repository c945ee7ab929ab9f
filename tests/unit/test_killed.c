// SPDX-License-Identifier: GPL-2.0-or-later
/* A front end that is killed in the middle of its peer's transfers. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cm.h"
#include "pair.h"

#define BYTES   (4u << 20)
#define TIMEOUT 8 /* 1 ms */

/* What ibback has mapped of its guests. */
static unsigned int mappings(void)
{
	char path[64], line[512];
	unsigned int n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)ibback.pid);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, "memfd:") != NULL;
	fclose(f);
	return n;
}

/* What the two tell each other. */
struct word {
	struct libvib_end end;
	uint64_t iova;
	uint32_t rkey;
};

static struct word word_of(const struct side *s)
{
	return (struct word){ s->end, s->mr->iova, s->mr->rkey };
}

static void exchange(int fd, const struct word *own, struct word *peer)
{
	if (write(fd, own, sizeof(*own)) != sizeof(*own) ||
	    read(fd, peer, sizeof(*peer)) != sizeof(*peer))
		abort();
}

static void connect_to(struct side *s, const struct word *peer)
{
	struct libvib_path path;

	libvib_path_default(&path);
	path.timeout = TIMEOUT;
	path.retry_cnt = 1;
	assert_int_equal(libvib_qp_connect(s->qp, &s->end, &peer->end, &path), 0);
}

/* The one that is killed: it has memory and waits. */
static void be_the_peer(int fd)
{
	struct word own, peer;
	struct side s;

	side_open(&s, ibback.socket, BYTES);
	side_make_qp(&s, VIB_QPT_RC);
	own = word_of(&s);
	exchange(fd, &own, &peer);
	connect_to(&s, &peer);
	exchange(fd, &own, &peer); /* ready */
	for (;;)
		pause();
}

static pid_t make_peer(int *fd)
{
	int fds[2];
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		be_the_peer(fds[1]);
		_exit(0);
	}
	close(fds[1]);
	*fd = fds[0];
	return pid;
}

static void post_write(struct side *s, const struct word *peer, uint64_t wr_id)
{
	const struct vib_send_wqe wqe = {
		.opcode = VIB_OP_RDMA_WRITE,
		.flags = VIB_SEND_SIGNALED,
		.wr_id = wr_id,
		.u.rdma.remote_addr = peer->iova,
		.u.rdma.rkey = peer->rkey,
	};

	side_send(s, &wqe, 0, BYTES);
}

static void peer_of_a_killed_front_end_sees_no_answer_and_nothing_is_left(void **state)
{
	struct word own, peer;
	struct vib_cqe cqe;
	struct side s;
	uint64_t posted = 0, done = 0;
	unsigned int before;
	pid_t pid;
	int fd;

	(void)state;
	side_open(&s, ibback.socket, BYTES);
	side_make_qp(&s, VIB_QPT_RC);
	before = mappings();
	pid = make_peer(&fd);
	own = word_of(&s);
	exchange(fd, &own, &peer);
	connect_to(&s, &peer);
	exchange(fd, &own, &peer);
	assert_true(mappings() > before);

	do { /* transfers are on their way when it dies, and after */
		while (posted - done < 8)
			post_write(&s, &peer, posted++);
		cqe = side_complete(&s);
		assert_int_equal(cqe.wr_id, done++);
		if (done == 4)
			kill(pid, SIGKILL);
	} while (cqe.status == VIB_WC_SUCCESS);
	assert_int_equal(cqe.status, VIB_WC_RETRY_EXC_ERR);
	while (done < posted) {
		cqe = side_complete(&s);
		assert_int_equal(cqe.wr_id, done++);
		assert_int_equal(cqe.status, VIB_WC_WR_FLUSH_ERR);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(fd);

	/* Its end was told after all of it was unmapped: a command later it is gone. */
	for (int i = 0; i < 1000 && mappings() > before; i++) {
		struct vib_port_attr port;

		assert_int_equal(libvib_query_port(s.lv, &port), 0);
	}
	assert_int_equal(mappings(), before);
	side_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			peer_of_a_killed_front_end_sees_no_answer_and_nothing_is_left),
	};

	return cmocka_run_group_tests(tests, ibback_start, ibback_stop);
}
