/* SPDX-License-Identifier: ISC */
/*
 * kashim compile: turns a configuration file into the image beside it, which
 * programs read at their start in place of the text. kashim reload: does so,
 * and publishes it for those that run.
 */
#include "cmd/cmd.h"

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd_apply.h"
#include "config/config.h"
#include "image/cache.h"
#include "image/shared.h"
#include "kernel/follow.h"
#include "live/tell.h"
#include "term/text.h"

static const char help[] =
    "Usage: kashim compile [FILE]\n"
    "Reads a configuration file and writes what it says, ready for use, to\n"
    "FILE" CACHE_SUFFIX ". Programs start faster with it, and those that\n"
    "cannot read FILE itself (32-bit, musl) need it. As soon as FILE, or what\n"
    "it includes, is changed, it is not used any more: compile again.\n"
    "Running programs keep what they have: see 'kashim reload'.\n"
    "FILE is by default what KASHIM_CONFIG names, or " CONFIG_FILE ".\n"
    "\n"
    "  -h, --help    show this text\n"
    "\n"
    "Exit status: 0 if it was written, 2 if the file is wrong or it could "
    "not be.\n"
    "\n"
    "Examples:\n"
    "  sudo kashim compile\n"
    "  kashim compile ./new.conf\n";

static const char reload_help[] =
    "Usage: kashim reload [FILE]\n"
    "Does what 'kashim compile' does, and publishes it: programs that run\n"
    "under the shim with FILE follow at their next connection, and so does\n"
    "what 'kashim attach' has attached with FILE. If FILE is wrong, or not "
    "for\n"
    "the kernel, everything stays as it is, everywhere. The way back is to "
    "put\n"
    "the old file in place and reload again.\n"
    "FILE is by default what KASHIM_CONFIG names, or " CONFIG_FILE ".\n"
    "\n"
    "  -h, --help    show this text\n"
    "\n"
    "Exit status: 0 if it was published; 1 if it was, and the kernel could not "
    "be told\n"
    "of all that is open; 2 if the file is wrong or it could not be.\n"
    "\n"
    "Examples:\n"
    "  sudo kashim reload\n"
    "  kashim check ./new.conf && sudo cp new.conf " CONFIG_FILE " &&\n"
    "      sudo kashim reload\n";

static int
write_image(const char *config, const struct image *policy)
{
	char path[PATH_MAX];
	int error = cache_name(config, path, sizeof(path));

	if (error == 0)
		error = cache_write(path, policy->bytes, policy->size);
	if (error == -ENAMETOOLONG || error == -EINVAL) {
		warnx("%s: no compiled policy can have its name from this: %s",
		    config, strerror(-error));
		return CMD_WRONG;
	}
	if (error < 0) {
		warnx("%s cannot be written: %s", path, strerror(-error));
		if (error == -EROFS)
			warnx("with " CACHE_ENVIRONMENT "=DIRECTORY in the "
			      "environment, here and of the programs, it goes "
			      "there");
		return CMD_WRONG;
	}
	printf("%s: written, %u bytes\n", path, policy->size);
	(void)cmd_flush();
	return CMD_DONE;
}

/*
 * Programs that start from now on need something that they can follow. If the
 * place for it was never made, nobody has asked for that; and to publish over
 * what running programs have would be a reload.
 */
static void
found(const char *config, const struct image *policy)
{
	struct shared_result result;
	char path[PATH_MAX], directory[PATH_MAX];

	if (shared_name(config, geteuid(), path, sizeof(path)) < 0)
		return;
	memcpy(directory, path, sizeof(path));
	*strrchr(directory, '/') = '\0';
	if (access(directory, W_OK) == 0 && access(path, F_OK) < 0)
		(void)shared_publish(path, policy, &result);
}

static int
publish(const char *config, const struct image *policy)
{
	struct shared_result result = {0};
	char path[PATH_MAX];
	bool was_there;
	int error = shared_name(config, geteuid(), path, sizeof(path));

	was_there = error == 0 && access(path, F_OK) == 0;
	if (error == 0)
		error = shared_publish(path, policy, &result);
	if (error == -EPERM) {
		warnx("%s is not trusted: root or you have to own it, and "
		      "nobody else may write it",
		    path);
	} else if (error < 0) {
		warnx("%s cannot be written: %s", path, strerror(-error));
	}
	if (error < 0) {
		warnx("running programs keep the policy that they have");
		return CMD_WRONG;
	}
	printf("%s: generation %u is in force\n", path, result.generation);
	(void)cmd_flush();
	if (result.new_file && was_there)
		warnx("programs that were started before keep the policy that "
		      "they have, until they are started again");
	return CMD_DONE;
}

/*
 * Of what was open before the first policy there that holds, or names programs,
 * the kernel knows nothing by itself.
 */
static int
tell(const struct kernel_program *program,
    const struct kernel_attached *attached, const char *name,
    const struct image *policy)
{
	struct tell tell = {.program = program, .image = policy};
	char path[PATH_MAX];
	int error, status;

	if ((kernel_remembers(program) & ~attached->remembers) == 0)
		return CMD_DONE;
	error = kernel_path(attached->cgroup, path);
	if (error == 0)
		error = tell_below(&tell, path);
	if (error < 0) {
		text_warnx("%s: what is open was not looked for: %s", name,
		    strerror(-error));
		return CMD_NO;
	}
	status = cmd_say_untold(name, tell.unseen, "not permitted");
	if (cmd_say_untold(name, tell.failed, strerror(-tell.error)) !=
	    CMD_DONE)
		status = CMD_NO;
	return status;
}

/*
 * The kernel has the policy already, and now uses it. Where it does not, the
 * program is dropped.
 */
static int
turn(struct follow *follow, const struct image *policy)
{
	int status = CMD_DONE;

	for (size_t n = 0; n < follow->count; n++) {
		const struct kernel_attached *attached = &follow->list[n];
		char name[PATH_MAX], text[KERNEL_TEXT_MAX];
		int error = kernel_update(follow->programs[n], attached, text);

		kernel_name(attached, name);
		if (error < 0) {
			text_warnx(
			    "%s: the kernel keeps the policy that it has: %s",
			    name, text);
			status = CMD_WRONG;
		}
		if (error != 0) {
			kernel_unload(follow->programs[n]);
			follow->programs[n] = NULL;
			continue;
		}
		text_puts("%s: the kernel has now %u rule%s", name,
		    image_rule_count(policy),
		    image_rule_count(policy) == 1 ? "" : "s");
	}
	return status;
}

static int
tell_all(const struct follow *follow, const struct image *policy)
{
	int status = CMD_DONE;

	for (size_t n = 0; n < follow->count; n++) {
		char name[PATH_MAX];

		kernel_name(&follow->list[n], name);
		if (follow->programs[n] &&
		    tell(follow->programs[n], &follow->list[n], name, policy) !=
			CMD_DONE)
			status = CMD_NO;
	}
	return status;
}

/* Everywhere, or nowhere. */
static int
put_in_force(const char *config, const struct image *policy)
{
	char text[KERNEL_TEXT_MAX];
	struct follow follow;
	sigset_t signals;
	bool published;
	int status = CMD_WRONG;

	if (follow_prepare(config, policy, &follow, text) < 0) {
		text_warnx("%s", text);
		warnx("programs keep the policy that they have, as the kernel "
		      "does");
	} else {
		/* Between the two it would be half in force. */
		cmd_hold_signals(&signals);
		status = write_image(config, policy);
		if (status == CMD_DONE)
			status = publish(config, policy);
		published = status == CMD_DONE;
		if (published)
			status = turn(&follow, policy);
		else
			follow_abandon(&follow);
		cmd_release_signals(&signals);
		if (published && tell_all(&follow, policy) != CMD_DONE &&
		    status == CMD_DONE)
			status = CMD_NO;
	}
	follow_free(&follow);
	return status;
}

/* Both commands; reload does more. */
static int
compile(int argc, char *argv[], bool reload)
{
	char path[PATH_MAX];
	struct image policy;
	int status =
	    cmd_file_argument(argc, argv, reload ? reload_help : help, path);

	if (status != CMD_DONE)
		return status == CMD_NO ? CMD_DONE : status;
	status = cmd_load_at_rest(path, &policy);
	if (status != CMD_DONE) {
		if (reload)
			warnx("programs keep the policy that they have");
		return status;
	}
	if (reload) {
		status = put_in_force(path, &policy);
	} else {
		status = write_image(path, &policy);
		if (status == CMD_DONE)
			found(path, &policy);
	}
	free((void *)policy.bytes);
	return status;
}

int
cmd_compile(int argc, char *argv[])
{
	return compile(argc, argv, false);
}

int
cmd_reload(int argc, char *argv[])
{
	return compile(argc, argv, true);
}
