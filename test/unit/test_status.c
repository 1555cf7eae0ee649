/* SPDX-License-Identifier: ISC */
/* status: what follows from connections made by hand, and its forms. */
#include "status/status.h"

#include <errno.h>
#include <jansson.h>
#include <locale.h>
#include <sys/stat.h>
#include <unistd.h>

#include "statuses.h"

static struct image image;

static struct live_socket sockets[16];
static struct live live;
static struct status status;

static void
add(struct live_socket socket)
{
	sockets[live.count++] = socket;
}

static void
sort_out(void)
{
	live.sockets = sockets;
	status.live = &live;
	status.image = &image;
	status.config = "/etc/kashim.conf";
	status.time = 1795234590;
	ck_assert_int_eq(status_sort_out(&status), 0);
}

/* One of each kind. */
static void
add_all(void)
{
	add(make_socket(
	    &AGENT, "10.1.4.7", "10.20.0.5", &GOOD, RULE_BACKUP, LIVE_OK));
	add(make_socket(
	    &AGENT, "10.1.4.7", "10.20.0.5", &OFF, RULE_BACKUP, LIVE_OFF));
	add(make_socket(&AGENT, "2001:db8::1", "2001:db8:20::7", &LATE,
	    RULE_BACKUP, LIVE_DIFFERS));
	sockets[2].direction = LIVE_IN;
	add(make_socket(
	    &EVIL, "10.1.4.7", "10.9.9.9", &OFF, MATCH_NONE, LIVE_NO_RULE));
	sockets[3].direction = LIVE_UNSURE;
	sockets[3].socket.state = TCP_CLOSE_WAIT;
	add(make_socket(
	    &EVIL, "127.0.0.1", "127.0.0.1", &TIGHT, RULE_TIGHTEN, LIVE_OK));
	sockets[4].socket.unanswered = 3;
	add(make_socket(
	    NULL, "10.1.4.7", "10.20.0.6", NULL, MATCH_NONE, LIVE_UNKNOWN));
	sockets[5].rule_known = false;
	add(make_socket(
	    &AGENT, "0.0.0.0", "0.0.0.0", &OFF, RULE_BACKUP, LIVE_OFF));
	sockets[6].direction = LIVE_LISTENER;
	live.closed_count = 1;
	sort_out();
}

static void
set_up(void)
{
	ck_assert_ptr_nonnull(setlocale(LC_CTYPE, "C.UTF-8"));
	unsetenv("COLORTERM");
	setenv("TERM", "xterm", 1);
	make_rules(&image);
}

static void
tear_down(void)
{
	status_free(&status);
	free((void *)image.bytes);
}

START_TEST(sorted_out)
{
	add_all();
	ck_assert_uint_eq(status.count, 6);
	ck_assert_uint_eq(status.verdicts[LIVE_OK], 2);
	ck_assert_uint_eq(status.verdicts[LIVE_OFF], 1);
	ck_assert_uint_eq(status.verdicts[LIVE_DIFFERS], 1);
	ck_assert_uint_eq(status.verdicts[LIVE_UNKNOWN], 1);
	ck_assert_uint_eq(status.verdicts[LIVE_NO_RULE], 1);
	ck_assert_uint_eq(status.uncovered, 3);
	ck_assert_uint_eq(status.unready, 1);
	ck_assert_ptr_eq(status.connections[5], &sockets[5]);
	status_worst_first(&status);
	ck_assert_ptr_eq(status.connections[0], &sockets[1]);
	ck_assert_ptr_eq(status.connections[1], &sockets[2]);
	ck_assert_ptr_eq(status.connections[2], &sockets[5]);
	ck_assert_ptr_eq(status.connections[3], &sockets[0]);
	ck_assert_ptr_eq(status.connections[4], &sockets[4]);
	ck_assert_ptr_eq(status.connections[5], &sockets[3]);
}
END_TEST

/* One connection, and whether all is covered then. */
static const struct {
	const struct keepalive *have;
	int rule;
	enum live_verdict verdict;
	bool rule_known, covered;
} COVERED[] = {
    {&GOOD, RULE_BACKUP, LIVE_OK, true, true},
    {&OFF, RULE_IGNORE, LIVE_OK, true, true},
    {&OFF, MATCH_NONE, LIVE_NO_RULE, true, true},
    {&OFF, RULE_BACKUP, LIVE_OFF, true, false},
    {&LATE, RULE_BACKUP, LIVE_DIFFERS, true, false},
    {NULL, RULE_BACKUP, LIVE_UNKNOWN, true, false},
    {NULL, MATCH_NONE, LIVE_UNKNOWN, false, false},
    /* Nothing is asked for, whatever it is. */
    {NULL, MATCH_NONE, LIVE_UNKNOWN, true, true},
    {NULL, RULE_IGNORE, LIVE_UNKNOWN, true, true},
};

START_TEST(covered)
{
	add(make_socket(&AGENT, "10.1.4.7", "10.20.0.5", COVERED[_i].have,
	    COVERED[_i].rule, COVERED[_i].verdict));
	sockets[0].rule_known = COVERED[_i].rule_known;
	sort_out();
	ck_assert_int_eq(status_is_covered(&status), COVERED[_i].covered);
	live.hidden_nets = 1;
	ck_assert(!status_is_covered(&status));
	live.hidden_nets = 0;
	live.closed_count = 1;
	ck_assert_int_eq(status_is_covered(&status), COVERED[_i].covered);
	status.chosen = true;
	ck_assert(!status_is_covered(&status));
}
END_TEST

START_TEST(a_listener_is_no_connection)
{
	add(make_socket(
	    &AGENT, "0.0.0.0", "0.0.0.0", &OFF, RULE_BACKUP, LIVE_OFF));
	sockets[0].direction = LIVE_LISTENER;
	sort_out();
	ck_assert_uint_eq(status.count, 0);
	ck_assert_uint_eq(status.unready, 1);
	ck_assert(status_is_covered(&status));
}
END_TEST

static const struct {
	enum diag_timer timer;
	uint32_t expires_ms, heard_ms;
	bool have_known;
	int64_t probe_ms, next_ms;
} PROBES[] = {
    {DIAG_TIMER_KEEPALIVE, 400000, 50000, true, 400000, 400000},
    /* Something came meanwhile: 450 s from then. */
    {DIAG_TIMER_KEEPALIVE, 100000, 50000, true, 400000, 400000},
    {DIAG_TIMER_KEEPALIVE, 0, 450000, true, 0, 0},
    /* After the first probe, the interval. */
    {DIAG_TIMER_KEEPALIVE, 30000, 600000, true, 30000, 30000},
    {DIAG_TIMER_KEEPALIVE, 100000, 50000, false, 100000, 100000},
    {DIAG_TIMER_KEEPALIVE, 100000, DIAG_NOT_TOLD, true, 100000, 100000},
    {DIAG_TIMER_NONE, 0, 50000, true, -1, -1},
    {DIAG_TIMER_RETRANSMIT, 200, 50000, true, -1, 200},
    {DIAG_TIMER_WINDOW, 200, 50000, true, -1, 200},
};

START_TEST(probe)
{
	struct live_socket socket = make_socket(
	    &AGENT, "10.1.4.7", "10.20.0.5", &GOOD, RULE_BACKUP, LIVE_OK);

	socket.socket.timer = PROBES[_i].timer;
	socket.socket.expires_ms = PROBES[_i].expires_ms;
	socket.socket.heard_ms = PROBES[_i].heard_ms;
	socket.have_known = PROBES[_i].have_known;
	ck_assert_int_eq(status_probe_ms(&socket), PROBES[_i].probe_ms);
	ck_assert_int_eq(status_next_ms(&socket), PROBES[_i].next_ms);
}
END_TEST

static const struct {
	uint32_t idle_ms, heard_ms;
	int rule;
	bool known;
	int64_t left_ms;
} LEFT[] = {
    {50000, 60000, RULE_BACKUP, true, 850000},
    {60000, 50000, RULE_BACKUP, true, 850000},
    {1000000, 1000000, RULE_BACKUP, true, -100000},
    {0, 0, RULE_BACKUP, true, 900000},
    {DIAG_NOT_TOLD, DIAG_NOT_TOLD, RULE_BACKUP, false, 0},
    {50000, 60000, RULE_TIGHTEN, false, 0},
    {50000, 60000, RULE_IGNORE, false, 0},
    {50000, 60000, MATCH_NONE, false, 0},
};

START_TEST(left)
{
	int64_t left_ms = 0;

	add(make_socket(
	    &AGENT, "10.1.4.7", "10.20.0.5", &GOOD, LEFT[_i].rule, LIVE_OK));
	sockets[0].socket.idle_ms = LEFT[_i].idle_ms;
	sockets[0].socket.heard_ms = LEFT[_i].heard_ms;
	sort_out();
	ck_assert_int_eq(
	    status_left_ms(&status, &sockets[0], &left_ms), LEFT[_i].known);
	ck_assert_int_eq(left_ms, LEFT[_i].left_ms);
}
END_TEST

static const struct {
	uint32_t idle_ms, heard_ms;
	int rule;
	bool kept;
} KEPT[] = {
    {900001, 100, RULE_BACKUP, true},
    {900000, 100, RULE_BACKUP, false},
    {5000, 100, RULE_BACKUP, false},
    {900001, 900001, RULE_BACKUP, false}, /* over, as far as is known */
    {900001, 899999, RULE_BACKUP, true},
    {900001, 100, RULE_TIGHTEN, false}, /* there is no such key */
    {900001, 100, MATCH_NONE, false},
    {DIAG_NOT_TOLD, DIAG_NOT_TOLD, RULE_BACKUP, false},
};

START_TEST(kept)
{
	add(make_socket(
	    &AGENT, "10.1.4.7", "10.20.0.5", &GOOD, KEPT[_i].rule, LIVE_OK));
	sockets[0].socket.idle_ms = KEPT[_i].idle_ms;
	sockets[0].socket.heard_ms = KEPT[_i].heard_ms;
	sort_out();
	ck_assert_int_eq(status_is_kept(&status, &sockets[0]), KEPT[_i].kept);
	ck_assert_uint_eq(status.kept, KEPT[_i].kept);
}
END_TEST

/*
 * Of 900 s, of which 50 are over: however late a timer of the kernel is, the
 * first are in time and the last are not.
 */
static const struct {
	int idle_s;
	uint32_t expires_ms, unanswered;
	enum diag_timer timer;
	enum live_verdict verdict;
	size_t late;
} TOO_LATE[] = {
    {450, 400000, 0, DIAG_TIMER_KEEPALIVE, LIVE_OK, 0},
    {800, 750000, 0, DIAG_TIMER_KEEPALIVE, LIVE_OK, 0},
    {896, 846000, 0, DIAG_TIMER_KEEPALIVE, LIVE_OK, 1},
    {896, 846000, 0, DIAG_TIMER_KEEPALIVE, LIVE_DIFFERS, 0}, /* said already */
    {1000, 950000, 0, DIAG_TIMER_KEEPALIVE, LIVE_OK, 1},
    /* After a first probe, its interval, 90 s, decides. */
    {450, 830000, 1, DIAG_TIMER_KEEPALIVE, LIVE_OK, 0},
    {450, 841500, 1, DIAG_TIMER_KEEPALIVE, LIVE_OK, 0},
    {450, 849000, 1, DIAG_TIMER_KEEPALIVE, LIVE_OK, 1},
    /* Data goes out again within a second, however it began. */
    {32000, 800, 0, DIAG_TIMER_RETRANSMIT, LIVE_OK, 0},
    {896, 0, 0, DIAG_TIMER_NONE, LIVE_OK, 1},
};

START_TEST(late)
{
	struct keepalive have = GOOD;

	have.value[KEEPALIVE_IDLE] = TOO_LATE[_i].idle_s;
	add(make_socket(&AGENT, "10.1.4.7", "10.20.0.5", &have, RULE_BACKUP,
	    TOO_LATE[_i].verdict));
	sockets[0].socket.timer = TOO_LATE[_i].timer;
	sockets[0].socket.expires_ms = TOO_LATE[_i].expires_ms;
	sockets[0].socket.unanswered = TOO_LATE[_i].unanswered;
	sort_out();
	ck_assert_uint_eq(status.late, TOO_LATE[_i].late);
	ck_assert_int_eq(status_is_covered(&status),
	    TOO_LATE[_i].late == 0 && TOO_LATE[_i].verdict == LIVE_OK);
}
END_TEST

/* What the peer sends counts once its segment was seen to come in. */
START_TEST(seen)
{
	static const struct {
		int64_t now_ms;
		uint32_t heard_ms, segments;
		int64_t silence_ms;
	} LOOKS[] = {
	    {1000, 12000, 7, 12000},
	    {2000, 13000, 7, 13000}, /* nothing came */
	    {3000, 14000, 8, 1000},  /* behind the last look, at the latest */
	    {4000, 15000, 8, 2000},
	    {5000, 0, 9, 0}, /* with data: the kernel knows better */
	    {6000, 1000, 9, 1000},
	};
	struct status_seen looks = {0};
	struct live two = {.sockets = sockets, .count = 2};

	add(make_socket(
	    &AGENT, "10.1.4.7", "10.20.0.5", &GOOD, RULE_BACKUP, LIVE_OK));
	add(make_socket(
	    &AGENT, "10.1.4.7", "10.20.0.6", &GOOD, RULE_BACKUP, LIVE_OK));
	sockets[1].socket.idle_ms = sockets[1].socket.heard_ms = 30000;
	for (size_t i = 0; i < ARRAY_LEN(LOOKS); i++) {
		sockets[0].socket.cookie = 20;
		sockets[1].socket.cookie = 10;
		sockets[0].socket.idle_ms = 60000;
		sockets[0].socket.heard_ms = LOOKS[i].heard_ms;
		sockets[0].socket.segments = LOOKS[i].segments;
		ck_assert_int_eq(
		    status_see(&looks, &two, LOOKS[i].now_ms, LOOKS[i].now_ms),
		    0);
		ck_assert_int_eq(
		    status_silence_ms(&sockets[0]), LOOKS[i].silence_ms);
		ck_assert_int_eq(status_silence_ms(&sockets[1]), 30000);
	}
	/* Another socket, which may have the same descriptor. */
	sockets[0].socket.cookie = 30;
	sockets[0].socket.heard_ms = 40000;
	ck_assert_int_eq(status_see(&looks, &two, 7000, 7000), 0);
	ck_assert_int_eq(status_silence_ms(&sockets[0]), 40000);
	status_seen_free(&looks);
}
END_TEST

/* As from one run to the next. */
static void
pass_on(struct status_seen *looks, int64_t now_ms)
{
	char path[] = "/tmp/kashim-seen.XXXXXX";
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(status_seen_write(looks, path), 0);
	status_seen_free(looks);
	ck_assert_int_eq(status_seen_read(looks, path, now_ms), 0);
	unlink(path);
}

/*
 * A silence is survived when something comes in behind it, and only then. In a
 * loop the next look is another run's, which knows it from a file.
 */
START_TEST(survived)
{
	static const struct {
		int64_t begun_ms, now_ms;
		uint32_t in, out, survived_ms;
	} LOOKS[] = {
	    {1000, 1000, 7, 5, 0},
	    {11000, 11000, 7, 5, 0},
	    {21000, 21000, 8, 5, 10000}, /* it was on at the look before */
	    {41000, 41000, 8, 5, 10000},
	    {51000, 51000, 8, 6, 10000}, /* who knows how far that came */
	    {61000, 61000, 8, 7, 10000},
	    {71000, 71000, 9, 7, 20000}, /* at least the last one came */
	    {72000, 72000, 9, 7, 20000},
	    {102000, 102000, 10, 8, 20000}, /* asked and answered: 1 s */
	    {103000, 103000, 10, 8, 20000},
	    {203000, 203000, 10, 8, 20000},
	    {204000, 204000, 11, 9, 101000},
	    {205000, 205000, 11, 10, 101000}, /* broken at once */
	    {405000, 405000, 11, 10, 101000},
	    {406000, 406000, 12, 10, 101000},
	    /* What came while a look was made may be in it or not. */
	    {506000, 509000, 13, 10, 101000},
	    {611000, 615000, 13, 10, 101000},
	    {616000, 617000, 14, 10, 102000},
	};
	struct status_seen looks = {0};
	struct live one = {.sockets = sockets, .count = 1};

	add(make_socket(
	    &AGENT, "10.1.4.7", "10.20.0.5", &GOOD, RULE_BACKUP, LIVE_OK));
	for (size_t i = 0; i < ARRAY_LEN(LOOKS); i++) {
		sockets[0].socket.segments = LOOKS[i].in;
		sockets[0].socket.segments_sent = LOOKS[i].out;
		ck_assert_int_eq(status_see(&looks, &one, LOOKS[i].begun_ms,
				     LOOKS[i].now_ms),
		    0);
		ck_assert_uint_eq(sockets[0].survived_ms, LOOKS[i].survived_ms);
		ck_assert_int_eq(sockets[0].moved_known, LOOKS[i].in > 7);
		if (_i > 0)
			pass_on(&looks, LOOKS[i].now_ms);
	}
	/* Of an MPTCP connection it may be another subflow's. */
	sockets[0].socket.mptcp = true;
	sockets[0].socket.segments++;
	ck_assert_int_eq(status_see(&looks, &one, 900000, 900000), 0);
	ck_assert_uint_eq(sockets[0].survived_ms, 0);
	sockets[0].socket.mptcp = false;
	sockets[0].socket.cookie++;
	ck_assert_int_eq(status_see(&looks, &one, 1000000, 1000000), 0);
	ck_assert_uint_eq(sockets[0].survived_ms, 0);
	status_seen_free(&looks);
}
END_TEST

/* What a run can't go by is as if there were nothing; what it may not, fails.
 */
START_TEST(state)
{
	struct status_seen looks = {0};
	struct live two = {.sockets = sockets, .count = 2};
	char path[] = "/tmp/kashim-seen.XXXXXX";
	FILE *file;

	close(mkstemp(path));
	unlink(path);
	ck_assert_int_eq(status_seen_read(&looks, path, 5000), 0);
	ck_assert_uint_eq(looks.count, 0);
	add(make_socket(
	    &AGENT, "10.1.4.7", "10.20.0.5", &GOOD, RULE_BACKUP, LIVE_OK));
	add(make_socket(
	    &AGENT, "10.1.4.7", "10.20.0.6", &GOOD, RULE_BACKUP, LIVE_OK));
	sockets[1].socket.cookie = 1;
	ck_assert_int_eq(status_see(&looks, &two, 4000, 5000), 0);
	ck_assert_int_eq(status_seen_write(&looks, path), 0);
	status_seen_free(&looks);
	ck_assert_int_eq(status_seen_read(&looks, path, 4000), 0);
	ck_assert_uint_eq(looks.count, 2);
	ck_assert_int_eq(looks.time_ms, 4000);
	status_seen_free(&looks);
	/* The clock began anew. */
	ck_assert_int_eq(status_seen_read(&looks, path, 3999), 0);
	ck_assert_uint_eq(looks.count, 0);
	ck_assert_int_eq(chmod(path, 0666), 0);
	ck_assert_int_eq(status_seen_read(&looks, path, 5000), -EPERM);
	ck_assert_int_eq(chmod(path, 0644), 0);
	/* Another boot. */
	file = fopen(path, "r+e");
	ck_assert_int_eq(fseek(file, strlen("kashim-seen 1 "), SEEK_SET), 0);
	fputs("00000000-0000", file);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(status_seen_read(&looks, path, 5000), 0);
	ck_assert_uint_eq(looks.count, 0);
	/* A line is missing. */
	sockets[1].socket.cookie = 1;
	ck_assert_int_eq(status_see(&looks, &two, 4000, 5000), 0);
	ck_assert_int_eq(status_seen_write(&looks, path), 0);
	status_seen_free(&looks);
	ck_assert_int_eq(truncate(path, 80), 0);
	ck_assert_int_eq(status_seen_read(&looks, path, 5000), 0);
	ck_assert_uint_eq(looks.count, 0);
	/* An empty one, and what is something else. */
	ck_assert_int_eq(truncate(path, 0), 0);
	ck_assert_int_eq(status_seen_read(&looks, path, 5000), 0);
	file = fopen(path, "we");
	fputs("rule all { idle = 300 }\n", file);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(status_seen_read(&looks, path, 5000), -EEXIST);
	unlink(path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(status_seen_read(&looks, path, 5000), -EBADF);
	unlink(path);
	ck_assert_int_eq(
	    status_seen_write(&looks, "/proc/none/state"), -ENOENT);
}
END_TEST

/* What getsockopt(2) tells, and when its timer really runs out. */
static const struct keepalive RARE = {ALL_OPTIONS, {300, 600, 9, 90500, 1}};
static const struct {
	const struct keepalive *have;
	int rule;
	enum diag_timer timer;
	uint32_t unanswered, expires_ms, heard_ms;
	enum live_verdict verdict;
	const char *note;
} TIMERS[] = {
    {&GOOD, RULE_BACKUP, DIAG_TIMER_KEEPALIVE, 0, 400000, 50000, LIVE_OK, ""},
    {&GOOD, RULE_BACKUP, DIAG_TIMER_KEEPALIVE, 0, 401000, 50000, LIVE_OK, ""},
    {&GOOD, RULE_BACKUP, DIAG_TIMER_KEEPALIVE, 0, 401001, 50000, LIVE_DIFFERS,
	"next probe in 401 s, by idle in 400 s: its timer is an older "
	"one, kashim apply sets it"},
    {&GOOD, RULE_BACKUP, DIAG_TIMER_KEEPALIVE, 0, 7198000, 2000, LIVE_DIFFERS,
	"next probe in 7198 s, by idle in 448 s: its timer is an older "
	"one, kashim apply sets it"},
    {&GOOD, RULE_BACKUP, DIAG_TIMER_KEEPALIVE, 0, 0, 600000, LIVE_OK, ""},
    {&GOOD, RULE_BACKUP, DIAG_TIMER_KEEPALIVE, 0, 2000, 600000, LIVE_DIFFERS,
	"next probe in 2 s, by idle in 0 s: its timer is an older "
	"one, kashim apply sets it"},
    /* After a probe, the interval. */
    {&GOOD, RULE_BACKUP, DIAG_TIMER_KEEPALIVE, 1, 90000, 600000, LIVE_OK, ""},
    {&GOOD, RULE_BACKUP, DIAG_TIMER_KEEPALIVE, 1, 92000, 600000, LIVE_DIFFERS,
	"next probe in 92 s, by interval in 90 s: its timer is an "
	"older one, kashim apply sets it"},
    /* Tighter is ok, and the rule is what counts. */
    {&TIGHT, RULE_TIGHTEN, DIAG_TIMER_KEEPALIVE, 0, 299000, 1000, LIVE_OK, ""},
    {&TIGHT, RULE_TIGHTEN, DIAG_TIMER_KEEPALIVE, 0, 400000, 1000, LIVE_DIFFERS,
	"next probe in 400 s, by idle in 299 s: its timer is an older "
	"one, kashim apply sets it"},
    /* An answered probe was 5 s ago: the timer runs for the interval. */
    {&RARE, RULE_TIGHTEN, DIAG_TIMER_KEEPALIVE, 0, 595000, 5000, LIVE_OK, ""},
    /* It is not known, or there is none. */
    {&GOOD, RULE_BACKUP, DIAG_TIMER_RETRANSMIT, 0, 7198000, 2000, LIVE_OK, ""},
    {&GOOD, RULE_BACKUP, DIAG_TIMER_KEEPALIVE, 0, 7198000, DIAG_NOT_TOLD,
	LIVE_OK, ""},
    {&GOOD, RULE_IGNORE, DIAG_TIMER_KEEPALIVE, 0, 7198000, 2000, LIVE_OK, ""},
    {&OFF, RULE_BACKUP, DIAG_TIMER_KEEPALIVE, 0, 7198000, 2000, LIVE_OFF,
	"rule: idle 450 s, interval 90 s, count 5"},
    /* It is not what differs. */
    {&LATE, RULE_TIGHTEN, DIAG_TIMER_KEEPALIVE, 0, 7198000, 2000, LIVE_DIFFERS,
	"idle 7200 s, rule: 300 s; user-timeout none, rule: 90500 ms"},
};

START_TEST(late_timer)
{
	char text[STATUS_NOTE_MAX];

	add(make_socket(&AGENT, "10.1.4.7", "10.20.0.5", TIMERS[_i].have,
	    TIMERS[_i].rule, LIVE_OK));
	sockets[0].socket.timer = TIMERS[_i].timer;
	sockets[0].socket.unanswered = TIMERS[_i].unanswered;
	sockets[0].socket.expires_ms = TIMERS[_i].expires_ms;
	sockets[0].socket.heard_ms = TIMERS[_i].heard_ms;
	sockets[0].verdict = live_verdict(&image, &sockets[0]);
	ck_assert_int_eq(sockets[0].verdict, TIMERS[_i].verdict);
	sort_out();
	status_remark(&status, &sockets[0], text);
	ck_assert_str_eq(text, TIMERS[_i].note);
}
END_TEST

static const struct {
	const struct process *process;
	const struct keepalive *have;
	int rule;
	enum live_verdict verdict;
	size_t closed;
	const char *note;
} NOTES[] = {
    {&AGENT, &GOOD, RULE_BACKUP, LIVE_OK, 0, ""},
    {&AGENT, &LATE, RULE_BACKUP, LIVE_DIFFERS, 0,
	"idle 7200 s, rule: 450 s; interval 75 s, rule: 90 s; count 9, rule: "
	"5"},
    {&AGENT, &OFF, RULE_BACKUP, LIVE_OFF, 0,
	"rule: idle 450 s, interval 90 s, count 5"},
    {&AGENT, &LATE, RULE_TIGHTEN, LIVE_DIFFERS, 0,
	"idle 7200 s, rule: 300 s; user-timeout none, rule: 90500 ms"},
    {&AGENT, &TIGHT, RULE_TIGHTEN, LIVE_OK, 0, ""},
    /* What cannot be told cannot differ. */
    {&AGENT, &MPTCP, RULE_TIGHTEN, LIVE_DIFFERS, 0, "idle 450 s, rule: 300 s"},
    {&CLOSED, NULL, RULE_BACKUP, LIVE_UNKNOWN, 0,
	"not permitted to look into the process"},
    {NULL, NULL, RULE_BACKUP, LIVE_UNKNOWN, 1,
	"not permitted to see which process has it"},
    {NULL, NULL, RULE_BACKUP, LIVE_UNKNOWN, 0,
	"no process was found that has it"},
};

START_TEST(note)
{
	char text[STATUS_NOTE_MAX];

	add(make_socket(NOTES[_i].process, "10.1.4.7", "10.20.0.5",
	    NOTES[_i].have, NOTES[_i].rule, NOTES[_i].verdict));
	live.closed_count = NOTES[_i].closed;
	sort_out();
	status_remark(&status, &sockets[0], text);
	ck_assert_str_eq(text, NOTES[_i].note);
}
END_TEST

START_TEST(names)
{
	char text[STATUS_ENDPOINT_MAX];
	struct addr addr;

	ck_assert_str_eq(process_program(&AGENT), "sm_agent");
	ck_assert_str_eq(process_program(&EVIL), "e\033[31m\"\\\xff");
	ck_assert_str_eq(process_program(&CLOSED), "closed");
	ck_assert_str_eq(status_state_name(TCP_ESTABLISHED), "established");
	ck_assert_str_eq(status_state_name(TCP_CLOSING), "closing");
	ck_assert_str_eq(status_state_name(0), "?");
	ck_assert_str_eq(status_state_name(200), "?");
	ck_assert_int_eq(
	    addr_parse("1111:2222:3333:4444:5555:6666:7777:8888", &addr), 0);
	ck_assert_uint_eq(status_endpoint(&addr, 65535, text), 47);
	ck_assert_str_eq(
	    text, "[1111:2222:3333:4444:5555:6666:7777:8888]:65535");
	ck_assert_int_eq(addr_parse("10.1.4.7", &addr), 0);
	status_endpoint(&addr, 80, text);
	ck_assert_str_eq(text, "10.1.4.7:80");
}
END_TEST

#define F "\u2588"
#define E "\u2591"
#define M "\u2503"

static const struct {
	const char *locale;
	int64_t left_ms, probe_ms;
	const char *bar;
} BARS[] = {
    {"C.UTF-8", 1000, -1, F F F F F F F F F F},
    {"C.UTF-8", 1000, 500, F F F F F M F F F F},
    {"C.UTF-8", 500, 450, M F F F F E E E E E},
    {"C.UTF-8", 1, -1, F E E E E E E E E E},
    {"C.UTF-8", 0, -1, E E E E E E E E E E},
    {"C.UTF-8", -500, -1, E E E E E E E E E E},
    {"C.UTF-8", 500, 500, F F F F F E E E E E},
    {"C.UTF-8", 500, 0, F F F F F M E E E E},
    {"C", 700, 300, "####|##..."},
};

START_TEST(bar)
{
	char text[STATUS_BAR_MAX];

	ck_assert_ptr_nonnull(setlocale(LC_CTYPE, BARS[_i].locale));
	status_bar(BARS[_i].left_ms, BARS[_i].probe_ms, 1000, 10, text);
	ck_assert_str_eq(text, BARS[_i].bar);
	status_bar(BARS[_i].left_ms, BARS[_i].probe_ms, 1000, 10000, text);
	ck_assert_uint_lt(strlen(text), STATUS_BAR_MAX);
}
END_TEST

/* What print prints. */
static const char *
printed(void (*print)(FILE *out))
{
	static char *text;
	size_t length;
	FILE *out;

	free(text);
	out = open_memstream(&text, &length);
	ck_assert_ptr_nonnull(out);
	print(out);
	ck_assert_int_eq(fclose(out), 0);
	return text;
}

static struct status_look look;

static void
print_table(FILE *out)
{
	status_table(out, &status, &look);
}

static void
print_list(FILE *out)
{
	status_list(out, &status);
}

static void
print_metrics(FILE *out)
{
	ck_assert_int_eq(status_openmetrics(out, &status), 0);
}

static void
print_json(FILE *out)
{
	ck_assert_int_eq(status_json(out, &status), 0);
}

static void
print_summary(FILE *out)
{
	status_summary(out, &status, "", false);
}

START_TEST(table_of_80_columns)
{
	add_all();
	look = (struct status_look){.columns = 80};
	ck_assert_str_eq(printed(print_table),
	    "VERDICT  LOCAL                   REMOTE                 STATE     "
	    "  KEEPALIVE\n"
	    "         USER  PROBE-IN  LOST  RULE                  LEFT\n"
	    "sm_agent[4711]  backup-agent.service\n"
	    "ok       10.1.4.7:40000       -> 10.20.0.5:3300         estab     "
	    "  450s/90s/5\n"
	    "               6min40s   0     backup                14min10s\n"
	    "off      10.1.4.7:40000       -> 10.20.0.5:3300         estab     "
	    "  off\n"
	    "                               backup                14min10s\n"
	    "         rule: idle 450 s, interval 90 s, count 5\n"
	    "differs  [2001:db8::1]:40000  <- [2001:db8:20::7]:3300  estab     "
	    "  7200s/75s/9\n"
	    "               1h59min   0     backup                14min10s\n"
	    "         idle 7200 s, rule: 450 s; interval 75 s, rule: 90 s; "
	    "count 9, rule: 5\n"
	    "e?[31m\"\\?[66]\n"
	    "no rule  10.1.4.7:40000       -- 10.9.9.9:3300          "
	    "close-wait  off\n"
	    "ok       127.0.0.1:40000      -> 127.0.0.1:3300         estab     "
	    "  60s/75s/9\n"
	    "         2s    6min40s   3     a-rule-with-a-name-…\n"
	    "not permitted to see which process has it\n"
	    "unknown  10.1.4.7:40000       -> 10.20.0.6:3300         estab\n");
}
END_TEST

START_TEST(table_of_140_columns)
{
	add_all();
	look = (struct status_look){.columns = 140};
	ck_assert_str_eq(printed(print_table),
	    "VERDICT  LOCAL                   REMOTE                 STATE     "
	    "  KEEPALIVE    USER  PROBE-IN  LOST  RULE                         "
	    "LEFT\n"
	    "sm_agent[4711]  backup-agent.service\n"
	    "ok       10.1.4.7:40000       -> 10.20.0.5:3300         estab     "
	    "  450s/90s/5         6min40s   0     backup                       "
	    "14min10s\n"
	    "off      10.1.4.7:40000       -> 10.20.0.5:3300         estab     "
	    "  off                                backup                       "
	    "14min10s\n"
	    "         rule: idle 450 s, interval 90 s, count 5\n"
	    "differs  [2001:db8::1]:40000  <- [2001:db8:20::7]:3300  estab     "
	    "  7200s/75s/9        1h59min   0     backup                       "
	    "14min10s\n"
	    "         idle 7200 s, rule: 450 s; interval 75 s, rule: 90 s; "
	    "count 9, rule: 5\n"
	    "e?[31m\"\\?[66]\n"
	    "no rule  10.1.4.7:40000       -- 10.9.9.9:3300          "
	    "close-wait  off\n"
	    "ok       127.0.0.1:40000      -> 127.0.0.1:3300         estab     "
	    "  60s/75s/9    2s    6min40s   3     a-rule-with-a-name-that-is…\n"
	    "not permitted to see which process has it\n"
	    "unknown  10.1.4.7:40000       -> 10.20.0.6:3300         estab\n");
}
END_TEST

/* Red is the time that is left only where no probe comes before it is over. */
START_TEST(colours)
{
	add(make_socket(
	    &AGENT, "10.1.4.7", "10.20.0.5", &GOOD, RULE_BACKUP, LIVE_OK));
	sort_out();
	look = (struct status_look){.columns = 140, .coloured = true};
	ck_assert_ptr_null(strstr(printed(print_table), "\033[31m"));
	ck_assert_ptr_nonnull(strstr(printed(print_table), "\033[32mok\033[m"));
	sockets[0].socket.unanswered = 1;
	ck_assert_ptr_nonnull(
	    strstr(printed(print_table), "\033[35m14min10s\033[m"));
	sockets[0].socket.timer = DIAG_TIMER_NONE;
	ck_assert_ptr_nonnull(
	    strstr(printed(print_table), "\033[31m14min10s\033[m"));
}
END_TEST

START_TEST(milliseconds)
{
	add(make_socket(
	    &AGENT, "10.1.4.7", "10.20.0.5", &GOOD, RULE_BACKUP, LIVE_OK));
	sockets[0].socket.expires_ms = 400012;
	sockets[0].socket.idle_ms = 901500;
	sockets[0].socket.heard_ms = 901500;
	sort_out();
	ck_assert_ptr_nonnull(strstr(printed(print_list), " 400.012 "));
	ck_assert_ptr_nonnull(strstr(printed(print_list), " -1.5 "));
}
END_TEST

/* Of add_all(). */
static void
look_after(void)
{
	static const uint8_t by[] = {STATUS_KERNEL, 0,
	    STATUS_LIBRARY | STATUS_KERNEL, STATUS_UNSURE, STATUS_SUPERVISOR,
	    STATUS_UNSURE};
	static const struct status_attached attached[] = {
	    {{.cgroup = 1,
		 .path = "/cg",
		 .rules = 7,
		 .config = "/k.conf",
		 .counted = true,
		 .counts = {{1, 2, 3, 0, 5}}},
		1, 3},
	    {{.cgroup = 2,
		 .path = "/cg/a\033",
		 .rules = 1,
		 .config = "/l",
		 .counted = true,
		 .counts = {{0, 0, 0, UINT64_C(1) << 40, 0}}},
		0, 0},
	    {{.cgroup = 3, .incomplete = true, .rules = 2, .config = "/m"},
		-EIO, 0},
	    {{.cgroup = 4,
		 .gone = true,
		 .incomplete = true,
		 .config = "/n",
		 .counted = true},
		1, 3},
	};

	status.by = malloc(sizeof(by));
	status.attached = malloc(sizeof(attached));
	memcpy(status.by, by, sizeof(by));
	memcpy(status.attached, attached, sizeof(attached));
	status.attached_count = ARRAY_LEN(attached);
	status.attached_known = true;
}

START_TEST(what_is_attached)
{
	static const char *const TEXT[] = {
	    "kernel: /cg: 7 rules of /k.conf, generation 3\n"
	    "  got their rule: 1 when connecting, 2 when accepting; "
	    "without a rule: 3; settings held: 5\n"
	    "kernel: /cg/a?: 1 rule of /l, but not those in force\n"
	    "  got their rule: 0 when connecting, 0 when accepting; "
	    "without a rule: 0; settings held: 0\n"
	    "  1099511627776 failed: not all that the rule says, since memory "
	    "was out or an option refused\n"
	    "kernel: control group 3: 2 rules of /m, and whether these are in "
	    "force can't be told; what holds them is gone\n"
	    "kernel: control group 4, which is gone: reaches nothing any "
	    "more\n",
	};
	static const char *const METRICS[] = {
	    "\nkashim_attached_not_known 0\n",
	    "\n# TYPE kashim_attached_connections counter\n"
	    "kashim_attached_connections_total{cgroup=\"/cg\",result="
	    "\"connected\"} 1\n"
	    "kashim_attached_connections_total{cgroup=\"control group 2\","
	    "result=\"connected\"} 0\n"
	    "kashim_attached_connections_total{cgroup=\"/cg\",result="
	    "\"accepted\"} 2\n",
	    "\nkashim_attached_connections_total{cgroup=\"/cg\",result="
	    "\"no rule\"} 3\n",
	    "\nkashim_attached_settings_held_total{cgroup=\"/cg\"} 5\n",
	    "\nkashim_attached_failures_total{cgroup=\"control group 2\"} "
	    "1099511627776\n# HELP kashim_run",
	    "\nkashim_attached_control_groups 4\n",
	    "\nkashim_attached_control_groups_gone 1\n",
	    "\nkashim_attached_control_groups_incomplete 1\n",
	    "\nkashim_attached_control_groups_with_older_policy 2\n",
	    "\nkashim_connections_looked_after{by=\"library\"} 1\n",
	    "\nkashim_connections_looked_after{by=\"supervisor\"} 1\n",
	    "\nkashim_connections_looked_after{by=\"kernel\"} 2\n",
	    "\nkashim_connections_looked_after{by=\"unknown\"} 0\n",
	    "\nkashim_connections_looked_after{by=\"nobody\"} 1\n",
	};

	add_all();
	ck_assert_ptr_null(strstr(printed(print_summary), "kernel"));
	ck_assert_ptr_null(strstr(printed(print_metrics), "groups_gone 0"));
	ck_assert_ptr_nonnull(
	    strstr(printed(print_json), "\"attached\": null"));
	snprintf(status.attached_error, KERNEL_TEXT_MAX, "not\033 here");
	ck_assert_ptr_nonnull(strstr(printed(print_summary),
	    "\nkernel: what is attached is not known: not? here\n"));
	*status.attached_error = '\0';
	look_after();
	for (size_t i = 0; i < ARRAY_LEN(TEXT); i++)
		ck_assert_msg(
		    strstr(printed(print_summary), TEXT[i]), "%s", TEXT[i]);
	for (size_t i = 0; i < ARRAY_LEN(METRICS); i++)
		ck_assert_msg(strstr(printed(print_metrics), METRICS[i]), "%s",
		    METRICS[i]);
}
END_TEST

/* Beside the name of a process. */
START_TEST(who_looks_after)
{
	static const struct {
		uint8_t by[3];
		const char *words;
	} CASES[] = {
	    {{0, 0, 0}, "  nobody looks after it\n"},
	    {{0, STATUS_UNSURE, 0}, "\n"},
	    {{STATUS_KERNEL, STATUS_KERNEL, STATUS_KERNEL | STATUS_UNSURE},
		"  looked after by the kernel\n"},
	    {{0, STATUS_KERNEL, 0}, "  the kernel looks after 1 of 3\n"},
	    {{STATUS_SUPERVISOR, STATUS_SUPERVISOR, STATUS_SUPERVISOR},
		"  supervised\n"},
	    {{STATUS_LIBRARY, STATUS_LIBRARY, STATUS_LIBRARY}, "\n"},
	};
	static const char BEFORE[] = "sm_agent[4711]  backup-agent.service";
	const char *title;

	add_all();
	look_after();
	look.columns = 200;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		memcpy(status.by, CASES[i].by, sizeof(CASES[i].by));
		title = strstr(printed(print_table), BEFORE);
		ck_assert_ptr_nonnull(title);
		title += strlen(BEFORE);
		ck_assert_msg(
		    strncmp(title, CASES[i].words, strlen(CASES[i].words)) == 0,
		    "%.80s", title);
	}
	/* No rule is for them. */
	status.by[3] = status.by[4] = 0;
	sockets[4].rule = MATCH_NONE;
	ck_assert_ptr_null(strstr(printed(print_table), "nobody"));
}
END_TEST

START_TEST(list)
{
	add_all();
	look_after();
	ck_assert_str_eq(printed(print_list),
	    "#PROCESS           PID  DIRECTION LOCAL               REMOTE      "
	    "          STATE       KEEPALIVE IDLE INTERVAL COUNT USER-TIMEOUT "
	    "NEXT-PROBE UNANSWERED TIME-LEFT VERDICT RULE   "
	    "                         BY\n"
	    "sm_agent           4711 connect   10.1.4.7:40000      "
	    "10.20.0.5:3300        established on        450  90       5     0 "
	    "           400        0          850       ok      backup "
	    "                         kernel\n"
	    "sm_agent           4711 connect   10.1.4.7:40000      "
	    "10.20.0.5:3300        established off       7200 75       9     0 "
	    "           -          -          850       off     backup "
	    "                         nobody\n"
	    "sm_agent           4711 accept    [2001:db8::1]:40000 "
	    "[2001:db8:20::7]:3300 established on        7200 75       9     0 "
	    "           7150       0          850       differs backup "
	    "                         library,kernel\n"
	    "e\\033[31m\"\\134\\377 66   -         10.1.4.7:40000      "
	    "10.9.9.9:3300         close-wait  off       7200 75       9     0 "
	    "           -          -          -         no-rule -      "
	    "                         -\n"
	    "e\\033[31m\"\\134\\377 66   connect   127.0.0.1:40000     "
	    "127.0.0.1:3300        established on        60   75       9     2 "
	    "           400        3          -         ok      "
	    "a-rule-with-a-name-that-is-long supervisor\n"
	    "-                  -    connect   10.1.4.7:40000      "
	    "10.20.0.6:3300        established -         -    -        -     - "
	    "           -          -          -         unknown -      "
	    "                         -\n");
}
END_TEST

START_TEST(metrics)
{
	struct process also = EVIL;

	add_all();
	/* Another name in bytes, and the same in UTF-8. */
	also.name[1][8] = '\xfe';
	sockets[4].process = &also;
	sockets[4].rule = MATCH_NONE;
	sockets[4].verdict = LIVE_NO_RULE;
	ck_assert_str_eq(printed(print_metrics),
	    "# HELP kashim_connections Live TCP connections, by the rule that "
	    "should apply and how they stand.\n"
	    "# TYPE kashim_connections gauge\n"
	    "kashim_connections{program=\"\",rule=\"\",verdict=\"unknown\"} 1\n"
	    "kashim_connections{program=\"e�[31m\\\"\\\\�\",rule=\"\",verdict="
	    "\"no rule\"} 2\n"
	    "kashim_connections{program=\"sm_agent\",rule=\"backup\",verdict="
	    "\"ok\"} 1\n"
	    "kashim_connections{program=\"sm_agent\",rule=\"backup\",verdict="
	    "\"differs\"} 1\n"
	    "kashim_connections{program=\"sm_agent\",rule=\"backup\",verdict="
	    "\"off\"} 1\n"
	    "# HELP kashim_unanswered_probes Keepalive probes without an "
	    "answer up to now, in all.\n"
	    "# TYPE kashim_unanswered_probes gauge\n"
	    "kashim_unanswered_probes{program=\"\",rule=\"\"} 0\n"
	    "kashim_unanswered_probes{program=\"e�[31m\\\"\\\\�\",rule=\"\"} "
	    "3\n"
	    "kashim_unanswered_probes{program=\"sm_agent\",rule=\"backup\"} 0\n"
	    "# HELP kashim_firewall_timeout_left_seconds Time until the first "
	    "of the connections has been silent for its rule's "
	    "firewall-timeout.\n"
	    "# TYPE kashim_firewall_timeout_left_seconds gauge\n"
	    "# UNIT kashim_firewall_timeout_left_seconds seconds\n"
	    "kashim_firewall_timeout_left_seconds{program=\"sm_agent\",rule="
	    "\"backup\"} 850.000\n"
	    "# HELP kashim_connections_kept_alive Connections without data "
	    "for longer than their rule's firewall-timeout, of which something "
	    "was heard since.\n"
	    "# TYPE kashim_connections_kept_alive gauge\n"
	    "kashim_connections_kept_alive{program=\"\",rule=\"\"} 0\n"
	    "kashim_connections_kept_alive{program=\"e�[31m\\\"\\\\�\",rule="
	    "\"\"} "
	    "0\n"
	    "kashim_connections_kept_alive{program=\"sm_agent\",rule="
	    "\"backup\"} 0\n"
	    "# HELP kashim_data_silence_seconds The longest time that one of "
	    "the connections has been without data.\n"
	    "# TYPE kashim_data_silence_seconds gauge\n"
	    "# UNIT kashim_data_silence_seconds seconds\n"
	    "kashim_data_silence_seconds{program=\"\",rule=\"\"} 50.000\n"
	    "kashim_data_silence_seconds{program=\"e�[31m\\\"\\\\�\",rule=\"\"}"
	    " "
	    "50.000\n"
	    "kashim_data_silence_seconds{program=\"sm_agent\",rule=\"backup\"} "
	    "50.000\n"
	    "# HELP kashim_survived_silence_seconds The longest silence that "
	    "one of the connections is known to have survived: nothing was "
	    "sent either way, and then something came in.\n"
	    "# TYPE kashim_survived_silence_seconds gauge\n"
	    "# UNIT kashim_survived_silence_seconds seconds\n"
	    "# HELP kashim_firewall_timeout_seconds The firewall-timeout of "
	    "the rule.\n"
	    "# TYPE kashim_firewall_timeout_seconds gauge\n"
	    "# UNIT kashim_firewall_timeout_seconds seconds\n"
	    "kashim_firewall_timeout_seconds{program=\"sm_agent\",rule="
	    "\"backup\"} 900.000\n"
	    "# HELP kashim_covered Whether every connection that a rule "
	    "matches is known to have what the rule says.\n"
	    "# TYPE kashim_covered gauge\n"
	    "kashim_covered 0\n"
	    "# HELP kashim_listeners_without_options Listeners that have not "
	    "what their rule says.\n"
	    "# TYPE kashim_listeners_without_options gauge\n"
	    "kashim_listeners_without_options 1\n"
	    "# HELP kashim_processes_not_permitted Processes that may not be "
	    "looked into.\n"
	    "# TYPE kashim_processes_not_permitted gauge\n"
	    "kashim_processes_not_permitted 1\n"
	    "# HELP kashim_namespaces_not_listed Network namespaces whose "
	    "connections could not be listed.\n"
	    "# TYPE kashim_namespaces_not_listed gauge\n"
	    "kashim_namespaces_not_listed 0\n"
	    "# HELP kashim_policy_older_than_text Whether the configuration "
	    "was changed since the policy in force was made of it.\n"
	    "# TYPE kashim_policy_older_than_text gauge\n"
	    "kashim_policy_older_than_text 0\n"
	    "# HELP kashim_processes_with_older_policy Programs with "
	    "connections that keep an older policy than the one in force until "
	    "they start again.\n"
	    "# TYPE kashim_processes_with_older_policy gauge\n"
	    "kashim_processes_with_older_policy 0\n"
	    "# HELP kashim_connections_looked_after Connections that a rule "
	    "asks keepalive for, by who sees to that; one that two look after "
	    "counts for each.\n"
	    "# TYPE kashim_connections_looked_after gauge\n"
	    "kashim_connections_looked_after{by=\"library\"} 0\n"
	    "kashim_connections_looked_after{by=\"supervisor\"} 0\n"
	    "kashim_connections_looked_after{by=\"kernel\"} 0\n"
	    "kashim_connections_looked_after{by=\"unknown\"} 3\n"
	    "kashim_connections_looked_after{by=\"nobody\"} 0\n"
	    "# HELP kashim_attached_not_known Whether it could not be told "
	    "what \"kashim attach\" has attached.\n"
	    "# TYPE kashim_attached_not_known gauge\n"
	    "kashim_attached_not_known 1\n"
	    "# HELP kashim_attached_control_groups Control groups that "
	    "\"kashim attach\" has attached, and those that are gone.\n"
	    "# TYPE kashim_attached_control_groups gauge\n"
	    "# HELP kashim_attached_control_groups_gone Attached control "
	    "groups that were removed since: nothing is reached by them any "
	    "more.\n"
	    "# TYPE kashim_attached_control_groups_gone gauge\n"
	    "# HELP kashim_attached_control_groups_incomplete Attached control "
	    "groups where what holds the rules against programs is gone.\n"
	    "# TYPE kashim_attached_control_groups_incomplete gauge\n"
	    "# HELP kashim_attached_control_groups_with_older_policy Attached "
	    "control groups whose rules are not known to be those in force.\n"
	    "# TYPE kashim_attached_control_groups_with_older_policy gauge\n"
	    "# HELP kashim_attached_connections Connections that the kernel "
	    "gave what their rule says, when they were made and when they were "
	    "accepted, and those without a rule, since \"kashim attach\".\n"
	    "# TYPE kashim_attached_connections counter\n"
	    "# HELP kashim_attached_settings_held What programs set "
	    "themselves, in place of which the kernel took what the rule says, "
	    "since \"kashim attach\".\n"
	    "# TYPE kashim_attached_settings_held counter\n"
	    "# HELP kashim_attached_failures Connections and listeners for "
	    "which the kernel could not do all that their rule says, since "
	    "\"kashim attach\".\n"
	    "# TYPE kashim_attached_failures counter\n"
	    "# HELP kashim_run_timestamp_seconds When this was read, in "
	    "seconds since 1970.\n"
	    "# TYPE kashim_run_timestamp_seconds gauge\n"
	    "# UNIT kashim_run_timestamp_seconds seconds\n"
	    "kashim_run_timestamp_seconds 1795234590\n"
	    "# HELP kashim_build_info The version of kashim; the value is "
	    "always 1.\n"
	    "# TYPE kashim_build_info gauge\n"
	    "kashim_build_info{version=\"" KASHIM_VERSION "\"} 1\n"
	    "# EOF\n");
}
END_TEST

/* Of several connections with the same labels: how many, the sum, the worst. */
START_TEST(metrics_of_a_group)
{
	static const struct {
		uint32_t idle_ms, heard_ms, unanswered, survived_ms;
	} GROUP[] = {
	    {960000, 200000, 1, 0},
	    {970000, 890000, 4, 951020},
	    {10000, 10000, 2, 900000},
	};
	static const char *const VALUES[] = {
	    "\nkashim_connections{program=\"sm_agent\",rule=\"backup\","
	    "verdict=\"ok\"} 3\n",
	    "\nkashim_unanswered_probes{program=\"sm_agent\",rule=\"backup\"} "
	    "7\n",
	    "\nkashim_firewall_timeout_left_seconds{program=\"sm_agent\","
	    "rule=\"backup\"} 10.000\n",
	    "\nkashim_connections_kept_alive{program=\"sm_agent\","
	    "rule=\"backup\"} 2\n",
	    "\nkashim_data_silence_seconds{program=\"sm_agent\","
	    "rule=\"backup\"} 970.000\n",
	    "\nkashim_survived_silence_seconds{program=\"sm_agent\","
	    "rule=\"backup\"} 951.020\n",
	};
	const char *text;

	for (size_t i = 0; i < ARRAY_LEN(GROUP); i++) {
		add(make_socket(&AGENT, "10.1.4.7", "10.20.0.5", &GOOD,
		    RULE_BACKUP, LIVE_OK));
		sockets[i].socket.idle_ms = GROUP[i].idle_ms;
		sockets[i].socket.heard_ms = GROUP[i].heard_ms;
		sockets[i].socket.unanswered = GROUP[i].unanswered;
		sockets[i].survived_ms = GROUP[i].survived_ms;
	}
	/* Of another group nothing of that kind is known. */
	add(make_socket(
	    &EVIL, "10.1.4.7", "10.9.9.9", &OFF, RULE_BACKUP, LIVE_OFF));
	sockets[3].socket.idle_ms = sockets[3].socket.heard_ms = DIAG_NOT_TOLD;
	sort_out();
	text = printed(print_metrics);
	for (size_t i = 0; i < ARRAY_LEN(VALUES); i++)
		ck_assert_msg(strstr(text, VALUES[i]), "%s%s", text, VALUES[i]);
	ck_assert_ptr_null(strstr(text, "silence_seconds{program=\"e"));
	ck_assert_ptr_null(strstr(text, "left_seconds{program=\"e"));
}
END_TEST

START_TEST(summary)
{
	static const char text[] =
	    "6 connections: 2 ok, 1 off, 1 differs, 1 unknown, 1 no rule\n"
	    "2 more that no program has accepted yet\n"
	    "1 listener without what the rule says\n"
	    "1 process and 2 network namespaces could not be looked into: ";
	char cut[sizeof(text)];

	add_all();
	live.waiting = 2;
	live.hidden_nets = 2;
	/* What follows depends on who asks. */
	snprintf(cut, sizeof(cut), "%s", printed(print_summary));
	ck_assert_str_eq(cut, text);
}
END_TEST

/* One line for each rule whose firewall-timeout was survived. */
START_TEST(summary_of_survived)
{
	static const uint32_t survived_ms[] = {900000, 901000, 950999, 950999};

	for (size_t i = 0; i < ARRAY_LEN(survived_ms); i++) {
		add(make_socket(&AGENT, "10.1.4.7", "10.20.0.5", &GOOD,
		    RULE_BACKUP, LIVE_OK));
		sockets[i].survived_ms = survived_ms[i];
	}
	/* Their rule has none, or there is no rule. */
	add(make_socket(
	    &AGENT, "10.1.4.7", "10.20.0.5", &GOOD, RULE_TIGHTEN, LIVE_OK));
	sockets[4].survived_ms = 1000000;
	add(make_socket(
	    &AGENT, "10.1.4.7", "10.20.0.5", &OFF, MATCH_NONE, LIVE_NO_RULE));
	sockets[5].survived_ms = 1000000;
	sort_out();
	ck_assert_str_eq(printed(print_summary),
	    "6 connections: 5 ok, 1 no rule\n"
	    "rule backup: 15 min 50 s of silence were survived, more than its "
	    "firewall-timeout\n");
	sockets[1].survived_ms = sockets[2].survived_ms = 0;
	sockets[3].survived_ms = 900000;
	ck_assert_str_eq(
	    printed(print_summary), "6 connections: 5 ok, 1 no rule\n");
}
END_TEST

/* Only a row whose ends are too wide takes more lines. */
START_TEST(table_with_a_wide_row)
{
	add(make_socket(
	    &AGENT, "10.1.4.7", "10.20.0.5", &OFF, MATCH_NONE, LIVE_NO_RULE));
	add(make_socket(&AGENT, "2001:db8:10:1::1234",
	    "2001:db8:20:aaaa:bbbb:cccc:dddd:eeee", &OFF, MATCH_NONE,
	    LIVE_NO_RULE));
	sort_out();
	look = (struct status_look){.columns = 80};
	ck_assert_str_eq(printed(print_table),
	    "VERDICT  LOCAL                           REMOTE                   "
	    "         STATE\n"
	    "         KEEPALIVE\n"
	    "sm_agent[4711]  backup-agent.service\n"
	    "no rule  10.1.4.7:40000               -> 10.20.0.5:3300           "
	    "         estab\n"
	    "         off\n"
	    "no rule  [2001:db8:10:1::1234]:40000\n"
	    "         -> [2001:db8:20:aaaa:bbbb:cccc:dddd:eeee]:3300           "
	    "         estab\n"
	    "         off\n");
}
END_TEST

/* Whatever the width, no line is wider, and each connection is there. */
START_TEST(table_of_any_width)
{
	const char *line;

	add_all();
	add(make_socket(&AGENT, "1111:2222:3333:4444:5555:6666:7777:8888",
	    "1112:2222:3333:4444:5555:6666:7777:8888", &LATE, RULE_BACKUP,
	    LIVE_DIFFERS));
	status_free(&status);
	sort_out();
	for (look.columns = 59; look.columns <= 200; look.columns += 3) {
		unsigned int rows = 0;

		line = printed(print_table);
		ck_assert_ptr_nonnull(strstr(
		    line, " [1111:2222:3333:4444:5555:6666:7777:8888]:40000"));
		ck_assert_ptr_nonnull(strstr(
		    line, "-> [1112:2222:3333:4444:5555:6666:7777:8888]:3300"));
		for (line = printed(print_table); *line;
		     line += strcspn(line, "\n") + 1) {
			size_t length = strcspn(line, "\n");

			/* An ellipsis has two bytes more. */
			ck_assert_uint_le(length, look.columns + 2);
			ck_assert_int_ne(line[length - 1], ' ');
			rows++;
		}
		for (look.rows = 1; look.rows < rows; look.rows += 4) {
			unsigned int limited = 0;

			for (line = printed(print_table); *line; line++)
				limited += *line == '\n';
			/* The heading is always there. */
			if (look.rows > 6)
				ck_assert_uint_le(limited, look.rows);
		}
		look.rows = 0;
	}
}
END_TEST

START_TEST(json)
{
	json_t *root, *rows, *row;

	add_all();
	root = json_loads(printed(print_json), 0, NULL);
	ck_assert_ptr_nonnull(root);
	rows = json_object_get(root, "connections");
	ck_assert_uint_eq(json_array_size(rows), 6);
	row = json_array_get(rows, 4);
	ck_assert_str_eq(json_string_value(json_object_get(
			     json_object_get(row, "process"), "name")),
	    "e\xef\xbf\xbd[31m\"\\\xef\xbf\xbd");
	ck_assert_int_eq(
	    json_integer_value(json_object_get(row, "unanswered_probes")), 3);
	row = json_array_get(rows, 5);
	ck_assert(json_is_null(json_object_get(row, "process")));
	ck_assert(json_is_null(json_object_get(row, "options")));
	ck_assert(json_is_null(json_object_get(row, "next_probe_s")));
	row = json_array_get(rows, 2);
	ck_assert_uint_eq(json_array_size(json_object_get(row, "differs")), 3);
	ck_assert_double_eq(
	    json_real_value(json_object_get(row, "time_left_s")), 850);
	json_decref(root);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("status");
	TCase *tcase = tcase_create("status");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, sorted_out);
	tcase_add_test(tcase, seen);
	tcase_add_loop_test(tcase, survived, 0, 2);
	tcase_add_test(tcase, state);
	tcase_add_loop_test(tcase, late, 0, (int)ARRAY_LEN(TOO_LATE));
	tcase_add_loop_test(tcase, kept, 0, (int)ARRAY_LEN(KEPT));
	tcase_add_loop_test(tcase, covered, 0, (int)ARRAY_LEN(COVERED));
	tcase_add_test(tcase, a_listener_is_no_connection);
	tcase_add_loop_test(tcase, probe, 0, (int)ARRAY_LEN(PROBES));
	tcase_add_loop_test(tcase, left, 0, (int)ARRAY_LEN(LEFT));
	tcase_add_loop_test(tcase, late_timer, 0, (int)ARRAY_LEN(TIMERS));
	tcase_add_loop_test(tcase, note, 0, (int)ARRAY_LEN(NOTES));
	tcase_add_test(tcase, names);
	tcase_add_loop_test(tcase, bar, 0, (int)ARRAY_LEN(BARS));
	tcase_add_test(tcase, table_of_80_columns);
	tcase_add_test(tcase, table_of_140_columns);
	tcase_add_test(tcase, table_with_a_wide_row);
	tcase_add_test(tcase, table_of_any_width);
	tcase_add_test(tcase, colours);
	tcase_add_test(tcase, milliseconds);
	tcase_add_test(tcase, list);
	tcase_add_test(tcase, metrics);
	tcase_add_test(tcase, metrics_of_a_group);
	tcase_add_test(tcase, summary);
	tcase_add_test(tcase, what_is_attached);
	tcase_add_test(tcase, who_looks_after);
	tcase_add_test(tcase, summary_of_survived);
	tcase_add_test(tcase, json);
	suite_add_tcase(suite, tcase);
	return test_main(suite);
}
