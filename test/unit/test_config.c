/* SPDX-License-Identifier: ISC */
/* config: what a file means, once it is accepted. */
#include "config_files.h"

#include "base/lateness.h"
#include "config/config_profile.h"

#define UNSET (-1)

/* Each text stands in a file of its own; the first rule is looked at. */
static const struct {
	const char *text;
	int value[KEEPALIVE_OPTIONS]; /* idle, interval, count, user, switch */
	uint32_t timeout_s;
	const char *profile;
} SETTINGS[] = {
    /* A rule without anything still switches keepalive on. */
    {"rule r { }", {UNSET, UNSET, UNSET, UNSET, 1}, 0, ""},
    {"rule r { idle = 5 }", {5, UNSET, UNSET, UNSET, 1}, 0, ""},
    {"rule r { idle = \"5\" }", {5, UNSET, UNSET, UNSET, 1}, 0, ""},
    {"rule r { idle = '5' }", {5, UNSET, UNSET, UNSET, 1}, 0, ""},
    {"rule r { idle = 5s }", {5, UNSET, UNSET, UNSET, 1}, 0, ""},
    {"rule r { idle = 5000ms }", {5, UNSET, UNSET, UNSET, 1}, 0, ""},
    {"rule r { idle = 5min }", {300, UNSET, UNSET, UNSET, 1}, 0, ""},
    {"rule r { idle = 5h }", {18000, UNSET, UNSET, UNSET, 1}, 0, ""},
    {"rule r { idle = 1 }", {1, UNSET, UNSET, UNSET, 1}, 0, ""},
    {"rule r { idle = 00032767s }", {32767, UNSET, UNSET, UNSET, 1}, 0, ""},
    {"rule r { interval = 1 }", {UNSET, 1, UNSET, UNSET, 1}, 0, ""},
    {"rule r { interval = 32767 }", {UNSET, 32767, UNSET, UNSET, 1}, 0, ""},
    {"rule r { count = 1 }", {UNSET, UNSET, 1, UNSET, 1}, 0, ""},
    {"rule r { count = 127 }", {UNSET, UNSET, 127, UNSET, 1}, 0, ""},
    {"rule r { user-timeout = 1ms }", {UNSET, UNSET, UNSET, 1, 1}, 0, ""},
    {"rule r { user-timeout = 2min }", {UNSET, UNSET, UNSET, 120000, 1}, 0, ""},
    {"rule r { user-timeout = 2147483647ms }",
	{UNSET, UNSET, UNSET, INT32_MAX, 1}, 0, ""},
    {"rule r { action = keepalive }", {UNSET, UNSET, UNSET, UNSET, 1}, 0, ""},
    {"rule r { action = ignore }", {UNSET, UNSET, UNSET, UNSET, UNSET}, 0, ""},
    {"firewall-timeout = 300 idle = 5\nrule r { action = ignore }",
	{UNSET, UNSET, UNSET, UNSET, UNSET}, 0, ""},
    /* Derivation. */
    {"rule r { firewall-timeout = 15min }", {450, 90, 5, UNSET, 1}, 900, ""},
    {"rule r { firewall-timeout = 5 }", {2, 1, 5, UNSET, 1}, 5, ""},
    {"rule r { firewall-timeout = 18h }", {32400, 240, 15, UNSET, 1}, 64800,
	""},
    {"rule r { firewall-timeout = 8760h }", {32767, 240, 15, UNSET, 1},
	31536000, ""},
    {"rule r { profile = aws-nlb }", {175, 35, 5, UNSET, 1}, 350, "aws-nlb"},
    {"rule r { profile = linux-conntrack }", {32767, 240, 15, UNSET, 1}, 432000,
	"linux-conntrack"},
    /* What is written goes before what is derived. */
    {"rule r { firewall-timeout = 15min idle = 1min count = 9 }",
	{60, 90, 9, UNSET, 1}, 900, ""},
    {"rule r { count = 9 firewall-timeout = 15min }", {450, 90, 9, UNSET, 1},
	900, ""},
    /* Defaults hold where the rule says nothing. */
    {"idle = 7 interval = 30 count = 3 user-timeout = 8\nrule r { }",
	{7, 30, 3, 8000, 1}, 0, ""},
    {"idle = 7 interval = 30 count = 3\nrule r { interval = 9 }",
	{7, 9, 3, UNSET, 1}, 0, ""},
    {"firewall-timeout = 15min\nrule r { }", {450, 90, 5, UNSET, 1}, 900, ""},
    {"profile = azure-lb\nrule r { }", {120, 24, 5, UNSET, 1}, 240, "azure-lb"},
    /* A default as written goes before a derived default. */
    {"firewall-timeout = 15min interval = 30\nrule r { }",
	{450, 30, 5, UNSET, 1}, 900, ""},
    /* What a rule's own timeout derives goes before a default. */
    {"interval = 30 count = 3 idle = 7\nrule r { firewall-timeout = 15min }",
	{450, 90, 5, UNSET, 1}, 900, ""},
    {"profile = azure-lb\nrule r { firewall-timeout = 15min }",
	{450, 90, 5, UNSET, 1}, 900, ""},
    {"firewall-timeout = 15min\nrule r { profile = azure-lb }",
	{120, 24, 5, UNSET, 1}, 240, "azure-lb"},
    {"firewall-timeout = 15min\nrule r { idle = 1min }", {60, 90, 5, UNSET, 1},
	900, ""},
    {"user-timeout = 8\nrule r { firewall-timeout = 10 }", {5, 1, 5, 8000, 1},
	10, ""},
};

START_TEST(settings)
{
	struct loaded loaded;
	struct image_rule rule;

	load_good(SETTINGS[_i].text, &loaded);
	ck_assert_int_eq(image_rule_count(&loaded.image), 1);
	rule = rule_at(&loaded, 0);
	for (int o = 0; o < KEEPALIVE_OPTIONS; o++) {
		int want = SETTINGS[_i].value[o];

		ck_assert_int_eq(rule.options >> o & 1, want != UNSET);
		if (want != UNSET)
			ck_assert_int_eq(rule.value[o], want);
		ck_assert_int_eq(
		    rule.origin[o].kind != ORIGIN_NONE, want != UNSET);
	}
	ck_assert_int_eq(rule.timeout_s, SETTINGS[_i].timeout_s);
	ck_assert_str_eq(
	    image_string(&loaded.image, rule.profile), SETTINGS[_i].profile);
	unload(&loaded);
}
END_TEST

START_TEST(inherit)
{
	static const struct {
		const char *text;
		uint32_t flags;
	} CASES[] = {
	    {"rule r { }", 0},
	    {"inherit = true\nrule r { }", 0},
	    {"inherit = false\nrule r { }", IMAGE_NO_INHERIT},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct image_header header;
		struct loaded loaded;

		load_good(CASES[i].text, &loaded);
		ck_assert(image_header(&loaded.image, &header));
		ck_assert_uint_eq(header.flags, CASES[i].flags);
		unload(&loaded);
	}
}
END_TEST

/* Each file that was read, as stat(2) has it, in the order of reading. */
START_TEST(sources)
{
	struct image_source source;
	struct loaded loaded;
	struct stat st;

	file_write("b.conf", "idle = 5min\n");
	load_good("include(\"b.conf\")\nrule r { }\n", &loaded);
	for (uint32_t i = 0; i < 2; i++) {
		const char *path;

		ck_assert(image_source(&loaded.image, i, &source));
		path = image_string(&loaded.image, source.path);
		ck_assert_ptr_nonnull(
		    strstr(path, i == 0 ? "a.conf" : "b.conf"));
		ck_assert_int_eq(stat(path, &st), 0);
		ck_assert_uint_eq(source.inode, st.st_ino);
		ck_assert_uint_eq(source.device, st.st_dev);
		ck_assert_uint_eq(source.size, (uint64_t)st.st_size);
		ck_assert_int_eq(source.mtime_s, st.st_mtim.tv_sec);
		ck_assert_uint_eq(
		    source.mtime_ns, (uint32_t)st.st_mtim.tv_nsec);
	}
	ck_assert(!image_source(&loaded.image, 2, &source));
	unload(&loaded);
}
END_TEST

START_TEST(words)
{
	static const char *const DIRECTIONS[] = {"both", "connect", "accept"};
	static const uint32_t DIRECTION[] = {
	    DIRECTION_BOTH, DIRECTION_CONNECT, DIRECTION_ACCEPT};
	static const char *const APPS[] = {"override", "tighten", "respect"};
	static const uint32_t APP[] = {APP_OVERRIDE, APP_TIGHTEN, APP_RESPECT};
	struct loaded loaded;
	char text[256];

	for (int i = 0; i < 3; i++) {
		snprintf(text, sizeof(text),
		    "app-settings = %s\nrule r { direction = %s }\n"
		    "rule s { app-settings = %s port = 1 }",
		    APPS[i], DIRECTIONS[i], APPS[(i + 1) % 3]);
		load_good(text, &loaded);
		ck_assert_int_eq(rule_at(&loaded, 0).direction, DIRECTION[i]);
		ck_assert_int_eq(rule_at(&loaded, 0).app_settings, APP[i]);
		ck_assert_int_eq(
		    rule_at(&loaded, 1).app_settings, APP[(i + 1) % 3]);
		ck_assert_int_eq(rule_at(&loaded, 1).action, ACTION_KEEPALIVE);
		unload(&loaded);
	}
	load_good("rule r { }\n", &loaded);
	ck_assert_int_eq(rule_at(&loaded, 0).direction, DIRECTION_BOTH);
	ck_assert_int_eq(rule_at(&loaded, 0).app_settings, APP_OVERRIDE);
	unload(&loaded);
	load_good("rule r { action = ignore }\n", &loaded);
	ck_assert_int_eq(rule_at(&loaded, 0).action, ACTION_IGNORE);
	unload(&loaded);
}
END_TEST

/* All kinds of comments and blanks, and every option's file and line. */
START_TEST(origins)
{
	static const char TEXT[] = "\xef\xbb\xbf# one\r\n"
				   "// two /* not open\n"
				   "/* three\n"
				   " * four # */ interval\n"
				   "= /*\n\n*/ \"30s\" # 7\n"
				   "user-timeout = 1h profile = azure-lb\n"
				   "##### 9\n"
				   "rule one {\r\n"
				   "\tidle = '1min' // 11\n"
				   "\tport = { # 12\n"
				   "\t\t1, /* 13 */ 2, // 13\n"
				   "\t}\n"
				   "}\n"
				   "rule two\n"
				   "{\n"
				   "\n"
				   "}\n"
				   "rule \"thr\\\"ee\" { # 20\n"
				   "\n"
				   "\tfirewall-timeout = 100\n"
				   "}";
	static const struct {
		const char *name;
		uint32_t line;
		struct {
			uint32_t kind;
			uint32_t line;
		} origin[KEEPALIVE_OPTIONS];
	} want[] = {
	    {"one", 10,
		{{ORIGIN_RULE, 11}, {ORIGIN_DEFAULT, 4}, {ORIGIN_PROFILE, 8},
		    {ORIGIN_DEFAULT, 8}, {ORIGIN_RULE, 10}}},
	    {"two", 17,
		{{ORIGIN_PROFILE, 8}, {ORIGIN_DEFAULT, 4}, {ORIGIN_PROFILE, 8},
		    {ORIGIN_DEFAULT, 8}, {ORIGIN_RULE, 17}}},
	    {"thr\"ee", 20,
		{{ORIGIN_TIMEOUT, 22}, {ORIGIN_TIMEOUT, 22},
		    {ORIGIN_TIMEOUT, 22}, {ORIGIN_DEFAULT, 8},
		    {ORIGIN_RULE, 20}}},
	};
	struct loaded loaded;

	load_good(TEXT, &loaded);
	ck_assert_int_eq(image_rule_count(&loaded.image), ARRAY_LEN(want));
	for (uint32_t i = 0; i < ARRAY_LEN(want); i++) {
		struct image_rule rule = rule_at(&loaded, i);

		ck_assert_str_eq(
		    image_string(&loaded.image, rule.name), want[i].name);
		ck_assert_str_eq(image_string(&loaded.image, rule.file),
		    file_path("a.conf"));
		ck_assert_int_eq(rule.line, want[i].line);
		for (int o = 0; o < KEEPALIVE_OPTIONS; o++) {
			ck_assert_int_eq(
			    rule.origin[o].kind, want[i].origin[o].kind);
			/* A key's value may stand below its name. */
			if (o != KEEPALIVE_INTERVAL || i == 2)
				ck_assert_int_eq(rule.origin[o].line,
				    want[i].origin[o].line);
			else
				ck_assert_int_eq(rule.origin[o].line, 7);
			ck_assert_str_eq(
			    image_string(&loaded.image, rule.origin[o].file),
			    file_path("a.conf"));
		}
	}
	unload(&loaded);
}
END_TEST

static int
decide(const struct loaded *loaded, enum direction direction,
    const char *source, const char *destination, uint16_t port)
{
	struct match_query query = {.direction = direction, .port = port};

	ck_assert_int_eq(addr_parse(source, &query.source), 0);
	ck_assert_int_eq(addr_parse(destination, &query.destination), 0);
	return match_rule(&loaded->image, NULL, &query);
}

START_TEST(first_match)
{
	static const char TEXT[] =
	    "rule loopback { destination = { \"127.0.0.0/8\", ::1 }\n"
	    "                action = ignore }\n"
	    "rule backup { direction = connect\n"
	    "    destination = { 10.20.0.0/16, \"2001:db8:20::/48\" }\n"
	    "    port = { \"3300-3399\" } port += 11000 port += { 1, 2 } }\n"
	    "rule wide { destination = \"10.0.0.0/8\" }\n"
	    "rule clients { direction = accept source = 172.16.0.0/12 }\n"
	    "rule rest { port = \"1-65535\" }\n";
	static const struct {
		enum direction direction;
		const char *source;
		const char *destination;
		uint16_t port;
		int rule;
	} queries[] = {
	    {DIRECTION_CONNECT, "127.0.0.1", "127.0.0.1", 3300, 0},
	    {DIRECTION_ACCEPT, "::1", "::1", 80, 0},
	    {DIRECTION_CONNECT, "1.1.1.1", "10.20.3.4", 3300, 1},
	    {DIRECTION_CONNECT, "1.1.1.1", "10.20.3.4", 3399, 1},
	    {DIRECTION_CONNECT, "1.1.1.1", "10.20.3.4", 11000, 1},
	    {DIRECTION_CONNECT, "1.1.1.1", "10.20.3.4", 2, 1},
	    {DIRECTION_CONNECT, "1.1.1.1", "::ffff:10.20.3.4", 2, 1},
	    {DIRECTION_CONNECT, "::2", "2001:db8:20::9", 3350, 1},
	    {DIRECTION_CONNECT, "1.1.1.1", "10.20.3.4", 3400, 2},
	    {DIRECTION_ACCEPT, "1.1.1.1", "10.20.3.4", 3300, 2},
	    {DIRECTION_ACCEPT, "172.31.255.255", "9.9.9.9", 3300, 3},
	    {DIRECTION_CONNECT, "172.31.255.255", "9.9.9.9", 3300, 4},
	    {DIRECTION_ACCEPT, "172.32.0.0", "9.9.9.9", 3300, 4},
	};
	struct loaded loaded;

	load_good(TEXT, &loaded);
	for (size_t i = 0; i < ARRAY_LEN(queries); i++)
		ck_assert_int_eq(
		    decide(&loaded, queries[i].direction, queries[i].source,
			queries[i].destination, queries[i].port),
		    queries[i].rule);
	ck_assert_str_eq(loaded.warnings, "");
	unload(&loaded);
}
END_TEST

START_TEST(programs)
{
	struct loaded loaded;
	struct image_rule rule;

	load_good("rule r { program = { \"sm_*\", stpd } program += 'a b' }\n"
		  "rule s { program = \"[xy]?\" }\nrule t { }",
	    &loaded);
	rule = rule_at(&loaded, 0);
	ck_assert_int_eq(rule.program_count, 3);
	ck_assert_str_eq(image_program(&loaded.image, &rule, 0), "sm_*");
	ck_assert_str_eq(image_program(&loaded.image, &rule, 1), "stpd");
	ck_assert_str_eq(image_program(&loaded.image, &rule, 2), "a b");
	rule = rule_at(&loaded, 1);
	ck_assert_int_eq(rule.program_count, 1);
	ck_assert_str_eq(image_program(&loaded.image, &rule, 0), "[xy]?");
	ck_assert_int_eq(rule_at(&loaded, 2).program_count, 0);
	unload(&loaded);
}
END_TEST

static int64_t
latest_ms(int64_t seconds)
{
	return seconds * 1000 + lateness_ms(0, seconds * 1000);
}

/*
 * For every timeout up to a day: enough probes before it, and none too eager.
 * However late the kernel's timers are, two in a row may be lost, and the third
 * is in time; and Linux's connection tracking finds each within its 300 s.
 */
START_TEST(derivation)
{
	enum { FIRST = 5, LAST = 24 * 3600, PER_FILE = 16384 };
	char *text = malloc((size_t)PER_FILE * 64);

	ck_assert_ptr_nonnull(text);
	for (uint32_t first = FIRST; first <= LAST; first += PER_FILE) {
		struct loaded loaded;
		size_t used = 0;
		uint32_t count = 0;

		for (; count < PER_FILE && first + count <= LAST; count++)
			used += (size_t)sprintf(text + used,
			    "rule r%u { firewall-timeout = %us }\n",
			    first + count, first + count);
		load_good(text, &loaded);
		ck_assert_int_eq(image_rule_count(&loaded.image), count);
		for (uint32_t i = 0; i < count; i++) {
			struct image_rule rule = rule_at(&loaded, i);
			uint32_t timeout = first + i;
			uint32_t idle = (uint32_t)rule.value[KEEPALIVE_IDLE];
			uint32_t interval =
			    (uint32_t)rule.value[KEEPALIVE_INTERVAL];
			uint32_t probes = (uint32_t)rule.value[KEEPALIVE_COUNT];
			uint32_t before = 0;

			for (uint32_t n = 0; n < probes; n++)
				before += idle + n * interval < timeout;
			ck_assert_int_ge(idle, 1);
			ck_assert_int_ge(interval, 1);
			ck_assert_int_lt(idle, timeout);
			ck_assert_int_le(idle, 32767);
			ck_assert_int_ge(before, timeout < 10 ? 3 : 5);
			ck_assert_int_lt(
			    latest_ms(idle) + 2 * latest_ms(interval),
			    timeout * INT64_C(1000));
			ck_assert_int_lt(latest_ms(interval), 300000);
			/* Dead no sooner than forgotten, or after an hour. */
			if (interval < 240)
				ck_assert_int_gt(
				    idle + probes * interval + 5, timeout);
			else if (probes < 15)
				ck_assert_int_gt(
				    idle + (probes + 1) * interval, timeout);
			else
				ck_assert_int_eq(probes * interval, 3600);
		}
		unload(&loaded);
	}
	free(text);
}
END_TEST

START_TEST(profiles)
{
	for (int i = 0; i < CONFIG_PROFILES; i++) {
		const struct config_profile *profile = &config_profiles[i];
		struct loaded loaded;
		char text[128];

		if (i > 0)
			ck_assert_str_lt(profile[-1].name, profile->name);
		ck_assert_ptr_eq(config_profile_find(profile->name), profile);
		ck_assert_ptr_nonnull(profile->device);
		ck_assert_ptr_nonnull(profile->source);
		snprintf(text, sizeof(text), "rule r { profile = %s }",
		    profile->name);
		load_good(text, &loaded);
		ck_assert_int_eq(
		    rule_at(&loaded, 0).timeout_s, profile->timeout_s);
		ck_assert_str_eq(
		    image_string(&loaded.image, rule_at(&loaded, 0).profile),
		    profile->name);
		unload(&loaded);
	}
	ck_assert_ptr_null(config_profile_find("aws-nat"));
}
END_TEST

START_TEST(includes)
{
	struct loaded loaded;
	struct image_rule rule;

	mkdir(file_path("conf.d"), 0755);
	mkdir(file_path("conf.d/more"), 0755);
	file_write("conf.d/defaults.conf", "# 1\n/* 2\n*/ interval = 44");
	file_write("conf.d/a.conf",
	    "\nrule a { }\ninclude(more/b.conf)\n\nrule c { port = 3 }");
	file_write("conf.d/more/b.conf", "rule b { idle = 4 port = 2 }\n\n\n");
	/* The current directory has no say. */
	ck_assert_int_eq(chdir("/"), 0);
	load_good("include ( 'conf.d/defaults.conf' ) count = 8\n"
		  "include(\"conf.d/a.conf\")\n"
		  "\n"
		  "rule d { port = 4 }\n",
	    &loaded);
	ck_assert_int_eq(image_rule_count(&loaded.image), 4);

	rule = rule_at(&loaded, 0);
	ck_assert_str_eq(image_string(&loaded.image, rule.name), "a");
	ck_assert_str_eq(
	    image_string(&loaded.image, rule.file), file_path("conf.d/a.conf"));
	ck_assert_int_eq(rule.line, 2);
	ck_assert_int_eq(rule.value[KEEPALIVE_INTERVAL], 44);
	ck_assert_int_eq(rule.origin[KEEPALIVE_INTERVAL].line, 3);
	ck_assert_str_eq(
	    image_string(&loaded.image, rule.origin[KEEPALIVE_INTERVAL].file),
	    file_path("conf.d/defaults.conf"));
	ck_assert_int_eq(rule.value[KEEPALIVE_COUNT], 8);
	ck_assert_int_eq(rule.origin[KEEPALIVE_COUNT].line, 1);
	ck_assert_str_eq(
	    image_string(&loaded.image, rule.origin[KEEPALIVE_COUNT].file),
	    file_path("a.conf"));

	rule = rule_at(&loaded, 1);
	ck_assert_str_eq(image_string(&loaded.image, rule.name), "b");
	ck_assert_str_eq(image_string(&loaded.image, rule.file),
	    file_path("conf.d/more/b.conf"));
	rule = rule_at(&loaded, 2);
	ck_assert_str_eq(image_string(&loaded.image, rule.name), "c");
	ck_assert_int_eq(rule.line, 5);
	rule = rule_at(&loaded, 3);
	ck_assert_str_eq(image_string(&loaded.image, rule.name), "d");
	ck_assert_int_eq(rule.line, 4);
	ck_assert_str_eq(
	    image_string(&loaded.image, rule.file), file_path("a.conf"));
	unload(&loaded);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("config");
	TCase *tc = tcase_create("config");

	files_begin();
	tcase_add_loop_test(tc, settings, 0, ARRAY_LEN(SETTINGS));
	tcase_add_test(tc, words);
	tcase_add_test(tc, inherit);
	tcase_add_test(tc, sources);
	tcase_add_test(tc, origins);
	tcase_add_test(tc, first_match);
	tcase_add_test(tc, programs);
	tcase_add_test(tc, derivation);
	tcase_add_test(tc, profiles);
	tcase_add_test(tc, includes);
	tcase_set_timeout(tc, 60);
	suite_add_tcase(suite, tc);
	return files_end(test_main(suite));
}
