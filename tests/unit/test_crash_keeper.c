// SPDX-License-Identifier: GPL-2.0-or-later
/* ibback's memory stays for a moment when it is killed, and nothing else of it. */
#include "cm.h"

#include <ctype.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crash_keeper.h"
#include "daemon.h"
#include "libvib/bringup.h"
#include "libvib/memory.h"
#include "locked_file.h"
#include "pair.h"
#include "tempdir.h"

#define PATIENCE_MS 10000
#define STEP_MS     5
#define BYTES       (1u << 20)

static int start(void **state)
{
	(void)state;
	/* It has a keeper if it may have an HCA. */
	return daemon_start(&ibback, "[fabric roce0]\ndevice = none0\n") ? 0 : -1;
}

static int stop(void **state)
{
	(void)state;
	return daemon_stop(&ibback) ? 0 : -1;
}

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = STEP_MS * 1000000L }, NULL);
}

/* Of /proc/PID/stat: the name, without its parentheses, and numbers behind it. */
struct process {
	char name[32];
	char state;
	int ppid, pgrp, session;
};

static bool look_up(pid_t pid, struct process *p)
{
	char path[64];
	FILE *f;
	int n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "r");
	if (!f)
		return false;
	n = fscanf(f, "%*d (%31[^)]) %c %d %d %d", p->name, &p->state, &p->ppid, &p->pgrp,
		   &p->session);
	fclose(f);
	return n == 5;
}

static bool lives(pid_t pid)
{
	struct process p;

	return look_up(pid, &p) && p.state != 'Z' && p.state != 'X';
}

static bool goes(pid_t pid)
{
	for (int waited = 0; waited < PATIENCE_MS; waited += STEP_MS) {
		if (!lives(pid))
			return true;
		nap();
	}
	return false;
}

static bool reaches(pid_t pid, char state)
{
	struct process p;

	for (int waited = 0; waited < PATIENCE_MS; waited += STEP_MS) {
		if (look_up(pid, &p) && p.state == state)
			return true;
		nap();
	}
	return false;
}

/* The child of @parent that has the keeper's name, 0 for none. */
static pid_t find_keeper(pid_t parent)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	struct process p;
	pid_t found = 0;

	assert_non_null(proc);
	while ((entry = readdir(proc))) {
		pid_t pid = (pid_t)atoi(entry->d_name);

		if (isdigit((unsigned char)entry->d_name[0]) && look_up(pid, &p) &&
		    p.ppid == parent && strcmp(p.name, "ibback-keeper") == 0) {
			assert_int_equal(found, 0);
			found = pid;
		}
	}
	closedir(proc);
	return found;
}

/* Its, once it is ready. */
static pid_t keeper_of_ibback(void)
{
	pid_t keeper = 0;

	for (int waited = 0; !keeper && waited < PATIENCE_MS; waited += STEP_MS) {
		keeper = find_keeper(ibback.pid);
		nap();
	}
	assert_true(keeper > 0);
	assert_true(reaches(keeper, 'S'));
	return keeper;
}

static unsigned int descriptors(pid_t pid)
{
	struct dirent *entry;
	unsigned int n = 0;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	assert_non_null(dir);
	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

/* Whether anything of a guest's is mapped there. */
static bool maps_guests(pid_t pid)
{
	char path[64], line[512];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		found |= strstr(line, "memfd:") != NULL;
	fclose(f);
	return found;
}

static bool has_said(const char *words)
{
	char line[512];
	bool found = false;
	FILE *f = fopen(ibback.log, "r");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		found |= strstr(line, words) != NULL;
	fclose(f);
	return found;
}

/* A front end that has memory registered, and waits to be killed. */
static pid_t make_guest(void)
{
	struct side s;
	int fds[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* should a test fail */
		side_open(&s, ibback.socket, BYTES);
		if (write(fds[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &c, 1), 1);
	close(fds[0]);
	return pid;
}

static void end_guest(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void keeper_has_the_memory_and_no_descriptor_of_ibback(void **state)
{
	pid_t keeper = keeper_of_ibback(), guest = make_guest();
	struct process p;

	(void)state;
	assert_true(maps_guests(ibback.pid));
	assert_true(maps_guests(keeper));
	assert_int_equal(descriptors(keeper), 1); /* by which it waits */

	/* What kills ibback's group or session passes it by. */
	assert_true(look_up(keeper, &p));
	assert_int_equal(p.pgrp, keeper);
	assert_int_equal(p.session, keeper);
	end_guest(guest);
}

static void signals_do_not_end_the_keeper(void **state)
{
	static const int signals[] = {
		SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGPIPE
	};
	pid_t keeper = keeper_of_ibback();

	(void)state;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		assert_int_equal(kill(keeper, signals[i]), 0);
	for (int i = 0; i < 10; i++)
		nap();
	assert_true(lives(keeper));
	assert_true(lives(ibback.pid));
}

static void memory_outlives_a_killed_ibback_and_goes(void **state)
{
	pid_t keeper = keeper_of_ibback(), guest = make_guest();

	(void)state;
	/* Held up, so that there is something to be seen. */
	assert_int_equal(kill(keeper, SIGSTOP), 0);
	assert_true(reaches(keeper, 'T'));
	daemon_kill(&ibback);
	assert_true(lives(keeper));
	assert_true(maps_guests(keeper));
	end_guest(guest);

	assert_int_equal(kill(keeper, SIGCONT), 0);
	assert_true(goes(keeper));
	assert_true(daemon_restart(&ibback));
}

static void keeper_that_is_not_held_up_goes_by_itself(void **state)
{
	pid_t keeper = keeper_of_ibback();

	(void)state;
	for (int i = 0; i < 10; i++) {
		daemon_kill(&ibback);
		assert_true(goes(keeper));
		assert_true(daemon_restart(&ibback));
		keeper = keeper_of_ibback();
	}
}

static void ibback_restarts_beside_a_late_keeper(void **state)
{
	pid_t late = keeper_of_ibback(), guest, second;

	(void)state;
	assert_int_equal(kill(late, SIGSTOP), 0);
	daemon_kill(&ibback);
	assert_true(daemon_restart(&ibback));
	second = keeper_of_ibback();
	assert_int_not_equal(second, late);
	guest = make_guest();
	assert_true(maps_guests(ibback.pid));
	assert_false(maps_guests(late));

	assert_int_equal(kill(late, SIGCONT), 0);
	assert_true(goes(late));
	assert_true(lives(second));
	assert_true(lives(ibback.pid));
	end_guest(guest);
}

static void ibback_that_ends_well_leaves_no_keeper(void **state)
{
	pid_t keeper = keeper_of_ibback();

	(void)state;
	/* It would go by itself otherwise, a moment later. */
	assert_int_equal(kill(keeper, SIGSTOP), 0);
	assert_true(reaches(keeper, 'T'));
	assert_true(daemon_end(&ibback));
	assert_false(lives(keeper));
	assert_true(daemon_restart(&ibback));
}

static void ibback_without_a_wire_has_no_keeper(void **state)
{
	struct daemon plain = { 0 };

	(void)state;
	assert_true(daemon_start(&plain, NULL));
	assert_int_equal(find_keeper(plain.pid), 0);
	assert_true(daemon_stop(&plain));
}

static void loss_of_the_keeper_is_said_and_costs_nothing(void **state)
{
	pid_t keeper = keeper_of_ibback(), guest;

	(void)state;
	assert_int_equal(kill(keeper, SIGKILL), 0);
	for (int waited = 0; waited < PATIENCE_MS && !has_said("keeper was killed");
	     waited += STEP_MS)
		nap();
	assert_true(has_said("keeper was killed"));
	guest = make_guest();
	end_guest(guest);
	assert_true(daemon_end(&ibback));
	assert_true(daemon_restart(&ibback));
}

/*
 * A process of two keepers, of which the second, when it is held up, keeps what the first
 * does not unmap: tells their ids, and waits to be killed.
 */
static void be_kept(int fd)
{
	struct crash_keeper first, second;
	void *of_hca, *of_guest;
	char hca[512];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(hca, sizeof(hca), "%s", tempdir_path("dev/uverbs"));
	if (crash_keeper_start(&first, hca) < 0 ||
	    crash_keeper_start(&second, tempdir_path("none")) < 0)
		_exit(1);
	of_hca = map_locked("dev/uverbs0", 0);
	of_guest = map_locked("dev/gntdev", 0);
	if (!of_hca || !of_guest ||
	    write(fd, (pid_t[]){ first.pid, second.pid }, 2 * sizeof(pid_t)) < 0)
		_exit(1);
	for (;;)
		pause();
}

static void hca_is_closed_while_grants_are_still_mapped(void **state)
{
	pid_t process, keepers[2];
	int fds[2];

	(void)state;
	tempdir_make();
	assert_int_equal(pipe(fds), 0);
	process = fork();
	assert_true(process >= 0);
	if (process == 0)
		be_kept(fds[1]);
	close(fds[1]);
	assert_int_equal(read(fds[0], keepers, sizeof(keepers)), sizeof(keepers));
	close(fds[0]);
	assert_true(reaches(keepers[0], 'S'));
	assert_true(reaches(keepers[1], 'S'));
	assert_int_equal(kill(keepers[1], SIGSTOP), 0);
	assert_true(reaches(keepers[1], 'T'));
	assert_true(is_open("dev/uverbs0"));

	kill(process, SIGKILL);
	assert_int_equal(waitpid(process, NULL, 0), process);
	assert_true(goes(keepers[0]));
	assert_false(is_open("dev/uverbs0"));
	assert_true(is_open("dev/gntdev"));

	assert_int_equal(kill(keepers[1], SIGCONT), 0);
	assert_true(goes(keepers[1]));
	assert_false(is_open("dev/gntdev"));
	tempdir_remove();
}

#define T(f) cmocka_unit_test(f)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(keeper_has_the_memory_and_no_descriptor_of_ibback),
		T(signals_do_not_end_the_keeper),
		T(memory_outlives_a_killed_ibback_and_goes),
		T(keeper_that_is_not_held_up_goes_by_itself),
		T(ibback_restarts_beside_a_late_keeper),
		T(ibback_that_ends_well_leaves_no_keeper),
		T(ibback_without_a_wire_has_no_keeper),
		T(loss_of_the_keeper_is_said_and_costs_nothing),
		T(hca_is_closed_while_grants_are_still_mapped),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
