/* SPDX-License-Identifier: ISC */
/*
 * What kashim check says about files that are right: every message as a whole,
 * and that nothing is said about what is good.
 */
#include "advice/advice.h"

#include "config_files.h"

#define PAUSE(what)                                                           \
	what " also ends the connection to a peer that is well and answers, " \
	     "but reads nothing for so long: a tape is changed, a disk is "   \
	     "full; write 1800s or more, or leave it out: what nobody "       \
	     "acknowledges the kernel gives up after some 15 minutes by "     \
	     "itself\n"

static const struct {
	const char *text;
	const char *warnings;
} WARNINGS[] = {
    {"", "a.conf: no rule in it, so no connection is changed; write rule NAME "
	 "{ ... }\n"},
    {"# only words\r\n",
	"a.conf: no rule in it, so no connection is changed; write rule NAME { "
	"... }\n"},
    {"idle = 5",
	"a.conf: no rule in it, so no connection is changed; write rule NAME { "
	"... }\n"},

    /* Rules that can never match. What is exact, test_shadow.c tells. */
    {"rule a { }\n\nrule b {\n port = 1 }\nrule c { }",
	"a.conf:3: rule \"b\" can never match, because rule \"a\" (line 1) "
	"takes all that it could; move it above that one, or leave it out\n"
	"a.conf:5: rule \"c\" can never match, because rule \"a\" (line 1) "
	"takes all that it could; move it above that one, or leave it out\n"},
    {"rule a { direction = connect }\nrule b { }", ""},
    {"rule a { direction = connect }\nrule b { direction = accept }\n"
     "rule c { }",
	"a.conf:3: rule \"c\" can never match, because rules \"a\" (line 1) "
	"and \"b\" (line 2) take together all that it could; move it above "
	"them, or leave it out\n"},
    {"rule a { program = x }\nrule b { source = ::/0 }\nrule c { port = 1 }\n"
     "rule d { destination = ::/0 }\nrule e { }",
	""},
    {"rule a { action = ignore destination = 10.0.0.0/8 }\n"
     "rule b { destination = { 10.1.0.0/16, 10.2.3.4 } }",
	"a.conf:2: rule \"b\" can never match, because rule \"a\" (line 1) "
	"takes all that it could; move it above that one, or leave it out\n"},
    {"rule a { port = 1-99 }\nrule b { port = 100 }\n"
     "rule c { port = 101-300 }\nrule d { port = 250-400 }\n"
     "rule e { port = 2-333 }",
	"a.conf:5: rule \"e\" can never match, because rules \"a\" (line 1), "
	"\"b\" (line 2), \"c\" (line 3) and 1 more take together all that it "
	"could; move it above them, or leave it out\n"},
    {"rule a { program = { \"sm_*\", stpd } }\n"
     "rule b { program = { stpd, sm_get } port = 1 }\n"
     "rule c { program = { stpd, sm } }",
	"a.conf:2: rule \"b\" can never match, because rule \"a\" (line 1) "
	"takes all that it could; move it above that one, or leave it out\n"},
    {"rule a { port = 1 }\nrule b { port = 1-10 }\nrule c { port = 1-5 }",
	"a.conf:3: rule \"c\" can never match, because rule \"b\" (line 2) "
	"takes all that it could; move it above that one, or leave it out\n"},
    {"rule z { program = \"a*\" }\nrule a { program = \"sm?\" }\n"
     "rule b { program = \"sm*\" }\nrule c { program = sm }\n"
     "rule d { program = \"sm_*\" }\nrule e { program = s }",
	"a.conf:4: rule \"c\" can never match, because rule \"b\" (line 3) "
	"takes all that it could; move it above that one, or leave it out\n"
	"a.conf:5: rule \"d\" can never match, because rule \"b\" (line 3) "
	"takes all that it could; move it above that one, or leave it out\n"},
    {"rule a { source = 10.0.0.0/8\ndestination = ::/0 }",
	"a.conf:1: rule \"a\" can never match, because its sources and its "
	"destinations are of different families, IPv4 and IPv6; write both of "
	"the same\n"},

    /* Too late for the firewall. */
    {"firewall-timeout = 5min\nrule a {\nidle = 5min }",
	"a.conf:3: idle 300s is not below the firewall's 300s, so it forgets "
	"the connection before the first probe; write a shorter idle, such as "
	"150s\n"},
    {"firewall-timeout = 5min\nrule a { idle = 299 count = 3 }",
	"a.conf:2: idle 299s can become 332s, since the kernel's timers "
	"get coarser the longer they are, and the firewall forgets the "
	"connection after 300s; write a shorter idle, such as 150s\n"},
    /* Nor that a slot of the kernel's wheel of timers ends behind it. */
    {"rule a { firewall-timeout = 350\nidle = 340 }",
	"a.conf:2: idle 340s can become 381s, since the kernel's timers "
	"get coarser the longer they are, and the firewall forgets the "
	"connection after 350s; write a shorter idle, such as 175s\n"},
    {"rule a { firewall-timeout = 1150\nidle = 1100 interval = 10 count = 7 }",
	"a.conf:2: idle 1100s can become 1232s, since the kernel's "
	"timers get coarser the longer they are, and the firewall forgets the "
	"connection after 1150s; write a shorter idle, such as 575s\n"},
    {"rule a { profile = juniper-srx\nidle = 28min }",
	"a.conf:2: idle 1680s can become 1812s, since the kernel's "
	"timers get coarser the longer they are, and the firewall forgets the "
	"connection after 1800s; write a shorter idle, such as 900s\n"},
    {"rule a { profile = fortigate\nidle = 58min }",
	"a.conf:2: idle 3480s can become 3808s, since the kernel's "
	"timers get coarser the longer they are, and the firewall forgets the "
	"connection after 3600s; write a shorter idle, such as 1800s\n"},
    {"rule a { firewall-timeout = 350\nidle = 60 interval = 340 }",
	"a.conf:2: interval 340s can become 381s, since the kernel's "
	"timers get coarser the longer they are, and the firewall forgets the "
	"connection after 350s; write a shorter interval, such as 35s\n"},
    {"firewall-timeout = 5min\nrule a { idle = 260 interval = 10 count = 7 }",
	"a.conf:2: 1 probe fits between an answered one and the firewall's "
	"300s, so one lost packet can end the connection; 3 or more would be "
	"safe, with a shorter idle or interval or a higher count\n"},
    {"interval = 1min firewall-timeout = 2min\nrule a { port = 9 }\n"
     "rule b { port = 1 firewall-timeout = 1min interval = 12 }",
	"a.conf:1: 1 probe fits between an answered one and the firewall's "
	"120s, so one lost packet can end the connection; 3 or more would be "
	"safe, with a shorter idle or interval or a higher count\n"
	"a.conf:3: an outage of 48s can end the connection, that is 5 lost "
	"probes, 12s apart; with count = 6 it outlives 60s, which networks "
	"need to find a new path\n"},
    {"rule b { firewall-timeout = 1min\ninterval = 20 }",
	"a.conf:2: 2 probes fit between an answered one and the firewall's "
	"60s, so two lost packets can end the connection; 3 or more would be "
	"safe, with a shorter idle or interval or a higher count\n"},
    {"rule b { firewall-timeout = 5min\ncount = 2 interval = 60 }",
	"a.conf:2: 2 probes fit between an answered one and the firewall's "
	"300s, so two lost packets can end the connection; 3 or more would be "
	"safe, with a shorter idle or interval or a higher count\n"},
    /* On a healthy flow the longer of idle and interval counts. */
    {"rule a { firewall-timeout = 350\nidle = 100 interval = 400 }",
	"a.conf:2: interval 400s is not below the firewall's 350s, and no two "
	"probes are less than that apart, so it forgets the connection between "
	"them; write a shorter interval, such as 35s\n"},
    {"rule a { firewall-timeout = 350\nidle = 100 interval = 350 }",
	"a.conf:2: interval 350s is not below the firewall's 350s, and no two "
	"probes are less than that apart, so it forgets the connection between "
	"them; write a shorter interval, such as 35s\n"},
    {"rule a { firewall-timeout = 100\nidle = 20 interval = 38 }",
	"a.conf:2: 2 probes fit between an answered one and the firewall's "
	"100s, so two lost packets can end the connection; 3 or more would be "
	"safe, with a shorter idle or interval or a higher count\n"},
    {"rule a { firewall-timeout = 15min\nidle = 1min }", ""},
    {"rule a { profile = azure-lb }\n", ""},
    {"rule a { firewall-timeout = 5 }", ""},
    {"rule a { firewall-timeout = 60 }", ""},

    /* No faster than the interval. */
    {"rule a { idle = 74 }",
	"a.conf:1: without an interval the kernel's 75s is longer than idle "
	"74s, and the kernel never sends two probes faster than that; write "
	"interval = 74s or less\n"},
    {"rule a { idle = 75 }", ""},
    {"rule a { idle = 1min interval = 1min count = 2 }", ""},
    {"interval = 61 count = 2\nrule a {\nidle = 1min }",
	"a.conf:3: interval 61s is longer than idle 60s, and the kernel never "
	"sends two probes faster than that; write interval = 60s or less\n"},

    /* A short outage. The default is said once, not for each rule. */
    {"interval = 1 count = 5\nrule a { port = 1 }\nrule b { port = 2 }",
	"a.conf:1: an outage of 4s can end the connection, that is 5 lost "
	"probes, 1s apart; with count = 61 it outlives 60s, which networks "
	"need to find a new path\n"},
    {"rule a { port = 1 interval = 1 count = 5 }\n"
     "rule b { port = 2 interval = 59 count = 2 }",
	"a.conf:1: an outage of 4s can end the connection, that is 5 lost "
	"probes, 1s apart; with count = 61 it outlives 60s, which networks "
	"need to find a new path\n"
	"a.conf:2: an outage of 59s can end the connection, that is 2 lost "
	"probes, 59s apart; with count = 3 it outlives 60s, which networks "
	"need to find a new path\n"},
    {"interval = 1min count = 5\nrule a { idle = 5min\ncount = 1 }",
	"a.conf:3: with count 1, one lost probe ends the connection; with "
	"count = 2 it outlives an outage of 60s, which networks need to find "
	"a new path\n"},
    {"interval = 15 count = 5\nrule a { }", ""},
    {"interval = 7\nrule a { }",
	"a.conf:1: an outage of 56s can end the connection, that is 9 lost "
	"probes, 7s apart; with count = 10 it outlives 60s, which networks "
	"need to find a new path\n"},
    {"interval = 8\nrule a { }", ""},
    {"rule a { idle = 5min\ncount = 1 }",
	"a.conf:2: with count 1, one lost probe ends the connection; with "
	"count = 2 it outlives an outage of 60s, which networks need to find "
	"a new path\n"},

    /* user-timeout */
    {"rule a { interval = 15 count = 5 user-timeout = 100 }",
	PAUSE("a.conf:1: user-timeout 100s")},
    {"rule a { user-timeout = 30min }", ""},
    /* What is lost at the fourth probe. */
    {"rule a { firewall-timeout = 1h\ninterval = 290 count = 5 }",
	"a.conf:2: interval 290s, and a firewall that is Linux forgets a "
	"connection 300s after its fourth probe without an answer, so the "
	"others find none; write interval = 240s or less\n"},
    {"rule a { firewall-timeout = 1h\ninterval = 290 count = 4 }", ""},
    {"rule a { firewall-timeout = 1h\ninterval = 250 count = 5 }", ""},
    {"rule a { interval = 290 idle = 300 }", ""},
    /* A peer that does not read. */
    {"rule a {\nuser-timeout = 1799s }", PAUSE("a.conf:2: user-timeout 1799s")},
    {"rule a { interval = 1 count = 5 user-timeout = 99500ms }",
	"a.conf:1: an outage of 99.5s ends the connection if data is under "
	"way, by user-timeout; TCP should try for 100s or more (RFC "
	"9293)\n" PAUSE("a.conf:1: user-timeout 99.5s")},
    {"rule a { idle = 5min\nuser-timeout = 120500ms }",
	"a.conf:2: user-timeout 120.5s decides in place of count, so 1 lost "
	"probe ends the connection, and not 9; write idle + interval x count, "
	"975s, or more\n" PAUSE("a.conf:2: user-timeout 120.5s")},
    {"rule a { idle = 5min interval = 30 count = 5\nuser-timeout = 7min }",
	"a.conf:2: user-timeout 420s decides in place of count, so 4 lost "
	"probes end the connection, and not 5; write idle + interval x count, "
	"450s, or more\n" PAUSE("a.conf:2: user-timeout 420s")},
    {"rule a { idle = 5min interval = 30 count = 5 user-timeout = 420001ms }",
	PAUSE("a.conf:1: user-timeout 420.001s")},
    {"rule a { idle = 5min interval = 30 count = 5 user-timeout = 450 }",
	PAUSE("a.conf:1: user-timeout 450s")},
    {"user-timeout = 5min interval = 30 count = 5\n"
     "rule a { port = 1 idle = 5min }\nrule b { port = 2 idle = 6min }",
	"a.conf:1: user-timeout 300s decides in place of count, so 1 lost "
	"probe ends the connection, and not 5; write idle + interval x count, "
	"450s, or more\n" PAUSE("a.conf:1: user-timeout 300s")},
    {"rule a { idle = 10 interval = 2 count = 5\nuser-timeout = 11 }",
	"a.conf:2: user-timeout 11s decides in place of count, so 1 lost probe "
	"ends the connection, and not 5; write idle + interval x count, 100s, "
	"or more\n" PAUSE("a.conf:2: user-timeout 11s")},

    /* Profiles. */
    {"rule a {\nprofile = kube-proxy-ipvs }",
	"a.conf:2: profile \"kube-proxy-ipvs\" is 900s only by hearsay (kops "
	"issue 6889), its makers document no such time; measure it, and write "
	"firewall-timeout = what you found\n"},
    {"profile = kube-proxy-ipvs\nrule a { port = 1 }\nrule b { port = 2 }",
	"a.conf:1: profile \"kube-proxy-ipvs\" is 900s only by hearsay (kops "
	"issue 6889), its makers document no such time; measure it, and write "
	"firewall-timeout = what you found\n"},
    {"profile = fortigate\nrule a { }", ""},

    /* What is ignored has no timers, in the order of the file. */
    {"interval = 1 count = 2\nrule a { action = ignore }", ""},
    {"rule b { port = 2 idle = 5min count = 2\nuser-timeout = 1min }\n"
     "rule c { port = 2 }\nrule d { port = 1 interval = 1 }",
	"a.conf:2: user-timeout 60s decides in place of count, so 1 lost probe "
	"ends the connection, and not 2; write idle + interval x count, 450s, "
	"or more\n" PAUSE(
	    "a.conf:2: user-timeout 60s") "a.conf:3: rule \"c\" can never "
					  "match, because rule \"b\" (line 1) "
					  "takes all that it could; move it "
					  "above that one, or leave it out\n"
					  "a.conf:4: an outage of 8s can end "
					  "the connection, that is 9 lost "
					  "probes, 1s apart; with count = 61 "
					  "it outlives 60s, which networks "
					  "need to find a new path\n"},
};

START_TEST(warnings)
{
	struct loaded loaded;

	load_good(WARNINGS[_i].text, &loaded);
	ck_assert_str_eq(loaded.warnings, WARNINGS[_i].warnings);
	unload(&loaded);
}
END_TEST

/* Nobody has to look, and the image is the same. */
START_TEST(unwatched)
{
	struct loaded loaded;
	uint8_t *bytes = NULL;
	uint32_t size;

	load_good("interval = 1\nrule a { }\nrule b { }", &loaded);
	ck_assert_str_ne(loaded.warnings, "");
	ck_assert_int_eq(config_load(file_path("a.conf"), NULL, NULL, &bytes,
			     &size, loaded.message),
	    0);
	ck_assert_uint_eq(size, loaded.image.size);
	ck_assert_mem_eq(bytes, loaded.image.bytes, size);
	free(bytes);
	unload(&loaded);
}
END_TEST

/* By file and line, whatever is found first. */
START_TEST(included)
{
	struct loaded loaded;

	file_write("b.conf", "rule b { port = 5\nprofile = kube-proxy-ipvs }");
	load_good("rule all { }\ninclude(\"b.conf\")\nrule c {\n"
		  "idle = 60 interval = 60 count = 1 }",
	    &loaded);
	ck_assert_str_eq(loaded.warnings,
	    "a.conf:3: rule \"c\" can never match, because rule \"all\" (line "
	    "1) takes all that it could; move it above that one, or leave it "
	    "out\n"
	    "a.conf:4: with count 1, one lost probe ends the connection; with "
	    "count = 2 it outlives an outage of 60s, which networks need to "
	    "find a new path\n"
	    "b.conf:1: rule \"b\" can never match, because rule \"all\" "
	    "(a.conf:1) takes all that it could; move it above that one, or "
	    "leave it out\n"
	    "b.conf:2: profile \"kube-proxy-ipvs\" is 900s only by hearsay "
	    "(kops issue 6889), its makers document no such time; measure it, "
	    "and write firewall-timeout = what you found\n");
	unload(&loaded);
}
END_TEST

START_TEST(many_shadows)
{
	char text[1024] = "rule all { }\n";
	struct loaded loaded;
	int lines = 0;

	for (int i = 0; i < 25; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
		    "rule r%d { port = %d }\n", i, i + 1);
	load_good(text, &loaded);
	for (const char *c = loaded.warnings; *c; c++)
		lines += *c == '\n';
	ck_assert_int_eq(lines, 11);
	ck_assert_ptr_nonnull(
	    strstr(loaded.warnings, "a.conf:11: rule \"r9\" can never match"));
	ck_assert_ptr_nonnull(strstr(
	    loaded.warnings, "\na.conf: 15 more rules can never match\n"));
	unload(&loaded);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("advice");
	TCase *tc = tcase_create("advice");

	files_begin();
	tcase_add_loop_test(tc, warnings, 0, ARRAY_LEN(WARNINGS));
	tcase_add_test(tc, unwatched);
	tcase_add_test(tc, included);
	tcase_add_test(tc, many_shadows);
	tcase_set_timeout(tc, 60);
	suite_add_tcase(suite, tc);
	return files_end(test_main(suite));
}
