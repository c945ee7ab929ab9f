// SPDX-License-Identifier: GPL-2.0-or-later
#include "fake_umad.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FILES 256

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static struct {
	int other[FILES]; /* the end of file's socket that is the test's, + 1 */
	int cm;           /* the file that has the class; -1 */
	int sa;           /* that of the SA's agent, the same */
	bool reports_taken, has_reports;
	int huge; /* the length of what is next for it, if it is not as it came */
	bool cm_taken, removed, hang, release, hang_closing;
	uint8_t hang_at;
	unsigned int hanging, sent, open;
	struct umad_buffer out[FAKE_SENT_MAX];
	uint16_t pkeys[2];
} fake;

void fake_umad_begin(void)
{
	memset(&fake, 0, sizeof(fake));
	fake.cm = fake.sa = -1;
	fake.pkeys[0] = 0xffff;
	fake.pkeys[1] = 0x8001;
}

/* Wait for a change, until @deadline. */
static bool wait_until(const struct timespec *deadline)
{
	return pthread_cond_timedwait(&changed, &lock, deadline) == 0;
}

static struct timespec in_seconds(unsigned int seconds)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += seconds;
	return t;
}

bool fake_umad_end(void)
{
	struct timespec deadline = in_seconds(10);
	bool closed;

	pthread_mutex_lock(&lock);
	while (fake.open && wait_until(&deadline))
		;
	closed = !fake.open;
	pthread_mutex_unlock(&lock);
	return closed;
}

void fake_umad_take_cm(bool taken)
{
	fake.cm_taken = taken;
}

bool fake_umad_has_cm(void)
{
	return fake.cm >= 0;
}

void fake_umad_remove(bool removed)
{
	pthread_mutex_lock(&lock);
	fake.removed = removed;
	for (int i = 0; removed && i < FILES; i++)
		if (fake.other[i])
			shutdown(fake.other[i] - 1, SHUT_RDWR);
	pthread_mutex_unlock(&lock);
}

void fake_umad_hang(uint8_t last)
{
	fake.hang = true;
	fake.hang_at = last;
}

void fake_umad_release(void)
{
	pthread_mutex_lock(&lock);
	fake.release = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

void fake_umad_hang_closing(bool hang)
{
	pthread_mutex_lock(&lock);
	fake.hang_closing = hang;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

unsigned int fake_umad_hanging(void)
{
	unsigned int hanging;

	pthread_mutex_lock(&lock);
	hanging = fake.hanging;
	pthread_mutex_unlock(&lock);
	return hanging;
}

unsigned int fake_umad_wait_sent(unsigned int count)
{
	struct timespec deadline = in_seconds(10);
	unsigned int sent;

	pthread_mutex_lock(&lock);
	while (fake.sent < count && wait_until(&deadline))
		;
	sent = fake.sent;
	pthread_mutex_unlock(&lock);
	return sent;
}

struct umad_buffer fake_umad_sent(unsigned int i)
{
	struct umad_buffer sent;

	pthread_mutex_lock(&lock);
	sent = fake.out[i];
	pthread_mutex_unlock(&lock);
	return sent;
}

void fake_umad_take_reports(bool taken)
{
	fake.reports_taken = taken;
}

bool fake_umad_has_reports(void)
{
	return fake.sa >= 0 && fake.has_reports;
}

void fake_umad_receive_sa(const struct ib_user_mad *in, size_t length)
{
	if (fake.sa >= 0)
		(void)!send(fake.other[fake.sa] - 1, in, sizeof(*in) + length, 0);
}

void fake_umad_receive_huge(const struct ib_user_mad *in, int length)
{
	fake.huge = length;
	fake_umad_receive_sa(in, VIB_MAD_BYTES);
}

void fake_umad_receive(const struct umad_buffer *in, size_t length)
{
	if (fake.cm >= 0)
		(void)!send(fake.other[fake.cm] - 1, in, sizeof(in->head) + length, 0);
}

/* ---- libibumad --------------------------------------------------------------- */

int umad_open_port(const char *ca_name, int portnum)
{
	int pair[2];

	if (strcmp(ca_name, FAKE_DEVICE) != 0 || portnum != 1 || fake.removed)
		return -EINVAL;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0 || pair[0] >= FILES)
		return -EIO;
	pthread_mutex_lock(&lock);
	fake.other[pair[0]] = pair[1] + 1;
	fake.open++;
	pthread_mutex_unlock(&lock);
	return pair[0];
}

int umad_close_port(int file)
{
	struct timespec deadline = in_seconds(2);

	pthread_mutex_lock(&lock);
	while (fake.hang_closing && wait_until(&deadline))
		;
	close(fake.other[file] - 1);
	fake.other[file] = 0;
	fake.open--;
	if (fake.cm == file)
		fake.cm = -1;
	if (fake.sa == file) {
		fake.sa = -1;
		fake.has_reports = false;
	}
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	return close(file);
}

/* Number 1 has answers, of which the kernel puts tables together, and 2 Reports alone. */
static int register_sa(int file, int mgmt_version, uint8_t rmpp_version,
		       const long *method_mask)
{
	if (mgmt_version != 2 || rmpp_version != !method_mask ||
	    (method_mask && method_mask[0] != 1 << 6))
		return -EINVAL;
	if (fake.sa >= 0 && fake.sa != file)
		return -EPERM;
	if (method_mask && fake.reports_taken)
		return -EPERM;
	fake.sa = file;
	if (!method_mask)
		return 1;
	fake.has_reports = true;
	return 2;
}

/* A file without a class has number 7. */
int umad_register(int file, int mgmt_class, int mgmt_version, uint8_t rmpp_version,
		  long method_mask[16 / sizeof(long)])
{
	bool taken;

	if (mgmt_class == 0)
		return 7;
	if (mgmt_class == 0x03)
		return register_sa(file, mgmt_version, rmpp_version, method_mask);
	if (mgmt_class != 0x07 || mgmt_version != 2 || rmpp_version != 0 ||
	    method_mask[0] != 1 << 3 || method_mask[1])
		return -EINVAL;
	pthread_mutex_lock(&lock);
	if (!fake.cm_taken && fake.cm < 0)
		fake.cm = file;
	taken = fake.cm != file;
	pthread_mutex_unlock(&lock);
	return taken ? -EPERM : 0;
}

int umad_get_port(const char *ca_name, int portnum, umad_port_t *port)
{
	if (strcmp(ca_name, FAKE_DEVICE) != 0 || portnum != 1 || fake.removed)
		return -EIO;
	*port = (umad_port_t){ .portnum = 1, .pkeys_size = 2, .pkeys = fake.pkeys };
	return 0;
}

int umad_release_port(umad_port_t *port)
{
	(void)port;
	return 0;
}

int umad_status(void *umad)
{
	return (int)((struct ib_user_mad *)umad)->status;
}

/* All of it is written to. */
static int recv_huge(int file, struct ib_user_mad *umad, int *length)
{
	if (*length < fake.huge) {
		errno = ENOSPC;
		*length = fake.huge;
		return -errno;
	}
	*length = fake.huge;
	memset(umad->data, 0x55, (size_t)fake.huge);
	fake.huge = 0;
	if (recv(file, umad, sizeof(*umad) + VIB_MAD_BYTES, 0) < 0)
		return -errno;
	return (int)umad->agent_id;
}

/* As the kernel does: a longer one stays, and is an error. */
int umad_recv(int file, void *umad, int *length, int timeout_ms)
{
	size_t room = sizeof(struct ib_user_mad) + (size_t)*length;
	ssize_t got;

	(void)timeout_ms;
	if (fake.huge && file == fake.sa)
		return recv_huge(file, umad, length);
	got = recv(file, umad, room, MSG_TRUNC | MSG_PEEK);
	if (got > 0 && (size_t)got <= room)
		got = recv(file, umad, room, 0);
	if (got < 0)
		return -errno;
	if (got == 0 || (size_t)got > room) {
		errno = got ? ENOSPC : EIO;
		if (got)
			*length = (int)got - (int)sizeof(struct ib_user_mad);
		return -errno;
	}
	*length = (int)got - (int)sizeof(struct ib_user_mad);
	return (int)((struct ib_user_mad *)umad)->agent_id;
}

/* The GID is looked for; and nobody but the caller waits. */
static bool hangs(const struct ib_user_mad *mad)
{
	if (!fake.hang || mad->addr.gid[15] != fake.hang_at)
		return false;
	fake.hanging++;
	while (!fake.release)
		pthread_cond_wait(&changed, &lock);
	fake.hanging--;
	return true;
}

int umad_send(int file, int agent, void *umad, int length, int timeout_ms, int retries)
{
	const struct ib_user_mad *mad = umad;
	bool failed;

	pthread_mutex_lock(&lock);
	failed = !(agent == 7 || (agent == 1 && file == fake.sa)) ||
		 length != VIB_MAD_BYTES || (timeout_ms && agent != 1) || retries ||
		 !fake.other[file] || fake.sent == FAKE_SENT_MAX || fake.removed ||
		 hangs(mad);
	errno = fake.removed ? EIO : EHOSTUNREACH;
	if (!failed) {
		memcpy(&fake.out[fake.sent].head, umad, sizeof(*mad));
		memcpy(fake.out[fake.sent].mad, mad->data, VIB_MAD_BYTES);
		fake.out[fake.sent].head.timeout_ms = (uint32_t)timeout_ms;
		fake.sent++;
		pthread_cond_broadcast(&changed);
	}
	pthread_mutex_unlock(&lock);
	return failed ? -EIO : 0;
}
