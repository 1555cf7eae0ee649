/* SPDX-License-Identifier: ISC */
/*
 * launcher: the table of them (launcher.h). What each makes of LD_PRELOAD is
 * shown by the real ones in test/command/test_launchers.sh.
 */
#include "host/launcher.h"

#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/preload.h"

#define PRELOAD "LD_PRELOAD"
#define BLANKS  " \t"

/* What an option means for the program that is started. */
enum meaning {
	ASSIGN = '=',  /* a variable is set */
	CLEAR = 'c',   /* the environment is cleared */
	COMMAND = 't', /* a text for a shell */
	KEEP = 'k',    /* these variables are kept, with commas in between */
	NONE = 'n',    /* it starts none, or that can't be told */
	SELF = 's',    /* it starts the program itself */
	UNSET = 'u',   /* a variable is taken away */
	USER = 'a',    /* as whom */
};

/* Long options without a letter. */
enum {
	OTHER = '.', /* without a meaning here */
	RESET_ENV = '1',
	SCOPE = '2',
	SESSION = '3',
	UID = '4',
};

/* The words of one command line, as far as they are read. */
struct words {
	char *word[LAUNCHER_WORDS + 1];
	int count, at;
};

struct launcher {
	const char *name;
	/* As getopt_long(3) takes them. */
	const char *letters;
	const struct option *options;
	/* A letter of an option, and its meaning, and so on. */
	const char *meanings;
	/* What stands between the options and the program; NULL: nothing. */
	void (*between)(struct words *words, struct launch *launch);
	/* Why LD_PRELOAD is lost: with CLEAR; always, but for SELF and KEEP. */
	const char *clears, *loses;
	const char *option; /* as in struct launch */
	bool elsewhere;     /* likewise */
};

/* Takes an assignment in front of a program. */
static void
assign(const char *word, struct launch *launch)
{
	char entry[PATH_MAX];

	if (strncmp(word, PRELOAD "=", sizeof(PRELOAD)) != 0)
		return;
	launch->sets = preload_find(word + sizeof(PRELOAD), entry);
	launch->lost =
	    launch->sets ? NULL : "its command line sets another " PRELOAD;
}

static void
skip_assignments(struct words *words, struct launch *launch)
{
	while (words->at < words->count && *words->word[words->at] != '=' &&
	       strchr(words->word[words->at], '='))
		assign(words->word[words->at++], launch);
}

/* A lone dash, and then the user. */
static void
between_su(struct words *words, struct launch *launch)
{
	if (launch->user) /* -u: the program follows */
		return;
	if (words->at < words->count &&
	    strcmp(words->word[words->at], "-") == 0) {
		words->at++;
		if (!launch->lost)
			launch->lost = "- clears the environment";
	}
	launch->user =
	    words->at < words->count ? words->word[words->at] : "root";
	words->at = words->count;
}

static void
between_env(struct words *words, struct launch *launch)
{
	if (words->at < words->count &&
	    strcmp(words->word[words->at], "-") == 0) {
		words->at++;
		launch->lost = "- clears the environment";
	}
	skip_assignments(words, launch);
}

static void
between_sudo(struct words *words, struct launch *launch)
{
	if (!launch->user)
		launch->user = "root";
	skip_assignments(words, launch);
}

/* "mptcpize run [-d] PROGRAM": its other commands start none. */
static void
between_mptcpize(struct words *words, struct launch *launch)
{
	(void)launch;
	if (words->at == words->count ||
	    strcmp(words->word[words->at++], "run") != 0)
		words->at = words->count;
	if (words->at < words->count &&
	    strcmp(words->word[words->at], "-d") == 0)
		words->at++;
}

/* Ours: "kashim run [OPTION...] PROGRAM". */
static void
between_kashim(struct words *words, struct launch *launch)
{
	static const struct option options[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"preload", no_argument, NULL, 'P'},
	    {"strict", no_argument, NULL, 's'},
	    {"supervise", no_argument, NULL, 'S'},
	    {"trace", optional_argument, NULL, 't'},
	    {NULL, 0, NULL, 0},
	};
	int letter;

	launch->sets = words->at < words->count &&
	               strcmp(words->word[words->at], "run") == 0;
	launch->supervises = launch->sets;
	if (!launch->sets) {
		words->at = words->count;
		return;
	}
	optind = 0;
	while ((letter = getopt_long(words->count - words->at,
		    words->word + words->at, "+c:PsSt::", options, NULL)) != -1)
		launch->supervises &= letter != 'P';
	words->at += optind;
}

static void
between_timeout(struct words *words, struct launch *launch)
{
	(void)launch;
	words->at += words->at < words->count;
}

static const struct option su_options[] = {
    {"command", required_argument, NULL, 'c'},
    {"fast", no_argument, NULL, 'f'},
    {"group", required_argument, NULL, 'g'},
    {"help", no_argument, NULL, 'h'},
    {"login", no_argument, NULL, 'l'},
    {"no-pty", no_argument, NULL, 'T'},
    {"preserve-environment", no_argument, NULL, 'p'},
    {"pty", no_argument, NULL, 'P'},
    {"session-command", required_argument, NULL, SESSION},
    {"shell", required_argument, NULL, OTHER},
    {"supp-group", required_argument, NULL, 'G'},
    {"user", required_argument, NULL, 'u'},
    {"version", no_argument, NULL, 'V'},
    {"whitelist-environment", required_argument, NULL, 'w'},
    {NULL, 0, NULL, 0},
};

static const struct option sudo_options[] = {
    {"askpass", no_argument, NULL, 'A'},
    {"auth-type", required_argument, NULL, 'a'},
    {"background", no_argument, NULL, 'b'},
    {"bell", no_argument, NULL, 'B'},
    {"chdir", required_argument, NULL, 'D'},
    {"chroot", required_argument, NULL, 'R'},
    {"close-from", required_argument, NULL, 'C'},
    {"command-timeout", required_argument, NULL, 'T'},
    {"edit", no_argument, NULL, 'e'},
    {"group", required_argument, NULL, 'g'},
    {"help", no_argument, NULL, 'V'},
    {"host", required_argument, NULL, OTHER},
    {"list", no_argument, NULL, 'l'},
    {"login", no_argument, NULL, 'i'},
    {"login-class", required_argument, NULL, 'c'},
    {"no-update", no_argument, NULL, 'N'},
    {"non-interactive", no_argument, NULL, 'n'},
    {"other-user", required_argument, NULL, 'U'},
    {"preserve-env", optional_argument, NULL, 'E'},
    {"preserve-groups", no_argument, NULL, 'P'},
    {"prompt", required_argument, NULL, 'p'},
    {"remove-timestamp", no_argument, NULL, 'K'},
    {"reset-timestamp", no_argument, NULL, 'k'},
    {"role", required_argument, NULL, 'r'},
    {"set-home", no_argument, NULL, 'H'},
    {"shell", no_argument, NULL, 's'},
    {"stdin", no_argument, NULL, 'S'},
    {"type", required_argument, NULL, 't'},
    {"user", required_argument, NULL, 'u'},
    {"validate", no_argument, NULL, 'v'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

static const struct option env_options[] = {
    {"argv0", required_argument, NULL, 'a'},
    {"block-signal", optional_argument, NULL, OTHER},
    {"chdir", required_argument, NULL, 'C'},
    {"debug", no_argument, NULL, 'v'},
    {"default-signal", optional_argument, NULL, OTHER},
    {"ignore-environment", no_argument, NULL, 'i'},
    {"ignore-signal", optional_argument, NULL, OTHER},
    {"list-signal-handling", no_argument, NULL, OTHER},
    {"null", no_argument, NULL, '0'},
    {"split-string", required_argument, NULL, 'S'},
    {"unset", required_argument, NULL, 'u'},
    {NULL, 0, NULL, 0},
};

static const struct option setpriv_options[] = {
    {"ambient-caps", required_argument, NULL, OTHER},
    {"apparmor-profile", required_argument, NULL, OTHER},
    {"bounding-set", required_argument, NULL, OTHER},
    {"clear-groups", no_argument, NULL, OTHER},
    {"dump", no_argument, NULL, 'd'},
    {"egid", required_argument, NULL, OTHER},
    {"euid", required_argument, NULL, 'u'},
    {"groups", required_argument, NULL, OTHER},
    {"help", no_argument, NULL, 'd'},
    {"inh-caps", required_argument, NULL, OTHER},
    {"init-groups", no_argument, NULL, OTHER},
    {"keep-groups", no_argument, NULL, OTHER},
    {"landlock-access", required_argument, NULL, OTHER},
    {"landlock-rule", required_argument, NULL, OTHER},
    {"list-caps", no_argument, NULL, 'd'},
    {"no-new-privs", no_argument, NULL, OTHER},
    {"nnp", no_argument, NULL, OTHER},
    {"pdeathsig", required_argument, NULL, OTHER},
    {"ptracer", required_argument, NULL, OTHER},
    {"regid", required_argument, NULL, OTHER},
    {"reset-env", no_argument, NULL, RESET_ENV},
    {"reuid", required_argument, NULL, 'u'},
    {"rgid", required_argument, NULL, OTHER},
    {"ruid", required_argument, NULL, OTHER},
    {"seccomp-filter", required_argument, NULL, OTHER},
    {"securebits", required_argument, NULL, OTHER},
    {"selinux-label", required_argument, NULL, OTHER},
    {"version", no_argument, NULL, 'd'},
    {NULL, 0, NULL, 0},
};

static const struct option nice_options[] = {
    {"adjustment", required_argument, NULL, 'n'},
    {NULL, 0, NULL, 0},
};

static const struct option ionice_options[] = {
    {"class", required_argument, NULL, 'c'},
    {"classdata", required_argument, NULL, 'n'},
    {"ignore", no_argument, NULL, 't'},
    {"pgid", required_argument, NULL, 'p'},
    {"pid", required_argument, NULL, 'p'},
    {"uid", required_argument, NULL, 'p'},
    {NULL, 0, NULL, 0},
};

static const struct option timeout_options[] = {
    {"foreground", no_argument, NULL, OTHER},
    {"kill-after", required_argument, NULL, 'k'},
    {"preserve-status", no_argument, NULL, OTHER},
    {"signal", required_argument, NULL, 's'},
    {"verbose", no_argument, NULL, 'v'},
    {NULL, 0, NULL, 0},
};

static const struct option systemd_run_options[] = {
    {"description", required_argument, NULL, OTHER},
    {"gid", required_argument, NULL, OTHER},
    {"machine", required_argument, NULL, 'M'},
    {"nice", required_argument, NULL, OTHER},
    {"property", required_argument, NULL, 'p'},
    {"scope", no_argument, NULL, SCOPE},
    {"service-type", required_argument, NULL, OTHER},
    {"setenv", required_argument, NULL, 'E'},
    {"slice", required_argument, NULL, OTHER},
    {"uid", required_argument, NULL, UID},
    {"unit", required_argument, NULL, 'u'},
    {"working-directory", required_argument, NULL, OTHER},
    {NULL, 0, NULL, 0},
};

static const struct option torsocks_options[] = {
    {"address", required_argument, NULL, 'a'},
    {"debug", no_argument, NULL, 'd'},
    {"help", no_argument, NULL, 'h'},
    {"ipv6", no_argument, NULL, '6'},
    {"isolate", no_argument, NULL, 'i'},
    {"pass", required_argument, NULL, 'p'},
    {"port", required_argument, NULL, 'P'},
    {"quiet", no_argument, NULL, 'q'},
    {"shell", no_argument, NULL, 'h'},
    {"user", required_argument, NULL, 'u'},
    {"version", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static const struct option none[] = {{NULL, 0, NULL, 0}};

#define SU_LETTERS  "c:fg:G:hlmpPs:Tu:Vw:"
#define SU_MEANINGS "ct3tlcwkuahnVn"
#define SU_CLEARS   "-l clears the environment"
#define SU_OPTION   "-w " PRELOAD " on its command line"

static const struct launcher launchers[] = {
    {"su", SU_LETTERS, su_options, SU_MEANINGS, between_su, SU_CLEARS, NULL,
	SU_OPTION, false},
    {"runuser", SU_LETTERS, su_options, SU_MEANINGS, between_su, SU_CLEARS,
	NULL, SU_OPTION, false},
    /* For other users than root the loader took it from sudo (ld.so(8)). */
    {"sudo", "+Aa:bBc:C:D:eEg:Hh::iKklnNp:Pr:R:sSt:T:u:U:vV", sudo_options,
	"EkuaenKnlnvnVn", between_sudo, NULL,
	"it takes " PRELOAD " away, with -E, too, unless sudoers(5) keeps it",
	PRELOAD "=LIBRARY on its command line", false},
    {"env", "+0a:C:iS:u:v", env_options, "icuuSn", between_env,
	"-i clears the environment", NULL,
	PRELOAD "=LIBRARY on its command line", false},
    {"setpriv", "+dhV", setpriv_options, "1cuadnhnVn", NULL,
	"--reset-env clears the environment", NULL, NULL, false},
    {"kashim", "+", none, "", between_kashim, NULL, NULL, NULL, false},
    {"mptcpize", "+", none, "", between_mptcpize, NULL,
	"it puts its own library in the place of the list", NULL, false},
    {"torsocks", "+a:dh6ip:P:qu:", torsocks_options, "hn", NULL, NULL,
	"it puts its own library in front of the list, and connects past it",
	NULL, false},
    {"systemd-run", "+dE:GH:M:p:PqrStu:", systemd_run_options, "2sE=4aSn", NULL,
	NULL, "the service manager starts it, as another process's child",
	"-E " PRELOAD "=LIBRARY on its command line", true},
    {"nice", "+n:", nice_options, "", NULL, NULL, NULL, NULL, false},
    {"ionice", "+c:n:p:P:tu:", ionice_options, "pnPnun", NULL, NULL, NULL, NULL,
	false},
    {"nohup", "+", none, "", NULL, NULL, NULL, NULL, false},
    {"setsid", "+cfw", none, "", NULL, NULL, NULL, NULL, false},
    {"timeout", "+k:s:v", timeout_options, "", between_timeout, NULL, NULL,
	NULL, false},
};

static const char *const shells[] = {"sh", "bash", "dash", "ksh", "ksh93",
    "mksh", "zsh", "csh", "tcsh", "fish", "busybox"};

/* Of all shells; the text behind -c is the first word that is no option. */
static const struct launcher shell = {
    .letters = "+abcefhiklmnpo:rstuvxBCDEHO:P",
    .options = none,
    .meanings = ""};

/* Those that run as long as the system does. */
static const struct {
	const char *name, *option;
} masters[] = {
    {"cron", "a line " PRELOAD "=LIBRARY in the crontab"},
    {"crond", "a line " PRELOAD "=LIBRARY in the crontab"},
    {"dovecot", PRELOAD " in its setting import_environment"},
    {"master", PRELOAD " in Postfix's setting import_environment"},
};

bool
launcher_is_shell(const char *path)
{
	const char *name = basename(path);

	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++)
		if (strcmp(name, shells[i]) == 0)
			return true;
	return false;
}

static const struct launcher *
find(const char *path)
{
	const char *name = basename(path);

	for (size_t i = 0; i < sizeof(launchers) / sizeof(launchers[0]); i++)
		if (strcmp(name, launchers[i].name) == 0)
			return &launchers[i];
	return launcher_is_shell(path) ? &shell : NULL;
}

const char *
launcher_option(const char *program)
{
	const struct launcher *launcher = find(program);

	for (size_t i = 0; i < sizeof(masters) / sizeof(masters[0]); i++)
		if (strcmp(program, masters[i].name) == 0)
			return masters[i].option;
	return launcher ? launcher->option : NULL;
}

/*
 * Is it one command, of words that the shell takes as they are, or one by which
 * the shell is replaced? Then what follows the words does not matter.
 */
static bool
is_one_command(const char *text)
{
	const char *at = text;

	while ((at = strpbrk(at, ";|&()`\n"))) {
		/* "2>&1", "&>log" */
		if (*at != '&' ||
		    (at[1] != '>' && (at == text || at[-1] != '>')))
			return false;
		at++;
	}
	return true;
}

/* The program and its arguments in a text that a shell is given. */
static void
read_command(const char *text, struct launch *launch)
{
	char *word, *state = NULL;
	size_t count = 0;

	if (strlen(text) >= sizeof(launch->text) || !is_one_command(text))
		return;
	snprintf(launch->text, sizeof(launch->text), "%s", text);
	for (word = strtok_r(launch->text, BLANKS, &state);
	     word && count < LAUNCHER_WORDS;
	     word = strtok_r(NULL, BLANKS, &state)) {
		if (strpbrk(word, "\"'\\$<>*?[]{}~#!"))
			break;
		if (count == 0 && strcmp(word, "exec") == 0)
			continue;
		if (count == 0 && strchr(word, '='))
			assign(word, launch);
		else
			launch->words[count++] = word;
	}
}

static bool
has_preload(const char *list)
{
	const size_t size = strlen(PRELOAD);

	while (list) {
		if (strncmp(list, PRELOAD, size) == 0 &&
		    (list[size] == '\0' || list[size] == ','))
			return true;
		list = strchr(list, ',');
		list += list != NULL;
	}
	return false;
}

/* What was read of the options of one command line. */
struct said {
	const char *command;
	bool kept, none, shell;
};

static void
take(const struct launcher *launcher, int letter, const char *value,
    struct launch *launch, struct said *said)
{
	const char *at = launcher->meanings;

	while (*at && *at != letter)
		at += 2;
	switch (*at ? at[1] : 0) {
	case ASSIGN:
		assign(value, launch);
		break;
	case CLEAR:
		launch->lost = launcher->clears;
		break;
	case COMMAND:
		said->command = value;
		break;
	case KEEP:
		said->kept |= has_preload(value);
		break;
	case NONE:
		said->none = true;
		break;
	case SELF:
		launch->lost = NULL;
		launch->elsewhere = false;
		break;
	case UNSET:
		if (strcmp(value, PRELOAD) == 0)
			launch->lost = "-u takes " PRELOAD " away";
		break;
	case USER:
		launch->user = value;
		break;
	default:
		said->shell |= launcher == &shell && letter == 'c';
	}
}

/* getopt_long(3) has a state, and moves words. */
static void
read_options(const struct launcher *launcher, struct words *words,
    struct launch *launch, struct said *said)
{
	int letter;

	optind = 0;
	while ((letter = getopt_long(words->count, words->word,
		    launcher->letters, launcher->options, NULL)) != -1)
		take(launcher, letter, optarg, launch, said);
	words->at = optind;
}

bool
launcher_read(const char *path, const char *const argv[], struct launch *launch)
{
	const struct launcher *launcher = find(path);
	const int saved = optind, saved_error = opterr;
	struct words words = {0};
	struct said said = {0};

	*launch = (struct launch){0};
	if (!launcher)
		return false;
	launch->launcher = launcher == &shell ? basename(path) : launcher->name;
	launch->lost = launcher->loses;
	launch->option = launcher->option;
	launch->elsewhere = launcher->elsewhere;
	while (argv[words.count] && words.count < LAUNCHER_WORDS) {
		/* They are moved, and not changed. */
		words.word[words.count] = (char *)argv[words.count];
		words.count++;
	}
	opterr = 0;
	read_options(launcher, &words, launch, &said);
	if (launcher->between)
		launcher->between(&words, launch);
	optind = saved;
	opterr = saved_error;
	if (said.kept)
		launch->lost = NULL;
	if (said.shell && words.at < words.count)
		said.command = words.word[words.at];
	if (said.none)
		return true;
	if (said.command)
		read_command(said.command, launch);
	else if (launcher != &shell)
		memcpy(launch->words, words.word + words.at,
		    (size_t)(words.count - words.at) * sizeof(words.word[0]));
	return true;
}
