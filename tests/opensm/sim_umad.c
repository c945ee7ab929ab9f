// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim_umad.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <infiniband/umad.h>
#include <infiniband/umad_types.h>

#include "wire/umad_packet.h"

int __real_umad_open_port(const char *ca_name, int portnum);
int __real_umad_register(int portid, int mgmt_class, int mgmt_version,
			 uint8_t rmpp_version, long method_mask[16 / sizeof(long)]);
int __real_umad_recv(int portid, void *umad, int *length, int timeout_ms);
int __real_umad_send(int portid, int agentid, void *umad, int length, int timeout_ms,
		     int retries);
int __wrap_umad_open_port(const char *ca_name, int portnum);
int __wrap_umad_close_port(int portid);
int __wrap_umad_register(int portid, int mgmt_class, int mgmt_version,
			 uint8_t rmpp_version, long method_mask[16 / sizeof(long)]);
int __wrap_umad_unregister(int portid, int agentid);
int __wrap_umad_recv(int portid, void *umad, int *length, int timeout_ms);
int __wrap_umad_send(int portid, int agentid, void *umad, int length, int timeout_ms,
		     int retries);

static int file = -1;  /* umad2sim's */
static int agent = -1; /* of class SubnAdm there, and whose it is here */
static int ours = -1, theirs = -1;

static void *forward(void *arg)
{
	struct umad_buffer in;
	int length;

	(void)arg;
	for (;;) {
		memset(&in, 0, sizeof(in));
		length = VIB_MAD_BYTES;
		if (__real_umad_recv(file, &in, &length, -1) < 0 || ours < 0)
			continue;
		if (in.head.status == 0)
			(void)!send(ours, &in, sizeof(in.head) + VIB_MAD_BYTES, 0);
	}
	return NULL;
}

int sim_umad_begin(const char *device)
{
	pthread_t thread;

	file = __real_umad_open_port(device, 1);
	if (file < 0)
		return -1;
	agent = __real_umad_register(file, UMAD_CLASS_SUBN_ADM, 2, 1, NULL);
	return agent < 0 || pthread_create(&thread, NULL, forward, NULL) ? -1 : 0;
}

int __wrap_umad_open_port(const char *ca_name, int portnum)
{
	int pair[2];

	(void)ca_name;
	(void)portnum;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0)
		return -EIO;
	if (theirs < 0) {
		ours = pair[0];
		theirs = pair[1];
	}
	return pair[1];
}

int __wrap_umad_close_port(int portid)
{
	return close(portid);
}

/* CM needs GIDs, of which ibsim knows nothing. */
int __wrap_umad_register(int portid, int mgmt_class, int mgmt_version,
			 uint8_t rmpp_version, long method_mask[16 / sizeof(long)])
{
	(void)portid;
	(void)mgmt_version;
	(void)rmpp_version;
	(void)method_mask;
	return mgmt_class == UMAD_CLASS_SUBN_ADM ? agent : 100;
}

int __wrap_umad_unregister(int portid, int agentid)
{
	(void)portid;
	(void)agentid;
	return 0;
}

int __wrap_umad_recv(int portid, void *umad, int *length, int timeout_ms)
{
	ssize_t got = recv(portid, umad, sizeof(struct ib_user_mad) + (size_t)*length, 0);

	(void)timeout_ms;
	if (got <= 0)
		return got ? -errno : -EIO;
	*length = VIB_MAD_BYTES;
	((struct ib_user_mad *)umad)->agent_id = (uint32_t)agent;
	return agent;
}

int __wrap_umad_send(int portid, int agentid, void *umad, int length, int timeout_ms,
		     int retries)
{
	(void)portid;
	return __real_umad_send(file, agentid, umad, length, timeout_ms, retries);
}
