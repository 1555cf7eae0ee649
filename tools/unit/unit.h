/* SPDX-License-Identifier: ISC */
/*
 * unit: a systemd unit as its files say it (systemd.unit(5)), with all its
 * drop-ins, below a root directory. It asks no running manager, so that it
 * works for images and in containers; symbolic links never lead out of the
 * root. It writes nothing.
 */
#ifndef KASHIM_UNIT_H
#define KASHIM_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct unit_setting {
	char *section; /* "Service" */
	char *key;     /* "Environment" */
	char *value;   /* continuation lines joined, not unquoted */
	char *file;    /* where it stands, without the root */
	uint32_t line;
};

struct unit {
	char *root;  /* as given: "" is this system */
	char *name;  /* as asked for, with its suffix */
	char *id;    /* the same, or what name is an alias of */
	char *file;  /* the main file, without the root */
	bool masked; /* file is empty, or a link to /dev/null; no settings */
	struct unit_setting *settings; /* in the order in which they count */
	size_t count;
};

/*
 * Reads unit name ("x" for x.service, or "x.socket", "x@y.service", or the
 * template "x@.service") below root, "" for this system, with the search path
 * of the system manager. Returns 0, and the caller gives *unit back with
 * unit_free(), also if it is masked; -ENOENT if there is no such unit; -EINVAL
 * if the name cannot be one; -ELOOP if its aliases go in a circle; -E2BIG if
 * there are more than a thousand of them, or of its drop-ins; -ENOTDIR
 * or another -errno if root or one of the files can't be read.
 */
int unit_read(const char *root, const char *name, struct unit *unit);

void unit_free(struct unit *unit);

/*
 * Writes to full the name with its suffix, "x.service" for "x". Returns 0, or
 * -EINVAL if it cannot be the name of a unit.
 */
#define UNIT_NAME_SIZE 256
int unit_full_name(const char *name, char full[UNIT_NAME_SIZE]);

/*
 * Is the name, with its suffix, one of a template ("x@.service")? Of an
 * instance ("x@y.service")?
 */
bool unit_is_template(const char *name);
bool unit_is_instance(const char *name);

/*
 * As if file, a drop-in's name without the root, held text in place of what it
 * holds; NULL: as if it were not there. Drop-ins of the same file name in other
 * directories are hidden by it, or come to be, and are left out in both cases.
 * Returns 0 or -ENOMEM.
 */
int unit_replace(struct unit *unit, const char *file, const char *text);

/*
 * The value of a setting that holds one value: the last one given; NULL if
 * it is not set, or was reset by an empty value.
 */
const struct unit_setting *
unit_last(const struct unit *unit, const char *section, const char *key);

/*
 * Walks a setting that may be given several times (ExecStart=, Environment=):
 * the first that counts, that is, after the last empty value, if previous is
 * NULL, else the one after previous. NULL at the end.
 */
const struct unit_setting *unit_next(const struct unit *unit,
    const char *section, const char *key, const struct unit_setting *previous);

/*
 * Is the value a yes of systemd's ("1", "yes", "y", "true", "t", "on", in
 * any case)?
 */
bool unit_yes(const char *value);

/*
 * The next word of a value, by the rules of systemd.syntax(7), section
 * "Quoting". Moves *text behind it. Returns 1 and the word, from malloc(3);
 * 0 at the end; -EINVAL at an unknown escape or a quote without an end, where
 * systemd ignores the rest of the line; -ENOMEM.
 */
int unit_word(const char **text, char **word);

/*
 * Text with the specifiers of systemd.unit(5) replaced, from malloc(3); NULL
 * if there is no memory. Those that follow from the unit's name and the fixed
 * directories are known; others, and those of the instance in a template,
 * stay as they are.
 */
char *unit_expand(const struct unit *unit, const char *text);

/* An environment variable of a unit's processes. */
struct unit_variable {
	char *value;    /* as the program gets it; NULL if it gets none */
	char *written;  /* before the specifiers were replaced; NULL likewise */
	char *file;     /* what sets it, without the root; NULL likewise */
	uint32_t line;  /* in that; 0 if in an EnvironmentFile= */
	bool from_file; /* set in an EnvironmentFile= (file is that) */
	const struct unit_setting *unset; /* UnsetEnvironment= that took it */
	char *unread; /* an EnvironmentFile= that can't be read, or NULL */
};

/*
 * What a service's settings make of an environment variable (systemd.exec(5)).
 * Environment=: several in one line, quoted, later ones win, an empty value
 * resets. EnvironmentFile= wins over them, and UnsetEnvironment= over all.
 * What the manager itself passes on (PassEnvironment=, DefaultEnvironment=)
 * is not looked at: all of the former win over it.
 * Returns 1 if it is set, 0 if not, and in both cases the caller gives
 * *variable back with unit_variable_free(); -ENOMEM.
 */
int unit_environment(
    const struct unit *unit, const char *name, struct unit_variable *variable);

void unit_variable_free(struct unit_variable *variable);

/*
 * May others than root, or than the owner of the image, write an
 * EnvironmentFile= of a service, or put another file there? In doubt, yes: also
 * for what is elsewhere than in /etc and /usr, and for a name that is not
 * known, but for that of an instance.
 */
bool unit_others_write(const struct unit *unit);

/* Is a capability in CapabilityBoundingSet= of a service (systemd.exec(5))? */
bool unit_keeps_capability(const struct unit *unit, const char *capability);

#endif
