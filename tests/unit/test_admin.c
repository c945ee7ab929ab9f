// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The administrator's socket of a real ibback, and what vibctl stats makes of it; and a
 * guest that forges all it can, by libvib: counted each time, said once, for nobody.
 */
#include "cm.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "pair.h"
#include "vibctl/vibctl.h"

#define BYTES       65536
#define QKEY        0x1234567u
#define PATIENCE_MS 20000

static char socket_path[64];
static struct side a, b;
static const struct pair pair = { &a, &b, BYTES, "pkey=0xffff/0x8001, max_pd=7, rate=10G",
				  "pkey=0xffff" };

static int start(void **state)
{
	char config[256];

	(void)state;
	snprintf(socket_path, sizeof(socket_path), "/tmp/xen-ib-admin-%d.sock",
		 (int)getpid());
	snprintf(config, sizeof(config),
		 "[admin]\nsocket = %s\n[fabric wire0]\ndevice = none0\nport = 2\n"
		 "max_hca_mem = 96\n"
		 "[fabric storage]\ntype = local\n",
		 socket_path);
	return daemon_start(&ibback, config) ? 0 : -1;
}

static int stop(void **state)
{
	struct stat st;

	(void)state;
	if (!daemon_stop(&ibback))
		return -1;
	return lstat(socket_path, &st) == 0 ? -1 : 0; /* it is gone with it */
}

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
}

/* ---- clients ----------------------------------------------------------- */

static int client(void)
{
	const struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, socket_path);
	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* Everything up to the end of the connection. */
static char *receive(int fd)
{
	static char text[1 << 20];
	size_t n = 0;
	ssize_t got;

	while ((got = recv(fd, text + n, sizeof(text) - 1 - n, 0)) > 0)
		n += (size_t)got;
	/* Who sent more than was read of it is told so behind the answer. */
	assert_true(got == 0 || errno == ECONNRESET);
	text[n] = '\0';
	close(fd);
	return text;
}

static char *ask(const char *request, size_t length)
{
	int fd = client();

	assert_int_equal(send(fd, request, length, MSG_NOSIGNAL), (ssize_t)length);
	return receive(fd);
}

static const char stats_request[] = "{\"command\": \"stats\"}\n";

static json_t *stats(void)
{
	const char *text = ask(stats_request, strlen(stats_request));
	json_t *json = json_loads(text, 0, NULL);

	assert_non_null(json);
	assert_true(json_is_array(json_object_get(json, "vibs")));
	assert_int_equal(text[strlen(text) - 1], '\n');
	return json;
}

/* A number of the vib of @s, by its names. */
static json_int_t number(const struct side *s, const char *one, const char *two,
			 const char *three)
{
	json_t *json = stats(), *vib, *member = NULL;
	json_int_t value;
	size_t i;

	json_array_foreach (json_object_get(json, "vibs"), i, vib) {
		if (json_integer_value(json_object_get(vib, "domid")) ==
		    libvib_domid(s->lv))
			member = vib;
	}
	assert_non_null(member);
	member = json_object_get(member, one);
	if (two)
		member = json_object_get(member, two);
	if (three)
		member = json_object_get(member, three);
	assert_true(json_is_integer(member));
	value = json_integer_value(member);
	json_decref(json);
	return value;
}

/* ---- the socket -------------------------------------------------------- */

static void socket_is_for_root_alone(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(lstat(socket_path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_uid, geteuid());
}

static void expect_error(const char *request, size_t length)
{
	json_t *json = json_loads(ask(request, length), 0, NULL);

	if (!json_is_string(json_object_get(json, "error")))
		fail_msg("no error for: %.*s", (int)length, request);
	json_decref(json);
}

static void garbage_is_answered_with_an_error(void **state)
{
	static const char *const garbage[] = {
		"\n",
		"{\n",
		"null\n",
		"[]\n",
		"{}\n",
		"{\"command\": 1}\n",
		"{\"command\": \"reboot\"}\n",
		"{\"command\": \"stats\", \"domid\": 1}\n",
		"{\"command\": \"stats\", \"fabric\": \"local\"}\n",
		"{\"command\": \"reclaim\"}\n",
		"{\"command\": \"reclaim\", \"fabric\": 7}\n",
		"{\"command\": \"reclaim\", \"fabric\": \"nowhere\"}\n",
		"{\"command\": \"reclaim\", \"fabric\": \"local\"}\n",
		"{\"command\": \"reclaim\", \"fabric\": \"wire0\"}\n",
		"{\"command\": \"stats\", \"command\": \"stats\"}\n",
		"{\"command\": \"\xff\xfe\"}\n",
		"GET / HTTP/1.1\r\n",
		"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\n",
	};
	char noise[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(garbage) / sizeof(*garbage); i++)
		expect_error(garbage[i], strlen(garbage[i]));
	expect_error("\0\0\0\n", 4);
	srand(1);
	for (int round = 0; round < 50; round++) {
		for (size_t i = 0; i < sizeof(noise); i++)
			noise[i] = (char)rand();
		expect_error(noise, sizeof(noise));
	}
	memset(noise, ' ', sizeof(noise));
	memcpy(noise, stats_request, strlen(stats_request) - 1);
	expect_error(noise, sizeof(noise)); /* it has no end within its bounds */
	json_decref(stats());
}

static void request_may_come_in_pieces(void **state)
{
	int fd = client();
	json_t *json;

	(void)state;
	for (size_t i = 0; i < strlen(stats_request); i++) {
		assert_int_equal(send(fd, &stats_request[i], 1, MSG_NOSIGNAL), 1);
		if (i % 5 == 0)
			nap();
	}
	json = json_loads(receive(fd), 0, NULL);
	assert_true(json_is_array(json_object_get(json, "vibs")));
	json_decref(json);
}

/* How many of @fds are closed by now. */
static unsigned int closed(const int *fds, unsigned int count)
{
	unsigned int n = 0;
	char c;

	for (unsigned int i = 0; i < count; i++)
		n += recv(fds[i], &c, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
	return n;
}

static void clients_are_few_and_must_not_dawdle(void **state)
{
	struct vib_port_attr port;
	int fds[40], waited = 0;

	(void)state;
	for (int i = 0; i < 40; i++)
		fds[i] = client();
	/* Those beyond the eighth are turned away; nobody else notices. */
	while (closed(fds, 40) < 32 && waited++ < 5000)
		nap();
	assert_int_equal(closed(fds, 40), 32);
	assert_int_equal(libvib_query_port(a.lv, &port), 0);
	/* Nor do the silent ones stay, nor do they keep others out for long. */
	waited = 0;
	while (closed(fds, 40) < 40 && waited++ < 10000)
		nap();
	assert_int_equal(closed(fds, 40), 40);
	for (int i = 0; i < 40; i++)
		close(fds[i]);
	json_decref(stats());
}

static void who_hangs_up_costs_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 500; i++) {
		int fd = client();

		if (i % 3)
			(void)!send(fd, stats_request, i % 3 == 1 ? 4 : 20, MSG_NOSIGNAL);
		close(fd);
	}
	for (int tries = 0; tries < 2000; tries++) {
		const char *text = ask(stats_request, strlen(stats_request));

		if (*text)
			return;
		nap(); /* those before are still being seen off */
	}
	fail_msg("it does not answer any more");
}

/* ---- what it says ------------------------------------------------------ */

static void what_a_vib_has_is_beside_its_quota(void **state)
{
	struct libvib_pd *pd;

	(void)state;
	assert_int_equal(number(&a, "objects", "pd", "used"), 1);
	assert_int_equal(number(&a, "objects", "pd", "limit"), 7);
	assert_int_equal(libvib_alloc_pd(a.lv, &pd), 0);
	assert_int_equal(number(&a, "objects", "pd", "used"), 2);
	assert_int_equal(libvib_dealloc_pd(pd), 0);
	assert_int_equal(number(&a, "objects", "mr", "used"), 1);
	assert_int_equal(number(&a, "objects", "cq", "used"), 1);
	assert_int_equal(number(&a, "objects", "qp", "used"), 0);
	assert_true(number(&a, "objects", "memory", "used") >= BYTES);
	assert_true(number(&a, "objects", "memory", "limit") == 1024ll << 20);
	assert_true(number(&a, "throttle", "rate", NULL) == 10000000000ll);
	assert_int_equal(number(&a, "dma", "pool", NULL), 0);
	assert_int_equal(number(&b, "index", NULL, NULL), 0);
}

static void memory_that_is_lent_is_the_pool(void **state)
{
	struct libvib_dma *dma;

	(void)state;
	assert_int_equal(libvib_reg_dma(a.lv, a.memory, BYTES, 0, &dma), 0);
	assert_int_equal(number(&a, "dma", "pool", NULL), BYTES);
	assert_int_equal(libvib_dereg_dma(dma), 0);
	assert_int_equal(number(&a, "dma", "pool", NULL), 0);
}

/* ---- a forger ---------------------------------------------------------- */

/* Lines of ibback's log about the vib of @s that have @text in them. */
static unsigned int lines_about(const struct side *s, const char *text)
{
	FILE *f = fopen(ibback.log, "r");
	char prefix[48], line[1024];
	unsigned int n = 0;

	assert_non_null(f);
	snprintf(prefix, sizeof(prefix), "dom %u vib 0: ", libvib_domid(s->lv));
	while (fgets(line, sizeof(line), f))
		n += strstr(line, prefix) && strstr(line, text);
	fclose(f);
	return n;
}

/* Within a while it is counted @count times under @one.@two.@three, and said once. */
static void expect_counted(const char *one, const char *two, const char *three,
			   json_int_t count, const char *said)
{
	for (int waited = 0; waited < 2000; waited++) {
		if (number(&a, one, two, three) == count && lines_about(&a, said))
			break;
		nap();
	}
	assert_int_equal(number(&a, one, two, three), count);
	assert_int_equal(lines_about(&a, said), 1);
}

static struct vib_send_wqe mad_to(uint16_t lid)
{
	struct vib_send_wqe wqe = { .opcode = VIB_OP_SEND, .flags = VIB_SEND_SIGNALED };

	wqe.u.ud.remote_qpn = 1;
	wqe.u.ud.qkey = QKEY_OF_GSI;
	wqe.u.ud.av.dlid = lid;
	return wqe;
}

/* a sends what is in its memory, twice. */
static void send_twice(const struct vib_send_wqe *wqe)
{
	for (int i = 0; i < 2; i++) {
		side_send(&a, wqe, 0, VIB_MAD_BYTES);
		side_done(&a, 0);
	}
}

static void write_mad(uint8_t class, uint8_t version, uint8_t method, uint16_t attribute)
{
	memset(a.memory, 0, VIB_MAD_BYTES);
	a.memory[0] = 1;
	a.memory[1] = class;
	a.memory[2] = version;
	a.memory[3] = method;
	a.memory[15] = 0x77;
	a.memory[16] = (uint8_t)(attribute >> 8);
	a.memory[17] = (uint8_t)attribute;
}

#define VENDOR 0x32 /* ibping's class, which passes */

static void engine_tells_forgeries_apart(void **state)
{
	struct vib_send_wqe wqe;

	(void)state;
	side_make_gsi(&a);
	side_make_gsi(&b);
	side_recv(&b, 11, 0, 296);
	write_mad(VENDOR, 1, 3, 1);

	wqe = mad_to(b.end.lid);
	wqe.u.ud.remote_qpn = 2;
	send_twice(&wqe);
	expect_counted("dropped", "mad_qpn", NULL, 2, "for a QP of another number");
	wqe = mad_to(b.end.lid);
	wqe.u.ud.qkey = 5;
	send_twice(&wqe);
	expect_counted("dropped", "mad_qkey", NULL, 2, "another Q_Key than its QP");
	wqe = mad_to(b.end.lid);
	wqe.u.ud.pkey_index = 2;
	send_twice(&wqe);
	expect_counted("dropped", "mad_pkey", NULL, 2, "P_Key index without a P_Key");
	wqe = mad_to(b.end.lid);
	wqe.u.ud.av.flags = VIB_AV_GRH;
	wqe.u.ud.av.sgid_index = 3;
	wqe.u.ud.av.dgid = b.end.gid;
	send_twice(&wqe);
	expect_counted("dropped", "mad_sgid", NULL, 2, "a MAD had an SGID index");
	assert_int_equal(number(&a, "counters", "mads_dropped", NULL), 8);
	/* None said those before it again. */
	assert_int_equal(lines_about(&a, "no more is said of such"), 4);

	/* The first that gets anywhere is the first that is right. */
	a.memory[20] = 0x55;
	wqe = mad_to(b.end.lid);
	side_send(&a, &wqe, 0, VIB_MAD_BYTES);
	side_done(&a, 0);
	side_done(&b, 11);
	assert_int_equal(b.memory[40 + 20], 0x55);
	assert_int_equal(number(&b, "mads", "delivered", NULL), 1);
}

static void gsi_tells_forgeries_apart(void **state)
{
	struct vib_port_attr port;
	struct vib_send_wqe wqe;

	(void)state;
	side_make_gsi(&a);
	side_make_gsi(&b);
	side_recv(&b, 11, 0, 296);
	assert_int_equal(libvib_query_port(a.lv, &port), 0);

	write_mad(VENDOR, 1, 3, 1);
	a.memory[0] = 2; /* no base version */
	wqe = mad_to(b.end.lid);
	send_twice(&wqe);
	expect_counted("mads", "dropped", "malformed", 2, "no MAD of version 1");
	write_mad(VENDOR, 1, 3, 1);
	wqe = mad_to(b.end.lid);
	wqe.u.ud.pkey_index = 1; /* a partition of its own, but not of b's */
	send_twice(&wqe);
	expect_counted("mads", "dropped", "partition", 2, "not the receiver's");
	assert_int_equal(number(&b, "counters", "pkey_violations", NULL), 2);
	wqe = mad_to(0x7777);
	send_twice(&wqe);
	expect_counted("mads", "dropped", "no_port", 2, "nobody is at that address");
	write_mad(0x01, 1, 1, 0x11); /* subnet management, by QP1 */
	wqe = mad_to(b.end.lid);
	send_twice(&wqe);
	expect_counted("mads", "dropped", "class", 2, "its class does not pass");
	write_mad(0x03, 2, 0x81, 0x11); /* an answer of the SA */
	send_twice(&wqe);
	expect_counted("mads", "dropped", "sa_claim", 2, "as if it were the SA");
	write_mad(0x07, 2, 3, 0x10); /* a REQ with addresses that are nobody's */
	send_twice(&wqe);
	expect_counted("mads", "dropped", "cm_address", 2, "another's address");
	write_mad(0x03, 2, 0x86, 0x02); /* the answer to a Report that there was not */
	wqe = mad_to(port.sm_lid);
	send_twice(&wqe);
	expect_counted("mads", "dropped", "tid", 2, "of no transaction");
	assert_int_equal(number(&a, "mads", "received", NULL), 14);
	assert_int_equal(number(&a, "mads", "passed", NULL), 0);
	assert_int_equal(number(&a, "mads", "answered", NULL), 0);

	write_mad(VENDOR, 1, 3, 1);
	wqe = mad_to(b.end.lid);
	side_send(&a, &wqe, 0, VIB_MAD_BYTES);
	side_done(&a, 0);
	side_done(&b, 11);
	assert_int_equal(number(&a, "mads", "passed", NULL), 1);
	assert_int_equal(number(&b, "mads", "delivered", NULL), 1);
	write_mad(0x03, 2, 1, 0x01); /* SubnAdmGet(ClassPortInfo) */
	side_recv(&a, 12, 4096, 296);
	wqe = mad_to(port.sm_lid);
	side_send(&a, &wqe, 0, VIB_MAD_BYTES);
	side_complete(&a);
	side_complete(&a);
	assert_int_equal(number(&a, "mads", "answered", NULL), 1);
	assert_int_equal(number(&a, "mads", "delivered", NULL), 1);
}

static void datagrams_are_told_apart_too(void **state)
{
	struct vib_send_wqe wqe = { .opcode = VIB_OP_SEND, .flags = VIB_SEND_SIGNALED };

	(void)state;
	side_make_qp(&a, VIB_QPT_UD);
	side_make_qp(&b, VIB_QPT_UD);
	assert_int_equal(libvib_qp_start_ud(a.qp, QKEY, 1), 0);
	assert_int_equal(libvib_qp_start_ud(b.qp, QKEY, 0), 0);
	side_recv(&b, 11, 0, 400);
	wqe.u.ud.remote_qpn = b.qp->number;
	wqe.u.ud.qkey = QKEY;
	wqe.u.ud.av.dlid = b.end.lid;
	send_twice(&wqe);
	expect_counted("dropped", "pkey", NULL, 2, "for a QP of another partition");
	assert_int_equal(number(&b, "counters", "pkey_violations", NULL), 2);
	assert_int_equal(libvib_destroy_qp(a.qp), 0);
	side_make_qp(&a, VIB_QPT_UD);
	assert_int_equal(libvib_qp_start_ud(a.qp, QKEY, 0), 0);
	wqe.u.ud.qkey = QKEY + 1;
	send_twice(&wqe);
	expect_counted("dropped", "qkey", NULL, 2, "another Q_Key than its receiver");
	assert_int_equal(number(&b, "counters", "qkey_violations", NULL), 2);
	wqe.u.ud.qkey = QKEY;
	wqe.u.ud.av.flags = VIB_AV_GRH;
	wqe.u.ud.av.dgid = b.end.gid;
	wqe.u.ud.av.sgid_index = 3;
	send_twice(&wqe);
	expect_counted("dropped", "sgid", NULL, 2, "a datagram had an SGID index");
	wqe.u.ud.av.sgid_index = 0;
	wqe.u.ud.remote_qpn = 1;
	wqe.u.ud.qkey = QKEY_OF_GSI;
	send_twice(&wqe);
	expect_counted("dropped", "qpn", NULL, 2, "was for QP0 or QP1");
	assert_int_equal(number(&b, "counters", "rcv_packets", NULL), 0);
	assert_int_equal(number(&b, "mads", "delivered", NULL), 0);
}

/* ---- vibctl ------------------------------------------------------------ */

static char output[65536], messages[4096];

static int redirect(FILE *stream, FILE *to)
{
	int saved = dup(fileno(stream));

	fflush(stream);
	dup2(fileno(to), fileno(stream));
	return saved;
}

static void restore(FILE *stream, int saved, FILE *from, char *text, size_t size)
{
	size_t n;

	fflush(stream);
	dup2(saved, fileno(stream));
	close(saved);
	rewind(from);
	n = fread(text, 1, size - 1, from);
	text[n] = '\0';
	fclose(from);
}

static int vibctl(int (*command)(struct vibctl *, int, char **), const char *path,
		  const char *const *argv)
{
	struct vibctl ctl = { .dirs = { .socket = path } };
	FILE *out = tmpfile(), *err = tmpfile();
	int saved_out = redirect(stdout, out), saved_err = redirect(stderr, err);
	int argc = 0, status;

	while (argv[argc])
		argc++;
	status = command(&ctl, argc, (char **)argv);
	restore(stdout, saved_out, out, output, sizeof(output));
	restore(stderr, saved_err, err, messages, sizeof(messages));
	if (ctl.xp)
		xenport_close(ctl.xp);
	return status;
}

static int vibctl_stats(const char *path, const char *a1, const char *a2)
{
	const char *const argv[] = { "vibctl stats", a1, a2, NULL };

	return vibctl(cmd_stats, path, argv);
}

static int vibctl_fabric(const char *path, const char *a1, const char *a2, const char *a3)
{
	const char *const argv[] = { "vibctl fabric", a1, a2, a3, NULL };

	return vibctl(cmd_fabric, path, argv);
}

/* The line of the output that begins with @name. */
static const char *line_of(const char *name)
{
	const char *line = output;

	while (line && strncmp(line, name, strlen(name)) != 0) {
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	if (!line)
		fail_msg("no line begins with %s:\n%s", name, output);
	return line;
}

static void vibctl_lists_fabrics(void **state)
{
	char name[64], device[64], kind[16], link[16];
	json_t *json;
	int port;

	(void)state;
	assert_int_equal(vibctl_fabric(socket_path, "list", NULL, NULL), 0);
	assert_int_equal(messages[0], '\0');
	assert_non_null(strstr(output, "LINK LAYER"));
	/* No HCA: it is there, and says why it is down. */
	assert_int_equal(sscanf(line_of("wire0"), "%63s %15s %15s %63s %d", name, kind,
				link, device, &port),
			 5);
	assert_string_equal(kind, "wire");
	assert_string_equal(link, "absent");
	assert_string_equal(device, "none0");
	assert_int_equal(port, 2);
	assert_int_equal(sscanf(line_of("local"), "%63s %15s %15s", name, kind, link), 3);
	assert_string_equal(kind, "local");
	assert_string_equal(link, "up");
	assert_true(line_of("local") < line_of("storage"));

	assert_int_equal(vibctl_fabric(socket_path, "list", "--json", NULL), 0);
	json = json_loads(output, 0, NULL);
	assert_int_equal(json_array_size(json), 3);
	json_decref(json);
}

static void vibctl_shows_a_fabric_and_its_vports(void **state)
{
	json_t *json, *vports, *vport, *found = NULL;
	struct vib_port_attr port;
	size_t i;

	(void)state;
	assert_int_equal(vibctl_fabric(socket_path, "show", "local", "--json"), 0);
	json = json_loads(output, 0, NULL);
	assert_string_equal(json_text(json, "name"), "local");
	assert_string_equal(json_text(json, "kind"), "local");
	assert_string_equal(json_text(json, "state"), "up");
	vports = json_object_get(json, "vports");
	assert_int_equal(json_array_size(vports), 2);
	json_array_foreach (vports, i, vport) {
		if (json_int(vport, "domid") == libvib_domid(a.lv))
			found = vport;
	}
	assert_non_null(found);
	assert_string_equal(json_text(found, "link"), "up");
	assert_string_equal(json_text(found, "addresses"), "ready");
	assert_int_equal(libvib_query_port(a.lv, &port), 0);
	assert_int_equal(json_int(found, "lid"), port.lid);
	json_decref(json);

	assert_int_equal(vibctl_fabric(socket_path, "show", "local", NULL), 0);
	assert_non_null(strstr(output, "ADDRESSES"));
	assert_non_null(strstr(output, "fe80::"));
	assert_int_equal(vibctl_fabric(socket_path, "show", "wire0", NULL), 0);
	assert_non_null(strstr(line_of("present"), "no"));
	assert_non_null(strstr(line_of("max_hca_mem"), " 96"));
	assert_null(strstr(output, "ADDRESSES")); /* nobody is on it */

	assert_int_equal(vibctl_fabric(socket_path, "show", "nowhere", NULL),
			 EXIT_REFUSED);
	assert_non_null(strstr(messages, "ibback has no fabric 'nowhere'"));
	assert_int_equal(vibctl_fabric("/nonexistent", "list", NULL, NULL), EXIT_REFUSED);
	assert_non_null(strstr(messages, "is it running in this domain?"));
}

/* A vib on a wire that is not there: attached, connected, and down. */
static void a_vib_on_an_absent_wire_has_its_port_down(void **state)
{
	struct vib_port_attr port;
	struct side c;

	(void)state;
	side_open_as(&c, ibback.socket, "fabric=wire0", BYTES);
	assert_int_equal(libvib_query_port(c.lv, &port), 0);
	assert_int_equal(port.state, VIB_PORT_DOWN);
	assert_int_equal(vibctl_fabric(socket_path, "show", "wire0", NULL), 0);
	assert_non_null(strstr(output, "ADDRESSES"));
	assert_non_null(strstr(output, "down"));
	/* Others see nothing of it. */
	assert_int_equal(libvib_query_port(a.lv, &port), 0);
	assert_int_equal(port.state, VIB_PORT_ACTIVE);
	side_close(&c);
}

static void vibctl_shows_all_or_one(void **state)
{
	char name[32];
	json_t *json;

	(void)state;
	assert_int_equal(vibctl_stats(socket_path, NULL, NULL), 0);
	assert_non_null(strstr(output, "XMIT BYTES"));
	assert_int_equal(messages[0], '\0');
	snprintf(name, sizeof(name), "%u/0", libvib_domid(a.lv));
	assert_int_equal(vibctl_stats(socket_path, name, NULL), 0);
	assert_non_null(strstr(output, "objects.pd"));
	assert_non_null(strstr(output, "1 of 7"));
	assert_non_null(strstr(output, "counters.pkey_violations"));
	assert_null(strstr(output, "mads.dropped."));
	assert_int_equal(vibctl_stats(socket_path, name, "--json"), 0);
	json = json_loads(output, 0, NULL);
	assert_int_equal(json_array_size(json), 1);
	json_decref(json);
	/* by name: both are of this program */
	assert_int_equal(vibctl_stats(socket_path, "test_admin", "--json"), 0);
	json = json_loads(output, 0, NULL);
	assert_int_equal(json_array_size(json), 2);
	json_decref(json);
	assert_int_equal(vibctl_stats(socket_path, "nobody", NULL), EXIT_REFUSED);
	assert_non_null(strstr(messages, "ibback serves no vib 'nobody'"));
	assert_int_equal(vibctl_stats(socket_path, "1/x", NULL), EXIT_REFUSED);
}

static void vibctl_says_when_nobody_answers(void **state)
{
	(void)state;
	assert_int_equal(vibctl_stats("/nonexistent/ibback.sock", NULL, NULL),
			 EXIT_REFUSED);
	assert_non_null(strstr(messages, "is it running in this domain?"));
	assert_int_equal(output[0], '\0');
}

#define test(name) pair_test(name, &pair)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(socket_is_for_root_alone),
		test(garbage_is_answered_with_an_error),
		test(request_may_come_in_pieces),
		test(who_hangs_up_costs_nothing),
		test(clients_are_few_and_must_not_dawdle),
		test(what_a_vib_has_is_beside_its_quota),
		test(memory_that_is_lent_is_the_pool),
		test(engine_tells_forgeries_apart),
		test(gsi_tells_forgeries_apart),
		test(datagrams_are_told_apart_too),
		test(vibctl_shows_all_or_one),
		test(vibctl_says_when_nobody_answers),
		test(vibctl_lists_fabrics),
		test(vibctl_shows_a_fabric_and_its_vports),
		test(a_vib_on_an_absent_wire_has_its_port_down),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
