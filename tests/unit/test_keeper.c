// SPDX-License-Identifier: GPL-2.0-or-later
/* vibd without its loop: domains come, go, and reboot. */
#include "cm.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fake_proc.h"
#include "fake_store.h"
#include "log.h"
#include "provision/states.h"
#include "tempdir.h"
#include "vibd/keeper.h"

#define UUID_0            "00000000-0000-0000-0000-000000000000"
#define UUID_A            "11111111-2222-3333-4444-555555555555"
#define UUID_B            "22222222-2222-3333-4444-555555555555"
#define VIB(domid, index) "/local/domain/0/backend/vib/" #domid "/" #index

static struct fake_store *fake;
static struct xenport *xp;
static struct dirs dirs;
static struct keeper k;
static struct record record;

static void start_vibd(void)
{
	keeper_init(&k, xp, &dirs);
	keeper_introduced(&k);
	keeper_released(&k);
}

static int setup(void **state)
{
	(void)state;
	log_open("test", LOG_LEVEL_ERR - 1);
	fake = fake_store_new();
	xp = fake_port(fake);
	tempdir_make();
	tempdir_mkdir("proc");
	tempdir_mkdir("vm");
	tempdir_write("machine-id", "0123456789abcdef0123456789abcdef\n", 33);
	dirs = (struct dirs){
		.records = strdup(tempdir_path("run/domains")),
		.conf = strdup(tempdir_path("conf")),
		.xl = strdup(tempdir_path("xl")),
		.proc = strdup(tempdir_path("proc")),
		.machine_id = strdup(tempdir_path("machine-id")),
	};
	start_vibd();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	keeper_free(&k);
	xenport_close(xp);
	tempdir_remove();
	free((char *)dirs.records);
	free((char *)dirs.conf);
	free((char *)dirs.xl);
	free((char *)dirs.proc);
	free((char *)dirs.machine_id);
	return 0;
}

static void write_text(const char *name, const char *text)
{
	tempdir_write(name, text, strlen(text));
}

static void write_conf(const char *name, const char *vibs)
{
	char file[64], text[1024];

	snprintf(file, sizeof(file), "conf/%s.conf", name);
	snprintf(text, sizeof(text), "vib = %s\n", vibs);
	write_text(file, text);
}

static void introduce(uint16_t domid, const char *uuid, const char *name)
{
	fake_introduce(fake, domid, uuid, name);
	keeper_introduced(&k);
}

static void release(uint16_t domid)
{
	fake_release(fake, domid);
	keeper_released(&k);
}

static const char *value(const char *path)
{
	const char *v = fake_value(fake, path);

	return v ? v : "(none)";
}

static void a_domain_gets_the_vibs_of_its_config(void **state)
{
	(void)state;
	write_text("vm/web.cfg", "name='web'\nvib=['pkey=0x8001','pkey=0x8002']\n");
	fake_process(10, boottime_ms(), "xl create web.cfg", tempdir_path("vm"));
	introduce(5, UUID_A, "web");
	assert_string_equal(value(VIB(5, 0) "/pkey"), "0x8001");
	assert_string_equal(value(VIB(5, 1) "/pkey"), "0x8002");
	assert_false(keeper_step(&k));
	assert_int_equal(record_load(dirs.records, UUID_A, &record), 0);
	assert_int_equal(record.count, 2);
	assert_int_equal(record.domid, 5);
	assert_int_equal(record.vibs[0].source, VIB_FROM_XL);
}

static void domains_without_vib_get_none(void **state)
{
	(void)state;
	introduce(5, UUID_A, "web");
	assert_null(fake_value(fake, "/local/domain/0/backend"));
	assert_int_equal(record_load(dirs.records, UUID_A, &record), -1);
	assert_false(keeper_step(&k));
}

/* Restarted: the domains that are there are looked at anew. */
static void restart_vibd(void)
{
	keeper_free(&k);
	start_vibd();
}

static void domain_0_gets_those_of_its_conf(void **state)
{
	(void)state;
	write_conf("Domain-0", "['pkey=0x8001', '']");
	restart_vibd();
	assert_string_equal(value(VIB(0, 0) "/pkey"), "0x8001");
	assert_string_equal(value(VIB(0, 1) "/frontend"), "/local/domain/0/device/vib/1");
	assert_string_equal(value("/local/domain/0/device/vib/0/backend-id"), "0");
	/* It is no guest that may be gone. */
	keeper_released(&k);
	keeper_sweep(&k);
	assert_string_equal(value(VIB(0, 0) "/online"), "1");
	assert_int_equal(record_load(dirs.records, UUID_0, &record), 0);
	assert_int_equal(record.count, 2);
	assert_int_equal(record.gone_ms, 0);
	/* The second time its record says what it has. */
	write_conf("Domain-0", "['', '', '']");
	restart_vibd();
	assert_null(fake_value(fake, VIB(0, 2)));
	assert_false(keeper_step(&k));
}

static void domain_0_has_no_other_source(void **state)
{
	(void)state;
	write_text("xl/Domain-0.cfg", "name='Domain-0'\nvib=['']\n");
	write_text("vm/evil.cfg", "name='Domain-0'\nvib=['']\n");
	fake_process(10, boottime_ms(), "xl create evil.cfg", tempdir_path("vm"));
	restart_vibd();
	assert_null(fake_value(fake, VIB(0, 0)));
	assert_false(keeper_step(&k));
}

static void a_name_that_comes_late_is_waited_for(void **state)
{
	size_t watches = fake_watches(fake);

	(void)state;
	write_text("vm/web.cfg", "name='web'\nvib=['pkey=0x8001']\n");
	fake_process(10, boottime_ms(), "xl create -e web.cfg", tempdir_path("vm"));
	introduce(5, UUID_A, NULL);
	assert_true(keeper_step(&k));
	assert_int_equal(fake_watches(fake), watches + 1);

	/* With -e the xl is gone by the time, and others are introduced. */
	fake_process_end(10);
	introduce(6, UUID_B, "other");
	assert_true(keeper_step(&k));
	fake_name(fake, 5, "web");
	assert_false(keeper_step(&k));
	assert_string_equal(value(VIB(5, 0) "/pkey"), "0x8001");
	assert_int_equal(fake_watches(fake), watches);
}

static void a_name_that_never_comes_is_given_up(void **state)
{
	(void)state;
	introduce(5, UUID_A, NULL);
	assert_true(keeper_step(&k));
	k.domains[1].deadline_ms = 0; /* behind domain 0 */
	assert_false(keeper_step(&k));
}

static void a_refused_vib_does_not_cost_the_others(void **state)
{
	(void)state;
	write_conf("web", "['pkey=0', 'pkey=0x8002', 'backend=nobody']");
	introduce(5, UUID_A, "web");
	assert_null(fake_value(fake, VIB(5, 0)));
	assert_string_equal(value(VIB(5, 1) "/pkey"), "0x8002");
	assert_null(fake_value(fake, VIB(5, 2)));
	assert_int_equal(record_load(dirs.records, UUID_A, &record), 0);
	assert_int_equal(record.count, 3);
	assert_non_null(strstr(record_find(&record, 0)->error, "pkey=\"0\""));
	assert_string_equal(record_find(&record, 1)->error, "");
	assert_non_null(strstr(record_find(&record, 2)->error, "nobody"));
}

static void a_dead_domains_vibs_are_closed_then_removed(void **state)
{
	size_t watches = fake_watches(fake);

	(void)state;
	write_conf("web", "['']");
	introduce(5, UUID_A, "web");
	xenport_write(xp, 0, VIB(5, 0) "/state", "4");
	release(5);
	assert_string_equal(value(VIB(5, 0) "/online"), "0");
	assert_string_equal(value(VIB(5, 0) "/state"), "5");
	assert_true(keeper_step(&k));
	/* Events of other domains do not begin it anew. */
	keeper_released(&k);
	assert_int_equal(k.removal_count, 1);

	xenport_write(xp, 0, VIB(5, 0) "/state", "6");
	assert_false(keeper_step(&k));
	assert_null(fake_value(fake, "/local/domain/0/backend/vib/5"));
	assert_null(fake_value(fake, "/local/domain/5"));
	assert_int_equal(fake_watches(fake), watches);
}

static void a_backend_that_does_not_close_has_its_time(void **state)
{
	(void)state;
	write_conf("web", "['']");
	introduce(5, UUID_A, "web");
	xenport_write(xp, 0, VIB(5, 0) "/state", "4");
	release(5);
	assert_true(k.removals[0].deadline_ms > boottime_ms() + VIB_CLOSE_MS / 2);
	k.removals[0].deadline_ms = 0;
	assert_false(keeper_step(&k));
	assert_null(fake_value(fake, "/local/domain/0/backend/vib/5"));
}

static void a_reboot_keeps_vibs_and_guids(void **state)
{
	char guid[32];

	(void)state;
	write_text("vm/web.cfg", "name='web'\nvib=['pkey=0x8001']\n");
	fake_process(10, boottime_ms() - 10, "xl create web.cfg", tempdir_path("vm"));
	introduce(5, UUID_A, "web");
	strcpy(guid, value(VIB(5, 0) "/port-guid"));
	fake_process(10, boottime_ms() - 10, "xl create web.cfg", "/");

	release(5);
	assert_int_equal(record_load(dirs.records, UUID_A, &record), 0);
	assert_true(record.gone_ms > 0);
	introduce(6, UUID_A, "web");
	assert_string_equal(value(VIB(6, 0) "/pkey"), "0x8001");
	assert_string_equal(value(VIB(6, 0) "/port-guid"), guid);
	assert_int_equal(record_load(dirs.records, UUID_A, &record), 0);
	assert_int_equal(record.domid, 6);
	assert_int_equal(record.gone_ms, 0);
	assert_int_equal(record.vibs[0].source, VIB_FROM_RECORD);
}

/* As it is under xl: a monitor is forked after creation, so after the record. */
static void a_reboot_is_not_a_fresh_create(void **state)
{
	(void)state;
	write_text("vm/web.cfg", "name='web'\nvib=['pkey=0x8001']\n");
	fake_process(10, boottime_ms() - 10, "xl create web.cfg", tempdir_path("vm"));
	introduce(5, UUID_A, "web");
	fake_process_end(10);
	fake_process(11, boottime_ms() + 50, "xl create web.cfg", tempdir_path("vm"));
	fake_process_output(11, "/var/log/xen/xl-web.log");
	assert_int_equal(record_load(dirs.records, UUID_A, &record), 0);
	assert_int_equal(record_put(&record, 3, VIB_FROM_ATTACH, "pkey=0x8003", ""), 0);
	assert_int_equal(record_save(dirs.records, &record), 0);

	release(5);
	introduce(6, UUID_A, "web");
	assert_string_equal(value(VIB(6, 0) "/pkey"), "0x8001");
	assert_string_equal(value(VIB(6, 3) "/pkey"), "0x8003");
}

/* Without a record, though, a monitor is as good as any: vibd came late. */
static void a_monitor_counts_where_there_is_no_record(void **state)
{
	(void)state;
	write_text("vm/web.cfg", "name='web'\nvib=['pkey=0x8001']\n");
	fake_process(11, 5000, "xl create web.cfg", tempdir_path("vm"));
	fake_process_output(11, "/var/log/xen/xl-web.log.1");
	introduce(5, UUID_A, "web");
	assert_string_equal(value(VIB(5, 0) "/pkey"), "0x8001");
}

static void a_reboot_waits_for_its_old_guids(void **state)
{
	char guid[32];

	(void)state;
	write_conf("web", "['']");
	introduce(5, UUID_A, "web");
	strcpy(guid, value(VIB(5, 0) "/port-guid"));
	xenport_write(xp, 0, VIB(5, 0) "/state", "4");
	release(5);
	introduce(6, UUID_A, "web");
	assert_null(fake_value(fake, VIB(6, 0)));
	assert_true(keeper_step(&k));
	xenport_write(xp, 0, VIB(5, 0) "/state", "6");
	assert_false(keeper_step(&k));
	assert_string_equal(value(VIB(6, 0) "/port-guid"), guid);
}

static void a_fresh_create_beats_the_record(void **state)
{
	(void)state;
	write_text("vm/web.cfg", "name='web'\nuuid='" UUID_A "'\nvib=['pkey=0x8001']\n");
	fake_process(10, boottime_ms() - 10, "xl create web.cfg", tempdir_path("vm"));
	introduce(5, UUID_A, "web");
	fake_process_end(10);
	release(5);
	write_text("vm/web.cfg", "name='web'\nuuid='" UUID_A "'\nvib=['pkey=0x8009']\n");
	fake_process(20, boottime_ms() + 50, "xl create web.cfg", tempdir_path("vm"));
	introduce(6, UUID_A, "web");
	assert_string_equal(value(VIB(6, 0) "/pkey"), "0x8009");
}

static void a_restarted_vibd_disturbs_nothing_and_makes_up(void **state)
{
	(void)state;
	write_conf("web", "['pkey=0x8001','pkey=0x8002']");
	introduce(5, UUID_A, "web");
	xenport_write(xp, 0, VIB(5, 0) "/state", "4");
	keeper_free(&k);

	/* Meanwhile: one vib lost, the conf changed, a domain come, one gone. */
	vib_remove(xp, &(struct vib_id){ 0, 5, 1 });
	write_conf("web", "['pkey=0x7777']");
	write_conf("db", "['pkey=0x8003']");
	fake_introduce(fake, 6, UUID_B, "db");
	xenport_write(xp, 0, VIB(9, 0) "/state", "6");
	start_vibd();
	assert_string_equal(value(VIB(5, 0) "/state"), "4");
	assert_string_equal(value(VIB(5, 0) "/pkey"), "0x8001");
	assert_string_equal(value(VIB(5, 1) "/pkey"), "0x8002");
	assert_string_equal(value(VIB(6, 0) "/pkey"), "0x8003");
	assert_null(fake_value(fake, "/local/domain/0/backend/vib/9"));
	assert_int_equal(record_load(dirs.records, UUID_A, &record), 0);
	assert_int_equal(record.vibs[0].source, VIB_FROM_CONF);
	assert_string_equal(record.vibs[0].error, "");
}

static void a_domain_is_given_its_vibs_once(void **state)
{
	(void)state;
	write_conf("web", "['']");
	introduce(5, UUID_A, "web");
	vib_remove(xp, &(struct vib_id){ 0, 5, 0 });
	keeper_introduced(&k);
	assert_null(fake_value(fake, VIB(5, 0)));
}

static void an_incoming_domain_goes_by_its_final_name(void **state)
{
	(void)state;
	write_conf("web", "['pkey=0x8001']");
	introduce(5, UUID_A, "web--incoming");
	assert_string_equal(value(VIB(5, 0) "/pkey"), "0x8001");
	assert_string_equal(value(VIB(5, 0) "/domain"), "web");
}

static void old_records_go_and_those_of_the_living_stay(void **state)
{
	(void)state;
	write_conf("web", "['']");
	write_conf("db", "['']");
	introduce(5, UUID_A, "web");
	introduce(6, UUID_B, "db");
	release(5);
	keeper_sweep(&k);
	assert_int_equal(record_load(dirs.records, UUID_A, &record), 0);
	/* As if it had gone so long ago: the clock begins at the host's boot. */
	record.gone_ms = 1;
	if (boottime_ms() <= KEEPER_RECORD_MS + 1)
		skip();
	assert_int_equal(record_save(dirs.records, &record), 0);
	keeper_sweep(&k);
	assert_int_equal(record_load(dirs.records, UUID_A, &record), -1);
	assert_int_equal(record_load(dirs.records, UUID_B, &record), 0);
}

static void what_is_no_record_is_swept_away(void **state)
{
	(void)state;
	write_text("run/domains/" UUID_B ".json", "{");
	keeper_sweep(&k);
	assert_int_equal(access(tempdir_path("run/domains/" UUID_B ".json"), F_OK), -1);
}

static void a_release_that_was_missed_is_swept_up(void **state)
{
	(void)state;
	write_conf("web", "['']");
	introduce(5, UUID_A, "web");
	fake_release(fake, 5);
	keeper_sweep(&k);
	assert_null(fake_value(fake, "/local/domain/0/backend/vib/5"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_domain_gets_the_vibs_of_its_config),
		T(domains_without_vib_get_none),
		T(domain_0_gets_those_of_its_conf),
		T(domain_0_has_no_other_source),
		T(a_name_that_comes_late_is_waited_for),
		T(a_name_that_never_comes_is_given_up),
		T(a_refused_vib_does_not_cost_the_others),
		T(a_dead_domains_vibs_are_closed_then_removed),
		T(a_backend_that_does_not_close_has_its_time),
		T(a_reboot_keeps_vibs_and_guids),
		T(a_reboot_is_not_a_fresh_create),
		T(a_monitor_counts_where_there_is_no_record),
		T(a_reboot_waits_for_its_old_guids),
		T(a_fresh_create_beats_the_record),
		T(a_restarted_vibd_disturbs_nothing_and_makes_up),
		T(a_domain_is_given_its_vibs_once),
		T(an_incoming_domain_goes_by_its_final_name),
		T(old_records_go_and_those_of_the_living_stay),
		T(what_is_no_record_is_swept_away),
		T(a_release_that_was_missed_is_swept_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
