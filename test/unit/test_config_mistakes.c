/* SPDX-License-Identifier: ISC */
/*
 * config: every mistake has its message, with the file, the line and what
 * would be right; none leaves anything behind.
 */
#include "config_files.h"

#include <malloc.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#define TOP_KEYS                                                           \
	"idle, interval, count, user-timeout, firewall-timeout, profile, " \
	"app-settings, inherit, rule, include"
#define RULE_KEYS                                                       \
	"direction, source, destination, port, program, action, idle, " \
	"interval, count, user-timeout, firewall-timeout, profile, "    \
	"app-settings"
#define NOT_A_DURATION                                                       \
	"not a duration; write a whole number and ms, s, min or h, such as " \
	"90s or 5min"
#define NOT_A_PORT                                                    \
	"not a port; write a number such as 3300 or a range such as " \
	"3300-3399 (names are not looked up)"
#define NOT_AN_ADDRESS                                                      \
	"not an address; write one such as 10.20.0.7, or a prefix such as " \
	"10.20.0.0/16 or 2001:db8:20::/48"
#define UNITS "the units are ms, s, min and h"

/* Each text is a.conf; the message begins with "a.conf:". */
static const struct {
	const char *text;
	const char *message;
} MISTAKES[] = {
    /* Keys. */
    {"idel = 5", "1: unknown key \"idel\", did you mean \"idle\"?"},
    {"\n\nIdle = 5", "3: unknown key \"Idle\", did you mean \"idle\"?"},
    {"user_timeout = 5",
	"1: unknown key \"user_timeout\", did you mean \"user-timeout\"?"},
    {"rule r {\n\tintervall = 5\n}",
	"2: unknown key \"intervall\", did you mean \"interval\"?"},
    {"rule r { dest = 5 }",
	"1: unknown key \"dest\", did you mean \"destination\"?"},
    {"rules r { }", "1: unknown key \"rules\", did you mean \"rule\"?"},
    {"foo = 5", "1: unknown key \"foo\"; here it can be " TOP_KEYS},
    {"rule r {\nfoo = 5 }",
	"2: unknown key \"foo\"; here it can be " RULE_KEYS},
    {"x = 5", "1: unknown key \"x\"; here it can be " TOP_KEYS},
    {"a-key-longer-than-every-known-one-of-them-all = 5",
	"1: unknown key \"a-key-longer-than-every-known-one-of-them-all\"; "
	"here it can be " TOP_KEYS},
    {"destination = \"10.0.0.0/8\"",
	"1: destination belongs inside a rule; write rule NAME { destination "
	"= ... }"},
    {"rule r { }\n action = ignore",
	"2: action belongs inside a rule; write rule NAME { action = ... }"},
    {"rule r {\n include(\"b.conf\")\n}",
	"2: include belongs at the top; write it outside of rules"},
    {"rule r {\n idle = 5\n\nrule s {\n}\n",
	"4: a rule inside the rule of line 1; is that one's } missing?"},
    {"rule r { }\nidle = 5",
	"2: idle below a rule; it holds for all rules, write it above "
	"the first (a.conf:1) or inside a rule"},
    {"rule r { idle = 15 min }",
	"1: \"min\" behind the value of idle is no key; a value with a blank "
	"in it needs quotes, a list braces and commas"},
    {"rule r { port = 1 2 }",
	"1: \"2\" behind the value of port is no key; a value with a blank in "
	"it needs quotes, a list braces and commas"},
    {"\"\" = 5", "1: not understood; write KEY = VALUE or rule NAME { ... }"},
    {"\"rule|idle\" = 5", "1: a key with | or = in it; write KEY = VALUE"},
    {"\"rule=r|idle\" = 5", "1: a key with | or = in it; write KEY = VALUE"},

    /* Twice, and against each other. */
    {"inherit = no\nrule r { }",
	"1: inherit \"no\": not known; write true or false"},
    {"rule r {\ninherit = false }",
	"2: inherit belongs at the top, above the first rule"},
    {"rule r { }\ninherit = false",
	"2: inherit below a rule; it holds for all rules, write it above the "
	"first (a.conf:1)"},
    {"idle = 5\nidle = 5",
	"2: idle is written a second time, after line 1; leave one of the two "
	"out"},
    {"rule r {\n port = 1\n port = { 2 } }",
	"3: port is written a second time, after line 2; write one list, or "
	"+= to add to it"},
    {"rule r { port = { 1, 2 }\n program = x\nprogram = y }",
	"3: program is written a second time, after line 2; write one list, "
	"or += to add to it"},
    {"rule r { direction = accept\n\ndirection = accept }",
	"3: direction is written a second time, after line 1; leave one of "
	"the two out"},
    {"rule r { port = 1 }\nrule s { port = 2 }\nrule r { }",
	"3: a second rule \"r\"; the first is at a.conf:1, give one of them "
	"another name"},
    {"rule r { action = ignore\n idle = 5 }",
	"2: idle has no use beside action = ignore (line 1); leave one of the "
	"two out"},
    {"rule r { action = ignore\n app-settings = respect }",
	"2: app-settings has no use beside action = ignore (line 1); leave "
	"one of the two out"},
    {"rule r { profile = aws-nlb\n action = ignore }",
	"2: action = ignore has no use beside profile (line 1); leave one of "
	"the two out"},
    {"profile = aws-nlb firewall-timeout = 5min",
	"1: both firewall-timeout and profile; they say the same, so leave "
	"one of the two out"},
    {"rule r {\nfirewall-timeout = 5min\nprofile = aws-nlb }",
	"3: both firewall-timeout and profile; they say the same, so leave "
	"one of the two out"},
    {"idle = 5min\nfirewall-timeout = 5min",
	"2: idle 300s is not below the firewall-timeout's 300s; write a "
	"shorter idle, such as 150s, or leave it out"},
    {"rule r {\nfirewall-timeout = 5min\nidle = 10min }",
	"3: idle 600s is not below the firewall-timeout's 300s; write a "
	"shorter idle, such as 150s, or leave it out"},
    {"rule r { profile = aws-nlb\nidle = 350 }",
	"2: idle 350s is not below the profile's 350s; write a shorter idle, "
	"such as 175s, or leave it out"},

    /* Times and numbers. */
    {"idle = 5m", "1: idle \"5m\": unknown unit \"m\"; write 5min or 5ms"},
    {"idle = 5sec", "1: idle \"5sec\": unknown unit \"sec\"; " UNITS},
    {"idle = 5S", "1: idle \"5S\": unknown unit \"S\"; " UNITS},
    {"idle = 5;", "1: idle \"5;\": unknown unit \";\"; " UNITS},
    {"idle = 1d", "1: idle \"1d\": unknown unit \"d\"; " UNITS},
    {"idle = \"5 min\"", "1: idle \"5 min\": a blank in it; write 5min"},
    {"idle = \"5 m\"", "1: idle \"5 m\": unknown unit \" m\"; " UNITS},
    {"idle = \" 5\"", "1: idle \" 5\": " NOT_A_DURATION},
    {"idle = \"\"", "1: idle \"\": " NOT_A_DURATION},
    {"idle = fast", "1: idle \"fast\": " NOT_A_DURATION},
    {"idle = -5", "1: idle \"-5\": " NOT_A_DURATION},
    {"idle = 1.5h", "1: idle \"1.5h\": " NOT_A_DURATION},
    {"idle = 0", "1: idle \"0\": out of range; write 1s to 32767s"},
    {"idle = 32768", "1: idle \"32768\": out of range; write 1s to 32767s"},
    {"idle = 999ms", "1: idle \"999ms\": out of range; write 1s to 32767s"},
    {"idle = 1500ms",
	"1: idle \"1500ms\": only whole seconds are possible; write 1s or 2s"},
    {"idle = 99999999999999999999h",
	"1: idle \"99999999999999999999h\": out of range; write 1s to 32767s"},
    {"idle = 5124095576030432h", /* 2^64 ms and a little */
	"1: idle \"5124095576030432h\": out of range; write 1s to 32767s"},
    {"idle = 18446744073709551617", /* 2^64 + 1 */
	"1: idle \"18446744073709551617\": out of range; write 1s to 32767s"},
    {"interval = 10h", "1: interval \"10h\": out of range; write 1s to 32767s"},
    {"interval = 5.5", "1: interval \"5.5\": " NOT_A_DURATION},
    {"user-timeout = 0",
	"1: user-timeout \"0\": out of range; write 1ms to 2147483647ms"},
    {"user-timeout = 2147483648ms",
	"1: user-timeout \"2147483648ms\": out of range; write 1ms to "
	"2147483647ms"},
    {"firewall-timeout = 4",
	"1: firewall-timeout \"4\": out of range; write 5s to 8760h"},
    {"firewall-timeout = 8761h",
	"1: firewall-timeout \"8761h\": out of range; write 5s to 8760h"},
    {"firewall-timeout = 5001ms",
	"1: firewall-timeout \"5001ms\": only whole seconds are possible; "
	"write 5s or 6s"},
    {"count = 0", "1: count \"0\": out of range; write 1 to 127"},
    {"count = 128", "1: count \"128\": out of range; write 1 to 127"},
    {"count = 4294967297",
	"1: count \"4294967297\": out of range; write 1 to 127"},
    {"count = 5s",
	"1: count \"5s\": not a whole number; write one from 1 to 127"},
    {"count = \"\"",
	"1: count \"\": not a whole number; write one from 1 to 127"},

    /* Ports. */
    {"rule r { port = 0 }",
	"1: port \"0\": out of range; ports are 1 to 65535"},
    {"rule r { port = 65536 }",
	"1: port \"65536\": out of range; ports are 1 to 65535"},
    {"rule r { port = 0-9 }",
	"1: port \"0-9\": out of range; ports are 1 to 65535"},
    {"rule r { port = 9-70000 }",
	"1: port \"9-70000\": out of range; ports are 1 to 65535"},
    {"rule r { port = { 1,\n20-10 } }",
	"2: port \"20-10\": the range is reversed; write 10-20"},
    {"rule r { port = http }", "1: port \"http\": " NOT_A_PORT},
    {"rule r { port = 1- }", "1: port \"1-\": " NOT_A_PORT},
    {"rule r { port = -1 }", "1: port \"-1\": " NOT_A_PORT},
    {"rule r { port = 1-2-3 }", "1: port \"1-2-3\": " NOT_A_PORT},
    {"rule r { port = \"1, 2\" }", "1: port \"1, 2\": " NOT_A_PORT},
    {"rule r { port = \"\" }", "1: port \"\": " NOT_A_PORT},
    {"rule r { port = any }",
	"1: port \"any\": not a port; leave port out to match every port"},

    /* Addresses. */
    {"rule r { destination = \"10.20.0.1/16\" }",
	"1: destination \"10.20.0.1/16\": host bits are set; write "
	"10.20.0.0/16 for the network or 10.20.0.1/32 for the host"},
    {"rule r { source = \"2001:db8::1/32\" }",
	"1: source \"2001:db8::1/32\": host bits are set; write 2001:db8::/32 "
	"for the network or 2001:db8::1/128 for the host"},
    {"rule r { source = \"::ffff:10.0.0.1/104\" }",
	"1: source \"::ffff:10.0.0.1/104\": host bits are set; write "
	"10.0.0.0/8 for the network or 10.0.0.1/32 for the host"},
    {"rule r { destination = \"10.20.0.0/33\" }",
	"1: destination \"10.20.0.0/33\": the length does not fit the "
	"address; write at most /32"},
    {"rule r { destination = \"::1/129\" }",
	"1: destination \"::1/129\": the length does not fit the address; "
	"write at most /128, and at least /96 for a mapped IPv4 address"},
    {"rule r { destination = \"10.0.0.0/255.0.0.0\" }",
	"1: destination \"10.0.0.0/255.0.0.0\": a netmask; write the length "
	"of the prefix, such as 10.20.0.0/16"},
    {"rule r { destination = {\n::1,\n\"db.example.com\" } }",
	"3: destination \"db.example.com\": not an address; names are not "
	"looked up, write the addresses"},
    {"rule r { destination = \"fe80::1%eth0\" }",
	"1: destination \"fe80::1%eth0\": zones are not possible; write the "
	"address without the %"},
    {"rule r { destination = \"*\" }",
	"1: destination \"*\": not an address; leave destination out to match "
	"every address"},
    {"rule r { source = \"10.0.0.1-10.0.0.9\" }",
	"1: source \"10.0.0.1-10.0.0.9\": " NOT_AN_ADDRESS},
    {"rule r { source = 10.20 }", "1: source \"10.20\": " NOT_AN_ADDRESS},
    {"rule r { source = \"\" }", "1: source \"\": " NOT_AN_ADDRESS},
    {"rule r { source = \"[::1]\" }", "1: source \"[::1]\": " NOT_AN_ADDRESS},

    /* Words. */
    {"rule r { direction = outbound }",
	"1: direction \"outbound\": not known; write connect, accept or both"},
    {"rule r { action = drop }",
	"1: action \"drop\": not known; write keepalive or ignore"},
    {"app-settings = Override",
	"1: app-settings \"Override\": not known; write override, tighten or "
	"respect"},
    {"profile = aws-nbl",
	"1: unknown profile \"aws-nbl\", did you mean \"aws-nlb\"?"},
    {"profile = aws-nat-gateway",
	"1: profile \"aws-nat-gateway\": there is none for aws-nat, "
	"because its idle timeout is not confirmed; measure it, and write "
	"firewall-timeout = what you found"},
    {"profile = check-point",
	"1: profile \"check-point\": there is none for checkpoint, because its "
	"idle timeout is not confirmed; measure it, and write "
	"firewall-timeout = what you found"},
    {"profile = aws-nat",
	"1: profile \"aws-nat\": there is none for aws-nat, because "
	"its idle timeout is not confirmed; measure it, and write "
	"firewall-timeout = what you found"},
    {"profile = pfsense",
	"1: unknown profile \"pfsense\"; write the firewall's idle timeout, "
	"such as firewall-timeout = \"15min\""},
    {"rule r { program = \"\" }",
	"1: program \"\": empty; leave program out to match every program"},
    {"rule r { program = /usr/bin/stpd }",
	"1: program \"/usr/bin/stpd\": a path; write the name of the "
	"executable alone, such as \"sm_*\""},
    {"rule \"\" { }", "1: a rule with an empty name; write rule NAME { ... }"},
    {"rule \"a\tb\" { idle = 5 }",
	"1: rule name \"a?b\": only printable ASCII characters are possible; "
	"write others"},
    {"rule B\xc3\xbcro { }",
	"1: rule name \"B\xc3\xbcro\": only printable ASCII characters are "
	"possible; write others"},

    /* Grammar. */
    {"rule r {\nidle 5 }", "2: idle without a \"=\"; write KEY = VALUE"},
    {"idle : 5", "1: idle without a \"=\"; write KEY = VALUE"},
    {"rule r { idle += 5 }", "1: idle takes one value; write = instead of +="},
    {"rule r { idle = { 5 } }",
	"1: idle takes one value; write it without { }"},
    {"idle = = 5",
	"1: \"=\" where the value of idle should be; write idle = VALUE"},
    {"rule r { port = }",
	"1: \"}\" where the value of port should be; write port = VALUE"},
    {"rule r { port = { 1, = } }",
	"1: unexpected \"=\"; write KEY = VALUE or rule NAME { ... }"},
    {"= 5", "1: unexpected \"=\"; write KEY = VALUE or rule NAME { ... }"},
    {"{ }", "1: unexpected \"{\"; write KEY = VALUE or rule NAME { ... }"},
    {"rule r { source = ::1, ::2 }",
	"1: unexpected \",\"; a list is written { \"A\", \"B\" }"},
    {"rule r { source = { ::1\n::2 } }",
	"2: \"::2\" without a comma before it; a list is written { \"A\", "
	"\"B\" }"},
    {"rule r {\n port = { 1, 2\n idle = 5\n}",
	"3: \"idle\" without a comma before it; a list is written { \"A\", "
	"\"B\" }"},
    {"rule r { port = { } }",
	"1: an empty list; leave the key out to match everything"},
    {"rule r { port = 1\nport = {\n\n} }",
	"4: an empty list; leave the key out to match everything"},
    {"rule { }", "1: a rule without a name; write rule NAME { ... }"},
    {"rule a b { }",
	"1: a rule without a \"{\" behind its name; write rule NAME { ... }, "
	"with quotes around a name that has blanks"},
    {"rule r\nidle = 5\n}",
	"2: a rule without a \"{\" behind its name; write rule NAME { ... }, "
	"with quotes around a name that has blanks"},
    {"}", "1: a } without a {; remove it, or write the { that it closes"},
    {"rule r { }\n}\n",
	"2: a } without a {; remove it, or write the { that it closes"},
    {"\nrule r {\nidle = 500\n\n",
	"2: the { of this line has no }; write one at its end"},
    {"rule r {\n port = { 1,\n 2,\n\n",
	"3: the file ends before the { of line 1 is closed; write a } for it"},
    {"idle =\n\n",
	"1: the file ends in the middle of a setting; write KEY = VALUE"},
    {"include \"b.conf\"",
	"1: include without a \"(\"; write include(\"FILE\")"},
    {"include()",
	"1: parentheses are for include alone; write include(\"FILE\")"},
    {"include(\"b.conf\", \"c.conf\")",
	"1: parentheses are for include alone; write include(\"FILE\")"},
    {"include(\"b.conf\" \"c.conf\")",
	"1: parentheses are for include alone; write include(\"FILE\")"},
    {"include(\"b.conf\"", "1: a ( without a ); write include(\"FILE\")"},
    {"idle (5)", "1: idle without a \"=\"; write KEY = VALUE"},
    {") = 5", "1: parentheses are for include alone; write include(\"FILE\")"},

    /* Text. */
    {"rule r { program = sm_* }",
	"1: a * outside of quotes; write a value that has one in quotes, such "
	"as \"sm_*\""},
    {"*", "1: a * outside of quotes; write a value that has one in quotes, "
	  "such as \"sm_*\""},
    {"rule a+b { }",
	"1: a + outside of quotes; write a value that has one in quotes, such "
	"as \"sm_*\""},
    {"idle = 5/* five */",
	"1: a comment in the middle of a word; write a blank before the /*"},
    {"idle = ${IDLE}",
	"1: ${...} is not replaced, because a compiled policy would keep the "
	"value; write the value itself"},
    {"\nidle = \"${IDLE:-5}\"",
	"2: ${...} is not replaced, because a compiled policy would keep the "
	"value; write the value itself"},
    {"idle = \"\\x35\"",
	"1: \"\\x\" in a string; write the character itself, or \\\\ for a "
	"backslash"},
    {"idle = \"5\\0\"",
	"1: \"\\0\" in a string; write the character itself, or \\\\ for a "
	"backslash"},
    {"idle = \"5min\ncount = 3",
	"1: the string that begins here has no end on its line; write \" "
	"where it ends"},
    {"\nidle = 'x\"\n",
	"2: the string that begins here has no end on its line; write ' where "
	"it ends"},
    {"idle = \"x\\",
	"1: the string that begins here has no end on its line; write \" "
	"where it ends"},
    {"idle = 5\n/* x *\n /",
	"2: the comment that begins here has no end; write */ where it ends"},
    {"idle = 5\rcount = 3\r",
	"1: a carriage return without a newline; end lines with a newline"},
    {"idle = 5\n\033[2J",
	"2: byte 0x1b is not text; the configuration is a plain text file"},
    {"\177ELF\2\1\1",
	"1: byte 0x7f is not text; the configuration is a plain text file"},
    /* Lines, after comments that libconfuse miscounts. */
    {"# 1\n/* 2\n * 3 */ // 3\n####\n/**/ rule r { # 5\n # 6\n idel = 5 }",
	"7: unknown key \"idel\", did you mean \"idle\"?"},

    /* Includes. */
    {"\ninclude(missing.conf)",
	"2: cannot include missing.conf: there is no such file; write it, or "
	"name another one"},
    {"include(\"\")", "1: include without a name; write include(\"FILE\")"},
    {"include(~/kashim.conf)",
	"1: ~ is not replaced in an include; write the path in full"},
};

static struct loaded reference;
static const char GOOD[] = "interval = 30\nrule good { idle = 1min }\n";

/*
 * Each mistake leaves the parser in a state of its own; a good file has to
 * give the same policy after all of them.
 */
static void
check_recovery(void)
{
	struct loaded loaded;

	if (reference.image.bytes == NULL) {
		file_write("good.conf", GOOD);
		load("good.conf", &reference);
		ck_assert_int_eq(reference.result, 0);
	}
	load("good.conf", &loaded);
	ck_assert_msg(loaded.result == 0, "%s", loaded.message);
	ck_assert_int_eq(loaded.image.size, reference.image.size);
	ck_assert_mem_eq(
	    loaded.image.bytes, reference.image.bytes, reference.image.size);
	unload(&loaded);
}

START_TEST(mistakes)
{
	char want[CONFIG_MESSAGE_MAX];
	struct loaded loaded;

	snprintf(want, sizeof(want), "a.conf:%s", MISTAKES[_i].message);
	load_text(MISTAKES[_i].text, &loaded);
	ck_assert_str_eq(loaded.message, want);
	ck_assert_int_eq(loaded.result, -EINVAL);
	ck_assert_str_eq(loaded.warnings, "");
	check_recovery();
	unload(&reference);
}
END_TEST

START_TEST(mistakes_included)
{
	char want[CONFIG_MESSAGE_MAX];
	struct loaded loaded;

	/* It comes back to the including file's own text. */
	if (strstr(MISTAKES[_i].message, "a.conf") != NULL)
		return;
	snprintf(want, sizeof(want), "b.conf:%s", MISTAKES[_i].message);
	file_write("b.conf", MISTAKES[_i].text);
	load_text("# 1\n\ninclude(\"b.conf\")\nrule a { }", &loaded);
	ck_assert_str_eq(loaded.message, want);
	ck_assert_int_eq(loaded.result, -EINVAL);
	check_recovery();
	unload(&reference);
}
END_TEST

/* mallinfo2(3) is of glibc 2.33, which warns of the older one. */
static size_t
allocated(void)
{
#if __GLIBC_PREREQ(2, 33)
	return mallinfo2().uordblks;
#else
	return (size_t)mallinfo().uordblks;
#endif
}

/*
 * All in one process, one after the other: nothing is left behind. What
 * malloc(3) keeps for itself in each thread's cache counts as allocated, so
 * it takes some rounds until that is full; a leak makes every round grow.
 */
START_TEST(mistakes_in_turn)
{
	size_t used[64];
	bool steady = false;
	struct loaded loaded;

	for (size_t round = 0; round < ARRAY_LEN(used) && !steady; round++) {
		for (size_t i = 0; i < ARRAY_LEN(MISTAKES); i++) {
			load_text(MISTAKES[i].text, &loaded);
			ck_assert_int_eq(loaded.result, -EINVAL);
			check_recovery();
		}
		used[round] = allocated();
		steady = round > 0 && used[round] <= used[round - 1];
	}
	ck_assert(steady);
	unload(&reference);
}
END_TEST

static void
expect(const char *name, int result, const char *message)
{
	struct loaded loaded;

	load(name, &loaded);
	ck_assert_str_eq(loaded.message, message);
	ck_assert_int_eq(loaded.result, result);
}

START_TEST(binary)
{
	static const char NUL[] = "idle = 5\nrule\0 r { }\n";

	file_write_bytes("nul.conf", NUL, sizeof(NUL) - 1);
	expect("nul.conf", -EINVAL,
	    "nul.conf:2: byte 0x00 is not text; the configuration is a plain "
	    "text file");
}
END_TEST

START_TEST(untrusted)
{
	static const mode_t MODES[] = {0666, 0622, 0620, 0602, 0664, 0777};
	char message[CONFIG_MESSAGE_MAX];
	struct loaded loaded;

	file_write("mode.conf", "rule r { }");
	file_write("including.conf", "\ninclude(mode.conf)\n");
	for (size_t i = 0; i < ARRAY_LEN(MODES); i++) {
		ck_assert_int_eq(chmod(file_path("mode.conf"), MODES[i]), 0);
		snprintf(message, sizeof(message),
		    "mode.conf: not believed, because others can write it "
		    "(mode %04o); chmod go-w would be right",
		    (unsigned)MODES[i]);
		expect("mode.conf", -EPERM, message);
		snprintf(message, sizeof(message),
		    "including.conf:2: cannot include mode.conf: not believed, "
		    "because others can write it (mode %04o); chmod go-w would "
		    "be right",
		    (unsigned)MODES[i]);
		expect("including.conf", -EINVAL, message);
	}
	ck_assert_int_eq(chmod(file_path("mode.conf"), 0400), 0);
	load("mode.conf", &loaded);
	ck_assert_int_eq(loaded.result, 0);
	unload(&loaded);
}
END_TEST

/*
 * Runs body in a child as another user. Only root can; in a user namespace with
 * one user even root can't.
 */
static bool
as_user(uid_t user, void (*body)(void))
{
	int status = 0;
	pid_t child;

	fflush(NULL);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		if (setresuid(user, user, user) < 0)
			_exit(77);
		body();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		return false;
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	return true;
}

/* Check's assertions can't be reported from a child of a child. */
static void
load_as_user(const char *name, int result, const char *message)
{
	char text[CONFIG_MESSAGE_MAX];
	uint8_t *bytes = NULL;
	uint32_t size;

	if (config_load(file_path(name), NULL, NULL, &bytes, &size, text) !=
	    result)
		_exit(1);
	free(bytes);
	files_strip(text);
	if (strcmp(text, message) != 0)
		_exit(2);
}

static void
read_others(void)
{
	load_as_user("secret.conf", -EACCES,
	    "secret.conf: user 1234 may not read it; make it and the "
	    "directories above it readable");
	load_as_user("other.conf", -EPERM,
	    "other.conf: not believed, because it belongs to user 1; let root "
	    "or user 1234 own it");
	load_as_user("root.conf", 0, "");
	load_as_user("own.conf", 0, "");
}

/* In a user namespace it may be anybody's. */
static void
read_unknown(void)
{
	load_as_user("unknown.conf", -EPERM,
	    "unknown.conf: not believed, because it belongs to user 65534, as "
	    "all files do whose owner this user namespace does not know, "
	    "root's too; copy it to a file of user 65534, and name that by "
	    "KASHIM_CONFIG");
}

START_TEST(owners)
{
	char message[CONFIG_MESSAGE_MAX];

	file_write("secret.conf", "rule r { }");
	if (geteuid() != 0) {
		ck_assert_int_eq(chmod(file_path("secret.conf"), 0), 0);
		snprintf(message, sizeof(message),
		    "secret.conf: user %u may not read it; make it and the "
		    "directories above it readable",
		    (unsigned)geteuid());
		expect("secret.conf", -EACCES, message);
		return;
	}
	file_write("other.conf", "rule r { }");
	file_write("root.conf", "rule r { }");
	file_write("own.conf", "rule r { }");
	file_write("unknown.conf", "rule r { }");
	ck_assert_int_eq(chmod(file_path("secret.conf"), 0600), 0);
	if (chown(file_path("other.conf"), 1, 1) < 0)
		return;
	ck_assert_int_eq(chown(file_path("own.conf"), 1234, 1234), 0);
	ck_assert_int_eq(chown(file_path("unknown.conf"), 65534, 65534), 0);
	expect("other.conf", -EPERM,
	    "other.conf: not believed, because it belongs to user 1; let root "
	    "or user 0 own it");
	as_user(1234, read_others);
	as_user(65534, read_unknown);
}
END_TEST

START_TEST(no_file)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	char message[CONFIG_MESSAGE_MAX];
	struct loaded loaded;
	char name[300];
	int fd;

	expect("none.conf", -ENOENT,
	    "none.conf: there is no such file; write it, or name another one");
	ck_assert_int_eq(mkdir(file_path("dir.conf"), 0755), 0);
	expect("dir.conf", -EISDIR, "dir.conf: a directory; name a file in it");
	ck_assert_int_eq(mkfifo(file_path("fifo.conf"), 0600), 0);
	expect("fifo.conf", -EPERM,
	    "fifo.conf: not a regular file; write the rules into one");
	ck_assert_int_lt(strlen(file_path("sock.conf")), sizeof(sun.sun_path));
	memcpy(sun.sun_path, file_path("sock.conf"),
	    strlen(file_path("sock.conf")) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	expect("sock.conf", -EPERM,
	    "sock.conf: not a regular file; write the rules into one");
	close(fd);
	ck_assert_int_eq(symlink("loop.conf", file_path("loop.conf")), 0);
	expect("loop.conf", -ELOOP,
	    "loop.conf: cannot be read (Too many levels of symbolic links); "
	    "name a file that can");
	file_write("a.conf", "");
	expect("a.conf/b.conf", -ENOTDIR,
	    "a.conf/b.conf: cannot be read (Not a directory); name a file that "
	    "can");
	ck_assert_int_eq(symlink("a.conf", file_path("link.conf")), 0);
	load("link.conf", &loaded);
	ck_assert_int_eq(loaded.result, 0);
	unload(&loaded);

	/* A path that leaves no room for a message is cut at its front. */
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	load(name, &loaded);
	snprintf(message, sizeof(message),
	    "...%s: cannot be read (File name too long); name a file that can",
	    name + sizeof(name) - 1 - 200);
	ck_assert_str_eq(loaded.message, message);

	file_write("a.conf", "include(dir.conf)");
	expect("a.conf", -EINVAL,
	    "a.conf:1: cannot include dir.conf: a directory; name a file in "
	    "it");
	file_write("a.conf", "include(fifo.conf)");
	expect("a.conf", -EINVAL,
	    "a.conf:1: cannot include fifo.conf: not a regular file; write the "
	    "rules into one");
}
END_TEST

START_TEST(includes)
{
	struct loaded loaded;
	char name[32], text[64];

	file_write("self.conf", "\ninclude(self.conf)");
	expect("self.conf", -EINVAL,
	    "self.conf:2: includes go more than 10 deep; does a file include "
	    "itself?");
	/* Ten deep is allowed. */
	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "depth%d.conf", i);
		snprintf(
		    text, sizeof(text), "include(\"depth%d.conf\")", i + 1);
		file_write(name, text);
	}
	file_write("depth10.conf", "rule deep { }");
	load("depth0.conf", &loaded);
	ck_assert_msg(loaded.result == 0, "%s", loaded.message);
	unload(&loaded);
	file_write("depth10.conf", "include(empty.conf)");
	file_write("empty.conf", "");
	expect("depth0.conf", -EINVAL,
	    "depth10.conf:1: includes go more than 10 deep; does a file "
	    "include itself?");

	file_write("many.conf",
	    "include(empty.conf)include(empty.conf)include(empty.conf)"
	    "include(many.conf)include(many.conf)include(many.conf)");
	load("many.conf", &loaded);
	ck_assert_int_eq(loaded.result, -EINVAL);

	file_write("fan0.conf", "");
	for (int i = 1; i < 6; i++) {
		char *fan = malloc(8192);
		size_t used = 0;

		ck_assert_ptr_nonnull(fan);
		for (int n = 0; n < 100; n++)
			used += (size_t)sprintf(
			    fan + used, "include(fan%d.conf)\n", i - 1);
		snprintf(name, sizeof(name), "fan%d.conf", i);
		file_write(name, fan);
		free(fan);
	}
	load("fan5.conf", &loaded);
	ck_assert_str_eq(loaded.message,
	    "fan1.conf:88: more than 1000 includes; do files include each "
	    "other?");

	/* Across files. */
	file_write("b.conf", "\nrule r { }\n");
	file_write("a.conf", "include(b.conf)\n\nrule r { }");
	expect("a.conf", -EINVAL,
	    "a.conf:3: a second rule \"r\"; the first is at b.conf:2, give one "
	    "of them another name");
	file_write("b.conf", "\nidle = 5");
	file_write("a.conf", "include(b.conf)\n\nidle = 5");
	expect("a.conf", -EINVAL,
	    "a.conf:3: idle is written a second time, after b.conf:2; leave "
	    "one of the two out");
	file_write("a.conf", "rule r { }\ninclude(b.conf)");
	expect("a.conf", -EINVAL,
	    "b.conf:2: idle below a rule; it holds for all rules, write "
	    "it above the first (a.conf:1) or inside a rule");
	/* A rule can't begin in one file and end in another. */
	file_write("b.conf", "\n\nrule r {\n");
	file_write("a.conf", "include(b.conf) }");
	expect("a.conf", -EINVAL,
	    "b.conf:3: the { of this line has no }; write one at its end");
	/* A mistake behind an include is on its own line. */
	file_write("b.conf", "\n\n\n\nrule r { }\n\n\n");
	file_write("a.conf", "\n\ninclude(b.conf)\nidel = 5");
	expect("a.conf", -EINVAL,
	    "a.conf:4: unknown key \"idel\", did you mean \"idle\"?");
}
END_TEST

#define MIB ((size_t)1 << 20)

/* Ten megabytes of unit, again and again, behind head. */
static const struct {
	const char *head;
	const char *unit;
	const char *message; /* "" if it is accepted */
} HUGE_FILES[] = {
    {"", "{", ":1: unexpected \"{\"; write KEY = VALUE or rule NAME { ... }"},
    {"rule r ", "{",
	":1: unexpected \"{\"; write KEY = VALUE or rule NAME { ... }"},
    {"", "rule r { ",
	":1: a rule inside the rule of line 1; is that one's } missing?"},
    {"", "}", ":1: a } without a {; remove it, or write the { that it closes"},
    {"", "a=1\n", ":1: unknown key \"a\"; here it can be " TOP_KEYS},
    {"", "x",
	":1: longer than 1024 characters; is a blank or a quote missing?"},
    {"idle = \"", "x",
	":1: longer than 1024 characters; is a blank or a quote missing?"},
    {"idle = \"", "\\\n",
	":513: longer than 1024 characters; is a blank or a quote missing?"},
    {"idle = '", "\n",
	":1: the string that begins here has no end on its line; write ' where "
	"it ends"},
    {"\n/*", "*\n",
	":2: the comment that begins here has no end; write */ where it ends"},
    {"", "/**/", ""},
    {"", "# comment\n", ""},
    {"#", "x", ""},
    {"", " \t\r\n", ""},
    {"", " ", ""},
    {"", "include(",
	":1: parentheses are for include alone; write include(\"FILE\")"},
    {"", "''", ":1: not understood; write KEY = VALUE or rule NAME { ... }"},
    {"", "idle = 5\n",
	":2: idle is written a second time, after line 1; leave one of the two "
	"out"},
    {"rule r { port = {", "1,",
	":1: the file ends before the { of line 1 is closed; write a } for it"},
    {"rule r {", "port += 1 ",
	":1: the { of this line has no }; write one at its end"},
};

START_TEST(huge)
{
	const char *unit = HUGE_FILES[_i].unit;
	size_t head = strlen(HUGE_FILES[_i].head);
	size_t step = strlen(unit);
	char want[CONFIG_MESSAGE_MAX];
	char *text = malloc(10 * MIB);
	struct timespec before, after;
	struct loaded loaded;

	ck_assert_ptr_nonnull(text);
	memcpy(text, HUGE_FILES[_i].head, head);
	for (size_t at = head; at < 10 * MIB; at++)
		text[at] = unit[(at - head) % step];
	file_write_bytes(
	    "huge.conf", text, head + (10 * MIB - head) / step * step);
	free(text);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	load("huge.conf", &loaded);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	unlink(file_path("huge.conf"));
	snprintf(want, sizeof(want), "%s%s",
	    *HUGE_FILES[_i].message != '\0' ? "huge.conf" : "",
	    HUGE_FILES[_i].message);
	ck_assert_str_eq(loaded.message, want);
	unload(&loaded);
	/* Tools that slow everything down set this. */
	if (getenv("KASHIM_TEST_SLOW") == NULL)
		ck_assert_double_lt(
		    (double)(after.tv_sec - before.tv_sec) +
			(double)(after.tv_nsec - before.tv_nsec) / 1e9,
		    30.0);
}
END_TEST

START_TEST(limits)
{
	char *text = calloc(1, 17 * MIB);
	struct loaded loaded;
	size_t used = 0;

	ck_assert_ptr_nonnull(text);
	memset(text, '#', 16 * MIB);
	file_write("large.conf", text);
	load("large.conf", &loaded);
	ck_assert_int_eq(loaded.result, 0);
	unload(&loaded);
	text[16 * MIB] = '#';
	file_write("large.conf", text);
	expect("large.conf", -EFBIG,
	    "large.conf: too large; all files together may have 16 MiB");
	/* Together. */
	text[9 * MIB] = '\0';
	file_write("large.conf", text);
	file_write("a.conf", "include(large.conf)\ninclude(large.conf)");
	expect("a.conf", -EINVAL,
	    "a.conf:2: cannot include large.conf: too large; all files "
	    "together may have 16 MiB");
	unlink(file_path("large.conf"));

	for (unsigned i = 0; i < IMAGE_RULES_MAX; i++)
		used += (size_t)sprintf(text + used, "rule r%u {}\n", i);
	load_good(text, &loaded);
	ck_assert_int_eq(image_rule_count(&loaded.image), IMAGE_RULES_MAX);
	unload(&loaded);
	sprintf(text + used, "rule one-more { }");
	load_text(text, &loaded);
	ck_assert_str_eq(loaded.message,
	    "a.conf:131073: more than 131072 rules; make one of those that "
	    "differ only in addresses or ports");

	/* A word may have 1024 characters. */
	used = (size_t)sprintf(text, "rule r { program = \"");
	memset(text + used, 'x', 1024);
	sprintf(text + used + 1024, "\" }");
	load_good(text, &loaded);
	unload(&loaded);
	sprintf(text + used + 1024, "x\" }");
	load_text(text, &loaded);
	ck_assert_str_eq(loaded.message,
	    "a.conf:1: longer than 1024 characters; is a blank or a quote "
	    "missing?");
	/* What is quoted in a message is cut. */
	used = (size_t)sprintf(text, "idle = ");
	memset(text + used, 'x', 1024);
	text[used + 1024] = '\0';
	load_text(text, &loaded);
	ck_assert_str_eq(loaded.message,
	    "a.conf:1: idle "
	    "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	    "..."
	    "\": " NOT_A_DURATION);
	free(text);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("config mistakes");
	TCase *tc = tcase_create("mistakes");

	files_begin();
	tcase_add_loop_test(tc, mistakes, 0, ARRAY_LEN(MISTAKES));
	tcase_add_loop_test(tc, mistakes_included, 0, ARRAY_LEN(MISTAKES));
	tcase_add_test(tc, mistakes_in_turn);
	tcase_add_test(tc, binary);
	tcase_add_test(tc, untrusted);
	tcase_add_test(tc, owners);
	tcase_add_test(tc, no_file);
	tcase_add_test(tc, includes);
	tcase_add_loop_test(tc, huge, 0, ARRAY_LEN(HUGE_FILES));
	tcase_add_test(tc, limits);
	tcase_set_timeout(tc, 120);
	suite_add_tcase(suite, tc);
	return files_end(test_main(suite));
}
