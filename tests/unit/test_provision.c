// SPDX-License-Identifier: GPL-2.0-or-later
/* Attaching and detaching a vib: what is in xenstore before and after. */
#include "cm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "fake_store.h"
#include "provision/attach.h"
#include "provision/detach.h"
#include "provision/states.h"
#include "tempdir.h"
#include "vibconf/vibconf.h"

#define UUID_A   "11111111-2222-3333-4444-555555555555"
#define UUID_B   "22222222-2222-3333-4444-555555555555"
#define BACKEND  "/local/domain/0/backend/vib/5/0"
#define FRONTEND "/local/domain/5/device/vib/0"

static struct fake_store *fake;
static struct xenport *xp;
static struct guid_host host;
static struct reason why;
static struct vib_id vib;

static int setup(void **state)
{
	(void)state;
	fake = fake_store_new();
	xp = fake_port(fake);
	tempdir_make();
	tempdir_write("machine-id", "0123456789abcdef0123456789abcdef\n", 33);
	guid_host_read(&host, tempdir_path("machine-id"));
	fake_introduce(fake, 5, UUID_A, "web");
	fake_introduce(fake, 6, UUID_B, "ibdom");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	xenport_close(xp);
	tempdir_remove();
	return 0;
}

static int attach(uint16_t domid, int index, const char *name, const char *text)
{
	struct vib_request request = {
		.domid = domid,
		.index = index,
		.name = name,
		.text = text,
		.host = &host,
	};

	why.text[0] = '\0';
	return vib_attach(xp, &request, &vib, &why);
}

static void assert_node(const char *dir, const char *key, const char *want)
{
	char path[XENPORT_PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, key);
	assert_non_null(fake_value(fake, path));
	assert_string_equal(fake_value(fake, path), want);
}

static void both_directories_are_written(void **state)
{
	(void)state;
	assert_int_equal(attach(5, VIB_ANY_INDEX, "web",
				"pkey=0x1/0x8001, max_qp=0x10, rate=10000M, prereg=all, "
				"max_dm=0x4"),
			 0);
	assert_int_equal(vib.backend, 0);
	assert_int_equal(vib.frontend, 5);
	assert_int_equal(vib.index, 0);
	assert_node(FRONTEND, "backend", BACKEND);
	assert_node(FRONTEND, "backend-id", "0");
	assert_node(FRONTEND, "state", "1");
	assert_node(BACKEND, "frontend", FRONTEND);
	assert_node(BACKEND, "frontend-id", "5");
	assert_node(BACKEND, "online", "1");
	assert_node(BACKEND, "state", "1");
	assert_node(BACKEND, "domain", "web");
	assert_node(BACKEND, "pkey", "0x0001/0x8001");
	assert_node(BACKEND, "max-qp", "16");
	assert_node(BACKEND, "rate", "10G");
	assert_node(BACKEND, "prereg", "all");
	assert_node(BACKEND, "max-dm", "4");
	assert_null(fake_value(fake, BACKEND "/fabric"));
}

static void every_node_written_passes_the_schema(void **state)
{
	char **keys, err[512];
	int n;

	(void)state;
	assert_int_equal(attach(5, 0, "wéb", "fabric=ib0, gid=fe80::1, link=down"), 0);
	n = xenport_list(xp, 0, BACKEND, &keys);
	assert_int_equal(n, 10);
	for (int i = 0; i < n; i++) {
		char path[XENPORT_PATH_MAX];

		snprintf(path, sizeof(path), BACKEND "/%s", keys[i]);
		assert_int_equal(schema_check(SCHEMA_BACKEND, keys[i],
					      fake_value(fake, path), err, sizeof(err)),
				 0);
	}
	free(keys);
}

static void each_side_owns_its_directory_and_reads_the_other(void **state)
{
	(void)state;
	assert_int_equal(attach(5, 0, "web", "backend=ibdom"), 0);
	assert_int_equal(vib.backend, 6);
	assert_string_equal(fake_perms(fake, FRONTEND), "n5,r6");
	assert_string_equal(fake_perms(fake, FRONTEND "/state"), "n5,r6");
	assert_string_equal(fake_perms(fake, "/local/domain/5/device/vib"), "n0,r5");
	assert_string_equal(fake_perms(fake, "/local/domain/6/backend/vib/5/0"), "n6,r5");
	assert_string_equal(fake_perms(fake, "/local/domain/6/backend/vib/5/0/port-guid"),
			    "n6,r5");
	/* The backend's domain must be able to list what it is to serve. */
	assert_string_equal(fake_perms(fake, "/local/domain/6/backend/vib/5"), "n0,r6");
	assert_node(FRONTEND, "backend-id", "6");
}

static void guids_follow_from_host_name_and_index(void **state)
{
	char first[32], second[32];

	(void)state;
	assert_int_equal(attach(5, 0, "web", ""), 0);
	strcpy(first, fake_value(fake, BACKEND "/port-guid"));
	assert_memory_equal(first, "0x06163e", 8);
	assert_string_not_equal(first, fake_value(fake, BACKEND "/node-guid"));
	assert_int_equal(attach(5, 1, "web", ""), 0);
	assert_string_not_equal(
		first, fake_value(fake, "/local/domain/0/backend/vib/5/1/port-guid"));

	assert_int_equal(vib_remove(xp, &(struct vib_id){ 0, 5, 0 }), 0);
	assert_int_equal(attach(5, 0, "web", ""), 0);
	strcpy(second, fake_value(fake, BACKEND "/port-guid"));
	assert_string_equal(first, second);
}

static void configured_guids_are_taken(void **state)
{
	(void)state;
	assert_int_equal(attach(5, 0, "web",
				"port_guid=0002:c903:000a:1234, "
				"node_guid=0x0002c903000a1230"),
			 0);
	assert_node(BACKEND, "port-guid", "0x0002c903000a1234");
	assert_node(BACKEND, "node-guid", "0x0002c903000a1230");
}

static void a_taken_generated_guid_is_passed_over(void **state)
{
	uint64_t first = guid_make(&host, "web", 0, "port", 0);
	char text[64];

	(void)state;
	snprintf(text, sizeof(text), "port_guid=0x%016llx", (unsigned long long)first);
	assert_int_equal(attach(6, 0, "ibdom", text), 0);
	assert_int_equal(attach(5, 0, "web", ""), 0);
	snprintf(text, sizeof(text), "0x%016llx",
		 (unsigned long long)guid_make(&host, "web", 0, "port", 1));
	assert_node(BACKEND, "port-guid", text);
}

static void a_port_guid_is_unique_on_its_fabric(void **state)
{
	size_t before;

	(void)state;
	assert_int_equal(attach(6, 0, "ibdom", "port_guid=0x0002c903000a1234"), 0);
	before = fake_nodes(fake);
	assert_int_equal(attach(5, 0, "web", "port_guid=0x0002c903000a1234"), -1);
	assert_int_equal(errno, EEXIST);
	assert_non_null(strstr(why.text, "vib 0 of domain 6"));
	assert_int_equal(fake_nodes(fake), before);
	assert_int_equal(attach(5, 0, "web", "port_guid=0x0002c903000a1234, fabric=ib0"),
			 0);
}

static void a_guid_of_the_dead_is_waited_for(void **state)
{
	(void)state;
	assert_int_equal(attach(5, 0, "web", ""), 0);
	fake_release(fake, 5);
	fake_introduce(fake, 7, UUID_A, "web");
	assert_int_equal(attach(7, 0, "web", ""), -1);
	assert_int_equal(errno, EBUSY);
	assert_int_equal(vib_remove(xp, &(struct vib_id){ 0, 5, 0 }), 0);
	assert_int_equal(attach(7, 0, "web", ""), 0);
}

static void refusals_write_nothing(void **state)
{
	size_t before = fake_nodes(fake);

	(void)state;
	assert_int_equal(attach(5, 0, "web", "pkey=1"), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(attach(5, 0, "web", "backend=nobody"), -1);
	assert_int_equal(errno, ENOENT);
	assert_non_null(strstr(why.text, "\"nobody\""));
	assert_int_equal(attach(5, 0, "web", "backend=9"), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(attach(9, 0, "gone", ""), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(attach(5, VIBS_MAX, "web", ""), -1);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(fake_nodes(fake), before);
}

static void an_index_is_taken_once(void **state)
{
	(void)state;
	assert_int_equal(attach(5, 0, "web", ""), 0);
	assert_int_equal(attach(5, 0, "web", ""), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(attach(5, 2, "web", ""), 0);
	assert_int_equal(attach(5, VIB_ANY_INDEX, "web", ""), 0);
	assert_int_equal(vib.index, 1);
	for (int i = 3; i < VIBS_MAX; i++)
		assert_int_equal(attach(5, VIB_ANY_INDEX, "web", ""), 0);
	assert_int_equal(attach(5, VIB_ANY_INDEX, "web", ""), -1);
	assert_int_equal(errno, ENOSPC);
}

static void what_the_guest_left_there_does_not_stay(void **state)
{
	(void)state;
	xenport_write(xp, 0, FRONTEND "/ring-ref", "7");
	assert_int_equal(attach(5, 0, "web", ""), 0);
	assert_null(fake_value(fake, FRONTEND "/ring-ref"));
}

static void a_disturbed_transaction_is_done_again(void **state)
{
	(void)state;
	fake_disturb(fake, 3);
	assert_int_equal(attach(5, 0, "web", ""), 0);
	assert_node(BACKEND, "state", "1");
	fake_disturb(fake, 1000);
	assert_int_equal(attach(5, 1, "web", ""), -1);
	assert_int_equal(errno, EAGAIN);
}

static void a_served_vib_is_closed_before_it_is_removed(void **state)
{
	(void)state;
	assert_int_equal(attach(5, 0, "web", ""), 0);
	xenport_write(xp, 0, BACKEND "/state", "4");
	fake_disturb(fake, 1);
	assert_int_equal(vib_close(xp, &vib), 1);
	assert_node(BACKEND, "online", "0");
	assert_node(BACKEND, "state", "5");
	assert_false(vib_closed(xp, &vib));
	assert_int_equal(vib_close(xp, &vib), 1);
	xenport_write(xp, 0, BACKEND "/state", "6");
	assert_true(vib_closed(xp, &vib));
	assert_int_equal(vib_close(xp, &vib), 0);
}

static void a_vib_that_nobody_served_can_go_at_once(void **state)
{
	(void)state;
	assert_int_equal(attach(5, 0, "web", ""), 0);
	assert_int_equal(vib_close(xp, &vib), 0);
	assert_node(BACKEND, "state", "1");
	/* And so can one whose backend directory went with its domain. */
	xenport_rm(xp, 0, BACKEND);
	assert_int_equal(vib_close(xp, &vib), 0);
	assert_true(vib_closed(xp, &vib));
}

static void removal_leaves_nothing_behind(void **state)
{
	struct vib_id first;

	(void)state;
	assert_int_equal(attach(5, 0, "web", ""), 0);
	first = vib;
	assert_int_equal(attach(5, 1, "web", ""), 0);
	assert_int_equal(vib_remove(xp, &first), 0);
	assert_null(fake_value(fake, BACKEND));
	assert_null(fake_value(fake, FRONTEND));
	assert_non_null(fake_value(fake, "/local/domain/0/backend/vib/5/1/state"));
	assert_int_equal(vib_remove(xp, &vib), 0);
	assert_null(fake_value(fake, "/local/domain/0/backend/vib/5"));
	assert_null(fake_value(fake, "/local/domain/5/device/vib"));
	assert_non_null(fake_value(fake, "/local/domain/5/device"));
}

static void removal_does_not_bring_a_dead_domain_back(void **state)
{
	(void)state;
	assert_int_equal(attach(5, 0, "web", ""), 0);
	fake_release(fake, 5);
	assert_int_equal(vib_close(xp, &vib), 0);
	assert_int_equal(vib_remove(xp, &vib), 0);
	assert_null(fake_value(fake, "/local/domain/5"));
	assert_null(fake_value(fake, "/local/domain/0/backend/vib/5"));
}

static void a_status_takes_no_nonsense_from_a_guest(void **state)
{
	struct vib_status status;

	(void)state;
	assert_int_equal(attach(5, 0, "web", ""), 0);
	xenport_write(xp, 0, FRONTEND "/state", "99");
	xenport_write(xp, 0, BACKEND "/error", "no such fabric");
	assert_int_equal(vib_read_status(xp, &vib, &status), 0);
	assert_int_equal(status.backend, VIB_INITIALISING);
	assert_int_equal(status.frontend, VIB_UNKNOWN);
	assert_string_equal(status.error, "no such fabric");
	vib_remove(xp, &vib);
	assert_int_equal(vib_read_status(xp, &vib, &status), -1);
}

static void a_host_without_machine_id_has_an_identity(void **state)
{
	struct guid_host other, again;

	(void)state;
	tempdir_write("empty", "", 0);
	guid_host_read(&other, tempdir_path("empty"));
	guid_host_read(&again, tempdir_path("none"));
	assert_memory_equal(&other, &again, sizeof(other));
	assert_memory_not_equal(&other, &host, sizeof(other));
	assert_true(guid_make(&other, "web", 0, "port", 0) !=
		    guid_make(&host, "web", 0, "port", 0));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(both_directories_are_written),
		T(every_node_written_passes_the_schema),
		T(each_side_owns_its_directory_and_reads_the_other),
		T(guids_follow_from_host_name_and_index),
		T(configured_guids_are_taken),
		T(a_taken_generated_guid_is_passed_over),
		T(a_port_guid_is_unique_on_its_fabric),
		T(a_guid_of_the_dead_is_waited_for),
		T(refusals_write_nothing),
		T(an_index_is_taken_once),
		T(what_the_guest_left_there_does_not_stay),
		T(a_disturbed_transaction_is_done_again),
		T(a_served_vib_is_closed_before_it_is_removed),
		T(a_vib_that_nobody_served_can_go_at_once),
		T(removal_leaves_nothing_behind),
		T(removal_does_not_bring_a_dead_domain_back),
		T(a_status_takes_no_nonsense_from_a_guest),
		T(a_host_without_machine_id_has_an_identity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
