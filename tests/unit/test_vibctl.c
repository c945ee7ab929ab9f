// SPDX-License-Identifier: GPL-2.0-or-later
/* vibctl's commands on a store in memory: what they change, print and return. */
#include "cm.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fake_store.h"
#include "tempdir.h"
#include "vibctl/vibctl.h"

#define UUID_A   "11111111-2222-3333-4444-555555555555"
#define BACKEND  "/local/domain/0/backend/vib/5/0"
#define FRONTEND "/local/domain/5/device/vib/0"

static struct fake_store *fake;
static struct vibctl ctl;
static struct record record;
static char output[16384], messages[4096];

static int setup(void **state)
{
	(void)state;
	tempdir_make();
	fake = fake_store_new();
	ctl.xp = fake_port(fake);
	ctl.dirs = (struct dirs){
		.records = strdup(tempdir_path("run")),
		.machine_id = "/nonexistent",
	};
	fake_introduce(fake, 5, UUID_A, "web");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	xenport_close(ctl.xp);
	free((char *)ctl.dirs.records);
	tempdir_remove();
	return 0;
}

static int redirect(FILE *stream, const char *file)
{
	int saved = dup(fileno(stream));

	fflush(stream);
	assert_non_null(freopen(tempdir_path(file), "w", stream));
	return saved;
}

static void restore(FILE *stream, int saved, const char *file, char *text, size_t size)
{
	size_t n;
	FILE *f;

	fflush(stream);
	dup2(saved, fileno(stream));
	close(saved);
	f = fopen(tempdir_path(file), "r");
	n = f ? fread(text, 1, size - 1, f) : 0;
	text[n] = '\0';
	if (f)
		fclose(f);
}

/* Run a command as the shell would. */
static int run(int (*command)(struct vibctl *, int, char **), const char *a1,
	       const char *a2, const char *a3, const char *a4)
{
	const char *all[] = { "vibctl", a1, a2, a3, a4, NULL };
	char *argv[6];
	int argc, out, err, status;

	for (argc = 0; all[argc]; argc++)
		argv[argc] = strdup(all[argc]);
	argv[argc] = NULL;
	out = redirect(stdout, "stdout");
	err = redirect(stderr, "stderr");
	status = command(&ctl, argc, argv);
	restore(stdout, out, "stdout", output, sizeof(output));
	restore(stderr, err, "stderr", messages, sizeof(messages));
	while (argc > 0)
		free(argv[--argc]);
	return status;
}

static const char *value(const char *path)
{
	const char *v = fake_value(fake, path);

	return v ? v : "(none)";
}

/* A backend and a frontend that do at once what they should. */
static void serve(struct xenport *xp, const char *path)
{
	if (!strcmp(path, BACKEND "/state") && !strcmp(value(path), "1")) {
		xenport_write(xp, 0, FRONTEND "/state", "4");
		xenport_write(xp, 0, BACKEND "/state", "4");
	} else if (!strcmp(path, BACKEND "/state") && !strcmp(value(path), "5")) {
		xenport_write(xp, 0, BACKEND "/state", "6");
	}
}

static void serve_badly(struct xenport *xp, const char *path)
{
	if (!strcmp(path, BACKEND "/state") && !strcmp(value(path), "1"))
		xenport_write(xp, 0, BACKEND "/error", "no fabric 'ib9'");
}

static void attach_makes_a_vib_and_records_it(void **state)
{
	(void)state;
	fake_on_write(fake, serve);
	assert_int_equal(run(cmd_attach, "web", "pkey=0x8001", "link=up", NULL), 0);
	assert_string_equal(value(BACKEND "/pkey"), "0x8001");
	assert_string_equal(value(BACKEND "/link"), "up");
	assert_non_null(strstr(output, "vib 0 of domain 5"));
	assert_int_equal(record_load(ctl.dirs.records, UUID_A, &record), 0);
	assert_string_equal(record.name, "web");
	assert_int_equal(record.vibs[0].source, VIB_FROM_ATTACH);
	assert_string_equal(record.vibs[0].text, "pkey=0x8001, link=up");
}

/* Vport 0: as `xl block-attach 0`. */
static void attach_and_detach_take_domain_0(void **state)
{
	static const char backend[] = "/local/domain/0/backend/vib/0/0";
	static const char frontend[] = "/local/domain/0/device/vib/0";

	(void)state;
	assert_int_equal(run(cmd_attach, "0", "fabric=ib0", "--no-wait", NULL), 0);
	assert_non_null(strstr(output, "vib 0 of domain 0"));
	assert_string_equal(value("/local/domain/0/backend/vib/0/0/frontend"), frontend);
	assert_string_equal(value("/local/domain/0/backend/vib/0/0/fabric"), "ib0");
	assert_string_equal(value("/local/domain/0/device/vib/0/backend"), backend);
	assert_string_equal(value("/local/domain/0/device/vib/0/backend-id"), "0");
	assert_int_equal(run(cmd_list, NULL, NULL, NULL, NULL), 0);
	assert_non_null(strstr(output, "Domain-0"));
	assert_int_equal(run(cmd_detach, "Domain-0", "0", NULL, NULL), 0);
	assert_null(fake_value(fake, backend));
	assert_null(fake_value(fake, frontend));
}

static void attach_says_what_is_wrong_and_changes_nothing(void **state)
{
	size_t before = fake_nodes(fake);

	(void)state;
	assert_int_equal(run(cmd_attach, "web", "pkey=1", NULL, NULL), EXIT_REFUSED);
	assert_non_null(strstr(messages, "pkey=\"1\""));
	assert_int_equal(run(cmd_attach, "nobody", NULL, NULL, NULL), EXIT_REFUSED);
	assert_non_null(strstr(messages, "no domain named \"nobody\""));
	assert_int_equal(run(cmd_attach, "9", NULL, NULL, NULL), EXIT_REFUSED);
	assert_non_null(strstr(messages, "no domain 9"));
	assert_int_equal(fake_nodes(fake), before);
	assert_int_equal(record_load(ctl.dirs.records, UUID_A, &record), -1);
}

static void attach_waits_but_not_for_ever(void **state)
{
	(void)state;
	assert_int_equal(run(cmd_attach, "web", "--timeout=0", NULL, NULL), EXIT_REFUSED);
	assert_non_null(strstr(messages, "is ibback running in domain 0?"));
	xenport_write(ctl.xp, 0, BACKEND "/state", "2");
	assert_int_equal(run(cmd_attach, "web", "--no-wait", NULL, NULL), 0);
}

static void attach_reports_the_backends_error(void **state)
{
	(void)state;
	fake_on_write(fake, serve_badly);
	assert_int_equal(run(cmd_attach, "web", "fabric=ib9", NULL, NULL), EXIT_REFUSED);
	assert_non_null(strstr(messages, "no fabric 'ib9'"));
}

static void attach_does_not_take_a_refused_ones_index(void **state)
{
	(void)state;
	record_init(&record, UUID_A, "web", 5);
	record_put(&record, 0, VIB_FROM_CONF, "pkey=0", "bad");
	assert_int_equal(record_save(ctl.dirs.records, &record), 0);
	assert_int_equal(run(cmd_attach, "5", "--no-wait", NULL, NULL), 0);
	assert_string_equal(value("/local/domain/0/backend/vib/5/1/state"), "1");
}

static void detach_closes_removes_and_forgets(void **state)
{
	(void)state;
	fake_on_write(fake, serve);
	assert_int_equal(run(cmd_attach, "web", NULL, NULL, NULL), 0);
	assert_int_equal(run(cmd_detach, "web", "0", NULL, NULL), 0);
	assert_null(fake_value(fake, "/local/domain/0/backend/vib/5"));
	assert_null(fake_value(fake, FRONTEND));
	assert_int_equal(record_load(ctl.dirs.records, UUID_A, &record), -1);
	assert_int_equal(run(cmd_detach, "web", "0", NULL, NULL), EXIT_REFUSED);
	assert_non_null(strstr(messages, "has no vib 0"));
	assert_int_equal(run(cmd_detach, "web", "x", NULL, NULL), EXIT_REFUSED);
	assert_non_null(strstr(messages, "from 0 to 31"));
}

static void detach_leaves_a_backend_that_will_not_close_unless_forced(void **state)
{
	(void)state;
	fake_on_write(fake, serve);
	assert_int_equal(run(cmd_attach, "web", NULL, NULL, NULL), 0);
	fake_on_write(fake, NULL);
	assert_int_equal(run(cmd_detach, "web", "0", "--timeout=0", NULL), EXIT_REFUSED);
	assert_non_null(strstr(messages, "--force"));
	assert_non_null(fake_value(fake, BACKEND));
	assert_int_equal(record_load(ctl.dirs.records, UUID_A, &record), 0);
	assert_int_equal(run(cmd_detach, "web", "0", "--force", NULL), 0);
	assert_null(fake_value(fake, BACKEND));
}

static void detach_takes_what_a_dead_domain_left(void **state)
{
	(void)state;
	assert_int_equal(run(cmd_attach, "web", "--no-wait", NULL, NULL), 0);
	fake_release(fake, 5);
	assert_int_equal(run(cmd_detach, "5", "0", NULL, NULL), 0);
	assert_null(fake_value(fake, "/local/domain/0/backend/vib/5"));
}

/* ---- set --------------------------------------------------------------- */

static void attach_web(const char *text)
{
	fake_on_write(fake, serve);
	assert_int_equal(run(cmd_attach, "web", text, NULL, NULL), 0);
	assert_int_equal(run(cmd_list, NULL, NULL, NULL, NULL), 0);
}

static void set_changes_nodes_and_what_a_reboot_has(void **state)
{
	(void)state;
	attach_web("pkey=0x8001, max_qp=9, gid=fe80::7");
	assert_int_equal(run(cmd_set, "web", "pkey=0x8001/0x2", "rate=2000M", "gid="), 0);
	assert_non_null(strstr(output, "vib 0 of domain 5 changed"));
	assert_string_equal(messages, "");
	assert_string_equal(value(BACKEND "/pkey"), "0x8001/0x0002");
	assert_string_equal(value(BACKEND "/rate"), "2G");
	assert_string_equal(value(BACKEND "/max-qp"), "9");
	assert_null(fake_value(fake, BACKEND "/gid"));
	assert_int_equal(record_load(ctl.dirs.records, UUID_A, &record), 0);
	assert_int_equal(record.vibs[0].source, VIB_FROM_SET);
	assert_non_null(strstr(record.vibs[0].text, "pkey=0x8001/0x0002"));
	assert_non_null(strstr(record.vibs[0].text, "rate=2G"));
	assert_non_null(strstr(record.vibs[0].text, "max_qp=9"));
	assert_null(strstr(record.vibs[0].text, "gid"));

	/* by number, with an index; the same again */
	assert_int_equal(run(cmd_set, "5/0", "rate=2G", "link=auto", NULL), 0);
	assert_string_equal(value(BACKEND "/link"), "auto");
	assert_int_equal(run(cmd_set, "5/0", "rate=2G", "link=auto", NULL), 0);
	assert_non_null(strstr(output, "is so already"));
	assert_int_equal(run(cmd_set, "5/0", "rate=1G", "--json", NULL), 0);
	assert_non_null(strstr(output, "\"changed\": 1"));
	assert_non_null(strstr(output, "\"rate\": \"1G\""));
}

/* Nothing of a set that is refused is in the store or in the record. */
static void refused(const char *vib, const char *a, const char *b, const char *why)
{
	static struct record before;
	size_t nodes = fake_nodes(fake);

	assert_int_equal(record_load(ctl.dirs.records, UUID_A, &before), 0);
	assert_int_equal(run(cmd_set, vib, a, b, NULL), EXIT_REFUSED);
	if (!strstr(messages, why))
		fail_msg("'%s' is not in: %s", why, messages);
	assert_int_equal(record_load(ctl.dirs.records, UUID_A, &record), 0);
	assert_string_equal(record.vibs[0].text, before.vibs[0].text);
	assert_int_equal(fake_nodes(fake), nodes);
	assert_null(fake_value(fake, BACKEND "/rate"));
}

static void set_is_all_or_nothing(void **state)
{
	(void)state;
	attach_web("pkey=0x8001");
	refused("web", "rate=1G", "pkey=0", "pkey=\"0\"");
	refused("web", "rate=1G", "fabric=ib0", "fabric cannot change while");
	refused("web", "rate=1G", "prot=1", "is no key of a vib");
	refused("web", "rate=1G", "port_guid=0x0002c90300000001", "vibctl detach");
	refused("web/1", "rate=1G", NULL, "domain 5 has no vib 1");
	refused("web/x", "rate=1G", NULL, "from 0 to 31");
	refused("nobody", "rate=1G", NULL, "no domain named");
	/* what is not to change is wrong already, and the backend would take none of it
	 */
	xenport_write(ctl.xp, 0, BACKEND "/link", "sideways");
	refused("web", "rate=1G", NULL, "a node that would stay is not right: link=");
	assert_int_equal(run(cmd_set, "web", "rate=1G", "link=", NULL), 0);
	assert_null(fake_value(fake, BACKEND "/link"));
}

static void set_wants_one_vib(void **state)
{
	(void)state;
	attach_web(NULL);
	assert_int_equal(run(cmd_attach, "web", "--no-wait", NULL, NULL), 0);
	refused("web", "rate=1G", NULL, "has 2 vibs; want DOMAIN/INDEX");
	assert_int_equal(run(cmd_set, "web/1", "rate=1G", NULL, NULL), 0);
	assert_string_equal(value("/local/domain/0/backend/vib/5/1/rate"), "1G");
}

static void set_leaves_vibs_alone_that_end_or_were_refused(void **state)
{
	(void)state;
	attach_web(NULL);
	xenport_write(ctl.xp, 0, BACKEND "/error", "no fabric");
	refused("web", "rate=1G", NULL, "its backend has refused the vib");
	xenport_rm(ctl.xp, 0, BACKEND "/error");
	xenport_write(ctl.xp, 0, BACKEND "/online", "0");
	refused("web", "rate=1G", NULL, "is being detached");
	xenport_write(ctl.xp, 0, BACKEND "/online", "1");
	xenport_write(ctl.xp, 0, BACKEND "/state", "6");
	refused("web", "rate=1G", NULL, "is being detached");
}

static void set_takes_no_gid_of_another_on_the_fabric(void **state)
{
	static const char other[] = "/local/domain/0/backend/vib/5/1";
	char path[128], text[64];

	(void)state;
	attach_web(NULL);
	assert_int_equal(run(cmd_attach, "web", "--no-wait", "gid=fe80::9",
			     "port_guid=0x0002c90300000001"),
			 0);
	refused("web/0", "rate=1G", "gid=fe80::7/fe80::9",
		"vib 1 of domain 5, on fabric 'local' too, has one");
	refused("web/0", "rate=1G", "gid=fe80::0002:c903:0000:0001", "has one of them");
	/* its own stay its own */
	snprintf(path, sizeof(path), "%s/gid", other);
	snprintf(text, sizeof(text), "gid=fe80::9/fe80::a");
	assert_int_equal(run(cmd_set, "web/1", text, NULL, NULL), 0);
	assert_string_equal(value(path), "fe80::9/fe80::a");
	/* and another fabric is another matter */
	snprintf(path, sizeof(path), "%s/fabric", other);
	xenport_write(ctl.xp, 0, path, "storage");
	assert_int_equal(run(cmd_set, "web/0", "gid=fe80::9", NULL, NULL), 0);
}

static void set_goes_on_when_it_is_disturbed(void **state)
{
	(void)state;
	attach_web(NULL);
	fake_disturb(fake, 3);
	assert_int_equal(run(cmd_set, "web", "rate=1G", NULL, NULL), 0);
	assert_string_equal(value(BACKEND "/rate"), "1G");
	fake_disturb(fake, 1000);
	assert_int_equal(run(cmd_set, "web", "rate=3G", NULL, NULL), EXIT_REFUSED);
	assert_string_equal(value(BACKEND "/rate"), "1G");
}

static void set_of_a_vib_without_a_record_says_so(void **state)
{
	(void)state;
	attach_web(NULL);
	assert_int_equal(record_drop(ctl.dirs.records, UUID_A), 0);
	assert_int_equal(run(cmd_set, "web", "rate=1G", NULL, NULL), 0);
	assert_string_equal(value(BACKEND "/rate"), "1G");
	assert_non_null(strstr(messages, "a reboot of domain 5 will not have it"));
}

/* ---- list, show, check ------------------------------------------------- */

static void list_shows_vibs_and_refusals(void **state)
{
	json_t *list, *row;

	(void)state;
	assert_int_equal(run(cmd_attach, "web", "pkey=0x8001", "--no-wait", NULL), 0);
	record_load(ctl.dirs.records, UUID_A, &record);
	record_put(&record, 1, VIB_FROM_CONF, "pkey=0", "pkey is bad");
	record_save(ctl.dirs.records, &record);

	assert_int_equal(run(cmd_list, NULL, NULL, NULL, NULL), 0);
	assert_non_null(strstr(output, "SOURCE"));
	assert_non_null(strstr(output, "no backend"));
	assert_non_null(strstr(output, "pkey is bad"));

	assert_int_equal(run(cmd_list, "--json", NULL, NULL, NULL), 0);
	list = json_loads(output, 0, NULL);
	assert_int_equal(json_array_size(list), 2);
	row = json_array_get(list, 0);
	assert_int_equal(json_integer_value(json_object_get(row, "domid")), 5);
	assert_string_equal(json_string_value(json_object_get(row, "name")), "web");
	assert_string_equal(json_string_value(json_object_get(row, "source")), "attach");
	assert_string_equal(json_string_value(json_object_get(row, "backend_state")),
			    "initialising");
	assert_string_equal(json_string_value(json_object_get(row, "fabric")), "local");
	assert_int_equal(
		json_integer_value(json_array_get(json_object_get(row, "pkeys"), 0)),
		0x8001);
	row = json_array_get(list, 1);
	assert_string_equal(json_string_value(json_object_get(row, "backend_state")),
			    "refused");
	assert_string_equal(json_string_value(json_object_get(row, "error")),
			    "pkey is bad");
	json_decref(list);
}

static void list_shows_a_node_that_became_wrong(void **state)
{
	(void)state;
	fake_on_write(fake, serve);
	assert_int_equal(run(cmd_attach, "web", NULL, NULL, NULL), 0);
	assert_int_equal(run(cmd_list, NULL, NULL, NULL, NULL), 0);
	assert_null(strstr(output, "want"));
	xenport_write(ctl.xp, 0, BACKEND "/pkey", "rub\xffish");
	xenport_write(ctl.xp, 0, BACKEND "/fabric", "\xff\xfe");
	assert_int_equal(run(cmd_list, "--json", NULL, NULL, NULL), 0);
	assert_non_null(strstr(output, "fabric=\\\"\\\\xff\\\\xfe\\\": "));
	assert_non_null(strstr(output, "; want 1 to 31 letters"));
	xenport_write(ctl.xp, 0, BACKEND "/fabric", "local");
	assert_int_equal(run(cmd_list, NULL, NULL, NULL, NULL), 0);
	assert_non_null(strstr(output, "pkey=\"rub\\xffish\": "));
	xenport_rm(ctl.xp, XENPORT_NO_TRANSACTION, BACKEND "/pkey");
	xenport_rm(ctl.xp, XENPORT_NO_TRANSACTION, BACKEND "/port-guid");
	assert_int_equal(run(cmd_list, NULL, NULL, NULL, NULL), 0);
	assert_non_null(strstr(output, "port-guid: it is missing"));
}

static void show_tells_what_the_schema_has_against_a_node(void **state)
{
	json_t *list, *vib;

	(void)state;
	assert_int_equal(run(cmd_attach, "web", "--no-wait", NULL, NULL), 0);
	xenport_write(ctl.xp, 0, FRONTEND "/ring-ref", "\x1b[31m");
	xenport_write(ctl.xp, 0, FRONTEND "/evil", "1");
	assert_int_equal(run(cmd_show, "web", NULL, NULL, NULL), 0);
	assert_null(strchr(output, '\x1b'));
	assert_non_null(strstr(output, "problem: ring-ref="));

	assert_int_equal(run(cmd_show, "5", "0", "--json", NULL), 0);
	list = json_loads(output, 0, NULL);
	assert_int_equal(json_array_size(list), 1);
	vib = json_array_get(list, 0);
	assert_int_equal(json_array_size(json_object_get(vib, "problems")), 2);
	assert_string_equal(json_string_value(json_object_get(
				    json_object_get(vib, "backend"), "state")),
			    "1");
	json_decref(list);
	assert_int_equal(run(cmd_show, "web", "3", NULL, NULL), EXIT_REFUSED);
}

static void check_needs_no_xen(void **state)
{
	struct xenport *saved = ctl.xp;
	const char *file = strdup(tempdir_path("web.cfg"));

	(void)state;
	ctl.xp = NULL;
	tempdir_write("web.cfg", "vib=['pkey=0x1', 'pkey=0']\n", 27);
	assert_int_equal(run(cmd_check, file, NULL, NULL, NULL), EXIT_REFUSED);
	assert_non_null(strstr(output, "vib 0: pkey=0x0001"));
	assert_non_null(strstr(output, "vib 1: refused: pkey=\"0\""));
	assert_int_equal(run(cmd_check, "--text", "", NULL, NULL), 0);
	assert_non_null(strstr(output, "all defaults"));
	assert_int_equal(run(cmd_check, "-t", "link=up", "--json", NULL), 0);
	assert_non_null(strstr(output, "\"link\": \"up\""));
	assert_int_equal(run(cmd_check, "/nonexistent.cfg", NULL, NULL, NULL),
			 EXIT_REFUSED);
	assert_non_null(strstr(messages, "/nonexistent.cfg"));
	assert_null(ctl.xp);
	ctl.xp = saved;
	free((char *)file);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(attach_makes_a_vib_and_records_it),
		T(attach_and_detach_take_domain_0),
		T(attach_says_what_is_wrong_and_changes_nothing),
		T(attach_waits_but_not_for_ever),
		T(attach_reports_the_backends_error),
		T(attach_does_not_take_a_refused_ones_index),
		T(detach_closes_removes_and_forgets),
		T(detach_leaves_a_backend_that_will_not_close_unless_forced),
		T(detach_takes_what_a_dead_domain_left),
		T(set_changes_nodes_and_what_a_reboot_has),
		T(set_is_all_or_nothing),
		T(set_wants_one_vib),
		T(set_leaves_vibs_alone_that_end_or_were_refused),
		T(set_takes_no_gid_of_another_on_the_fabric),
		T(set_goes_on_when_it_is_disturbed),
		T(set_of_a_vib_without_a_record_says_so),
		T(list_shows_vibs_and_refusals),
		T(list_shows_a_node_that_became_wrong),
		T(show_tells_what_the_schema_has_against_a_node),
		T(check_needs_no_xen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
