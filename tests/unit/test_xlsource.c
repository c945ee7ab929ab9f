// SPDX-License-Identifier: GPL-2.0-or-later
/* Finding what an xl was told, in a /proc of the test's own. */
#include "cm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_proc.h"
#include "provision/source.h"
#include "provision/xlargs.h"
#include "tempdir.h"

static struct xl_pool pool;
static struct xlconf conf;
static struct reason why;

static int setup(void **state)
{
	(void)state;
	tempdir_make();
	tempdir_mkdir("proc");
	tempdir_mkdir("vm");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	xl_pool_forget(&pool, NULL);
	tempdir_remove();
	return 0;
}

static void write_text(const char *name, const char *text)
{
	tempdir_write(name, text, strlen(text));
}

static void scan(void)
{
	assert_int_equal(xl_pool_scan(&pool, tempdir_path("proc"), geteuid(), false), 0);
}

static const char *vib_of(const char *domain)
{
	const struct xl_process *xl = xl_pool_find(&pool, domain, 0);

	return xl && xl->conf.count ? xl->conf.texts[0] : NULL;
}

static void a_config_yields_name_and_vibs(void **state)
{
	static const char text[] = "# a guest\nname = \"web\"\nmemory=256\n"
				   "vib = [ 'fabric=ib0, pkey=0x8001', \"\" ]\n";

	(void)state;
	assert_int_equal(xlconf_parse(text, strlen(text), "t", &conf, &why), 0);
	assert_string_equal(conf.name, "web");
	assert_true(conf.has_vib);
	assert_int_equal(conf.count, 2);
	assert_string_equal(conf.texts[0], "fabric=ib0, pkey=0x8001");
	assert_string_equal(conf.texts[1], "");
	xlconf_free(&conf);
}

static void parse_vib(const char *text)
{
	assert_int_equal(xlconf_parse(text, strlen(text), "t", &conf, &why), 0);
	xlconf_free(&conf);
}

static void a_vib_that_is_no_list_of_strings_is_named(void **state)
{
	char many[1024] = "vib=[";

	(void)state;
	parse_vib("vib='pkey=0x1'\n");
	assert_true(conf.has_vib && strstr(conf.error, "no list"));
	parse_vib("vib=[['a']]\n");
	assert_true(conf.has_vib && !conf.error[0]);
	assert_int_equal(conf.no_text, 1);
	for (int i = 0; i <= VIBS_MAX; i++)
		strcat(many, "'',");
	strcat(many, "]\n");
	parse_vib(many);
	assert_true(conf.has_vib && strstr(conf.error, "32 at most"));
	parse_vib("vib=[]\n");
	assert_true(conf.has_vib && !conf.error[0]);
	parse_vib("memory=1\n");
	assert_false(conf.has_vib);
}

static void a_config_with_an_error_names_line_and_file(void **state)
{
	static const char bad[] = "name='x'\nvib = [ 'a'\n";

	(void)state;
	assert_int_equal(xlconf_parse(bad, strlen(bad), "web.cfg", &conf, &why), -1);
	assert_non_null(strstr(why.text, "web.cfg:"));
}

static void only_regular_files_of_a_sane_size_are_read(void **state)
{
	(void)state;
	assert_int_equal(mkfifo(tempdir_path("fifo"), 0600), 0);
	assert_int_equal(xlconf_read(AT_FDCWD, tempdir_path("fifo"), "", &conf, &why),
			 -1);
	assert_int_equal(xlconf_read(AT_FDCWD, "/dev/zero", "", &conf, &why), -1);
	assert_int_equal(xlconf_read(AT_FDCWD, tempdir_path(""), "", &conf, &why), -1);
	write_text("big", "");
	assert_int_equal(truncate(tempdir_path("big"), 2 << 20), 0);
	assert_int_equal(xlconf_read(AT_FDCWD, tempdir_path("big"), "", &conf, &why), -1);
}

static int parse_args(const char *line, struct xl_args *args)
{
	static char buf[512];
	size_t length = strlen(line) + 1;

	memcpy(buf, line, length);
	for (size_t i = 0; i < length; i++)
		if (buf[i] == ' ')
			buf[i] = '\0';
	return xl_args_parse(buf, length, args);
}

static void command_lines_are_read_as_xl_does(void **state)
{
	static const struct {
		const char *line, *config, *extra;
	} good[] = {
		{ "xl create a.cfg", "a.cfg", "" },
		{ "/usr/sbin/xl -vv create -e -c /x/a.cfg", "/x/a.cfg", "" },
		{ "xl create a.cfg vib=['x'] memory=3", "a.cfg",
		  "vib=['x']\nmemory=3\n" },
		{ "xl create memory=3 a.cfg", "a.cfg", "memory=3\n" },
		{ "xl create -f a.cfg name=b", "a.cfg", "name=b\n" },
		{ "xl create -fa.cfg", "a.cfg", "" },
		{ "xl create -pf a.cfg", "a.cfg", "" },
		{ "xl create --defconfig=a.cfg -p", "a.cfg", "" },
		{ "xl create --defconfig a.cfg", "a.cfg", "" },
		{ "xl create -q -- -a.cfg", "-a.cfg", "" },
		{ "xl restore -p a.cfg saved", "a.cfg", "" },
	};
	static const char *const bad[] = {
		"",
		"xl",
		"xl list",
		"xl create",
		"xl create a.cfg b.cfg",
		"xl create -f",
		"xl create memory=3",
		"xl restore saved",
		"axl create a.cfg",
		"vim xl create a.cfg",
	};
	struct xl_args args;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(parse_args(good[i].line, &args), 0);
		assert_string_equal(args.config, good[i].config);
		assert_string_equal(args.extra, good[i].extra);
		xl_args_free(&args);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(parse_args(bad[i], &args), -1);
}

static void a_relative_config_is_found_where_xl_runs(void **state)
{
	(void)state;
	write_text("vm/web.cfg", "name='web'\nvib=['pkey=0x8001']\n");
	fake_process(10, 5000, "xl create web.cfg", tempdir_path("vm"));
	scan();
	assert_string_equal(vib_of("web"), "pkey=0x8001");
	assert_null(vib_of("db"));
	assert_int_equal(errno, ENOENT);
}

static void inline_arguments_are_appended(void **state)
{
	(void)state;
	write_text("vm/web.cfg", "name='web'\nvib=['pkey=0x8001']");
	fake_process(10, 5000, "xl create web.cfg name='db' vib=['link=up']",
		     tempdir_path("vm"));
	scan();
	assert_null(vib_of("web"));
	assert_string_equal(vib_of("db"), "link=up");
}

static void after_creation_a_relative_path_means_nothing(void **state)
{
	(void)state;
	write_text("vm/web.cfg", "name='web'\nvib=['pkey=0x8001']\n");
	fake_process(10, 5000, "xl create web.cfg", "/");
	scan();
	assert_null(vib_of("web"));
}

static void what_an_early_look_found_is_kept(void **state)
{
	(void)state;
	write_text("vm/web.cfg", "name='web'\nvib=['pkey=0x8001']\n");
	fake_process(10, 5000, "xl create web.cfg", tempdir_path("vm"));
	scan();
	fake_process(10, 5000, "xl create web.cfg", "/");
	scan();
	assert_string_equal(vib_of("web"), "pkey=0x8001");

	fake_process_end(10);
	assert_int_equal(xl_pool_scan(&pool, tempdir_path("proc"), geteuid(), true), 0);
	assert_string_equal(vib_of("web"), "pkey=0x8001");
	scan();
	assert_null(vib_of("web"));
}

static void two_that_agree_are_one_and_two_that_differ_are_none(void **state)
{
	(void)state;
	write_text("vm/a.cfg", "name='web'\nvib=['pkey=0x8001']\n");
	write_text("vm/b.cfg", "name='web'\nvib=['pkey=0x8001']\n#\n");
	write_text("vm/c.cfg", "name='web'\n");
	fake_process(10, 5000, "xl create a.cfg", tempdir_path("vm"));
	fake_process(11, 6000, "xl create b.cfg", tempdir_path("vm"));
	scan();
	assert_string_equal(vib_of("web"), "pkey=0x8001");
	fake_process(12, 7000, "xl create c.cfg", tempdir_path("vm"));
	scan();
	assert_null(vib_of("web"));
	assert_int_equal(errno, ENOTUNIQ);
	assert_non_null(xl_pool_find(&pool, "web", 7000));
}

static void a_reused_pid_is_another_process(void **state)
{
	(void)state;
	write_text("vm/web.cfg", "name='web'\nvib=['pkey=0x8001']\n");
	write_text("vm/db.cfg", "name='db'\nvib=['pkey=0x8002']\n");
	fake_process(10, 5000, "xl create web.cfg", tempdir_path("vm"));
	scan();
	fake_process(10, 9000, "xl create db.cfg", tempdir_path("vm"));
	scan();
	assert_null(vib_of("web"));
	assert_string_equal(vib_of("db"), "pkey=0x8002");
}

static void other_users_and_other_programs_do_not_count(void **state)
{
	(void)state;
	write_text("vm/web.cfg", "name='web'\nvib=['pkey=0x8001']\n");
	fake_process(10, 5000, "xl create web.cfg", tempdir_path("vm"));
	fake_process(11, 5000, "vim web.cfg", tempdir_path("vm"));
	assert_int_equal(xl_pool_scan(&pool, tempdir_path("proc"), geteuid() + 1, false),
			 0);
	assert_int_equal(pool.count, 0);
	scan();
	assert_int_equal(pool.count, 1);
}

static void a_setuid_program_called_xl_does_not_count(void **state)
{
	(void)state;
	write_text("vm/web.cfg", "name='web'\nvib=['pkey=0x8001']\n");
	fake_process(10, 5000, "xl create web.cfg", tempdir_path("vm"));
	fake_process_uids(10, geteuid() + 1, geteuid());
	scan();
	assert_int_equal(pool.count, 0);
}

static void a_config_that_is_no_file_is_not_opened(void **state)
{
	(void)state;
	tempdir_mkdir("vm/folder.cfg");
	fake_process(10, 5000, "xl create folder.cfg", tempdir_path("vm"));
	scan();
	assert_int_equal(pool.count, 0);
}

/* ---- the order of sources ---------------------------------------------- */

static char complaint[512];

static void complain(const char *line)
{
	snprintf(complaint, sizeof(complaint), "%s", line);
}

static struct record found, old;

static enum found find(const char *name, const struct record *before)
{
	struct dirs dirs = {
		.conf = tempdir_path("conf"),
		.xl = tempdir_path("xl"),
		.proc = tempdir_path("proc"),
	};

	complaint[0] = '\0';
	record_init(&found, "11111111-2222-3333-4444-555555555555", name, 7);
	return source_find(&dirs, &pool, before, &found, &why, complain);
}

static void sources_are_asked_in_order(void **state)
{
	(void)state;
	assert_int_equal(find("web", NULL), FOUND_NOTHING);

	write_text("xl/auto/web.cfg", "name='web'\nvib=['pkey=0x5']\n");
	assert_int_equal(find("web", NULL), FOUND_VIBS);
	assert_string_equal(found.vibs[0].text, "pkey=0x5");
	assert_int_equal(found.vibs[0].source, VIB_FROM_CFG);

	write_text("xl/web.cfg", "name='web'\nvib=['pkey=0x4', 'pkey=0x44']\n");
	assert_int_equal(find("web", NULL), FOUND_VIBS);
	assert_int_equal(found.count, 2);
	assert_string_equal(found.vibs[1].text, "pkey=0x44");
	assert_int_equal(found.vibs[1].index, 1);

	write_text("vm/web.cfg", "name='web'\nvib=['pkey=0x3']\n");
	fake_process(10, 5000, "xl create web.cfg", tempdir_path("vm"));
	scan();
	assert_int_equal(find("web", NULL), FOUND_VIBS);
	assert_string_equal(found.vibs[0].text, "pkey=0x3");
	assert_int_equal(found.vibs[0].source, VIB_FROM_XL);

	write_text("conf/web.conf", "vib=['pkey=0x2']\n");
	assert_int_equal(find("web", NULL), FOUND_VIBS);
	assert_string_equal(found.vibs[0].text, "pkey=0x2");
	assert_int_equal(found.vibs[0].source, VIB_FROM_CONF);

	record_init(&old, found.uuid, "web", 3);
	record_put(&old, 1, VIB_FROM_ATTACH, "pkey=0x1", "");
	old.made_ms = 6000;
	assert_int_equal(find("web", &old), FOUND_VIBS);
	assert_string_equal(found.vibs[0].text, "pkey=0x1");
	assert_int_equal(found.vibs[0].index, 1);
	assert_int_equal(found.vibs[0].source, VIB_FROM_RECORD);

	/* That xl was started again since. */
	old.made_ms = 4000;
	assert_int_equal(find("web", &old), FOUND_VIBS);
	assert_string_equal(found.vibs[0].text, "pkey=0x3");
}

static void a_cfg_must_name_the_domain(void **state)
{
	(void)state;
	write_text("xl/web.cfg", "name='other'\nvib=['pkey=0x4']\n");
	assert_int_equal(find("web", NULL), FOUND_NOTHING);
}

/* The file of this domain counts, also when it cannot be read: what is wrong is shown. */
static void a_conf_that_makes_no_sense_refuses(void **state)
{
	(void)state;
	write_text("xl/web.cfg", "name='web'\nvib=['pkey=0x4']\n");
	write_text("conf/web.conf", "vib=[ 'pkey=0x2'\nrubbish");
	assert_int_equal(find("web", NULL), FOUND_VIBS);
	assert_int_equal(found.count, 1);
	assert_string_equal(found.vibs[0].text, "");
	assert_int_equal(found.vibs[0].source, VIB_FROM_CONF);
	assert_non_null(strstr(found.vibs[0].error, "web.conf:"));
	/* As it was found, so it stays over a reboot. */
	old = found;
	old.domid = 3;
	assert_int_equal(find("web", &old), FOUND_VIBS);
	assert_string_equal(found.vibs[0].error, old.vibs[0].error);
}

static void a_cfg_that_makes_no_sense_is_passed(void **state)
{
	(void)state;
	write_text("xl/web.cfg", "vib=[\n");
	write_text("xl/auto/web.cfg", "name='web'\nvib=['pkey=0x5']\n");
	assert_int_equal(find("web", NULL), FOUND_VIBS);
	assert_string_equal(found.vibs[0].text, "pkey=0x5");
	assert_non_null(strstr(complaint, "web.cfg"));
}

static void one_that_is_no_string_is_refused_alone(void **state)
{
	(void)state;
	write_text("conf/web.conf", "vib=['pkey=0x2', ['pkey=0x3'], 'pkey=0x4']\n");
	assert_int_equal(find("web", NULL), FOUND_VIBS);
	assert_int_equal(found.count, 3);
	assert_string_equal(found.vibs[0].error, "");
	assert_non_null(strstr(found.vibs[1].error, "no string"));
	assert_string_equal(found.vibs[2].text, "pkey=0x4");
	assert_string_equal(found.vibs[2].error, "");
}

static void a_name_leads_to_no_other_folder(void **state)
{
	(void)state;
	tempdir_mkdir("conf");
	write_text("secret.conf", "vib=['pkey=0x4']\n");
	write_text("conf/.hidden.conf", "vib=['pkey=0x4']\n");
	assert_int_equal(find("../secret", NULL), FOUND_NOTHING);
	assert_int_equal(find(".hidden", NULL), FOUND_NOTHING);
}

static void a_config_without_vib_means_no_vibs(void **state)
{
	(void)state;
	write_text("xl/web.cfg", "name='web'\nvib=['pkey=0x4']\n");
	write_text("vm/web.cfg", "name='web'\n");
	fake_process(10, 5000, "xl create web.cfg", tempdir_path("vm"));
	scan();
	assert_int_equal(find("web", NULL), FOUND_NO_VIBS);
}

static void a_senseless_vib_is_one_refusal(void **state)
{
	(void)state;
	write_text("conf/web.conf", "vib='pkey=0x4'\n");
	assert_int_equal(find("web", NULL), FOUND_VIBS);
	assert_int_equal(found.count, 1);
	assert_non_null(strstr(found.vibs[0].error, "no list"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_config_yields_name_and_vibs),
		T(a_vib_that_is_no_list_of_strings_is_named),
		T(a_config_with_an_error_names_line_and_file),
		T(only_regular_files_of_a_sane_size_are_read),
		T(command_lines_are_read_as_xl_does),
		T(a_relative_config_is_found_where_xl_runs),
		T(inline_arguments_are_appended),
		T(after_creation_a_relative_path_means_nothing),
		T(what_an_early_look_found_is_kept),
		T(two_that_agree_are_one_and_two_that_differ_are_none),
		T(a_reused_pid_is_another_process),
		T(other_users_and_other_programs_do_not_count),
		T(a_setuid_program_called_xl_does_not_count),
		T(a_config_that_is_no_file_is_not_opened),
		T(sources_are_asked_in_order),
		T(a_cfg_must_name_the_domain),
		T(a_conf_that_makes_no_sense_refuses),
		T(a_cfg_that_makes_no_sense_is_passed),
		T(one_that_is_no_string_is_refused_alone),
		T(a_name_leads_to_no_other_folder),
		T(a_config_without_vib_means_no_vibs),
		T(a_senseless_vib_is_one_refusal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
