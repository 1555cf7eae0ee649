/* SPDX-License-Identifier: ISC */
/*
 * config: drives libconfuse over a file and what it includes. It must never
 * let libconfuse open a file, print, or keep a value: each value is taken as
 * it is read, while the line is known, and nothing is left behind.
 */
#include "config/config.h"

#include <confuse.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "compile/build.h"
#include "config/config_array.h"
#include "config/config_explain.h"
#include "config/config_file.h"
#include "config/config_key.h"
#include "config/config_level.h"
#include "config/config_policy.h"
#include "config/config_report.h"
#include "config/config_rule.h"
#include "config/config_text.h"

/* As many as libconfuse's own include() allows. */
#define INCLUDE_DEPTH_MAX 10
/* Files that include each other many times over grow without bounds. */
#define INCLUDE_FILES_MAX 1000

/* The name of a file that was read; rules and origins point to it. */
struct file_name {
	struct file_name *next;
	char name[];
};

struct config {
	struct config_report report;
	config_look_fn *look; /* may be NULL */
	void *data;
	cfg_t *top;
	struct file_name *names;
	struct build_source *sources; /* each file read, in order */
	size_t source_count;
	const char *file;   /* the one being read */
	uint32_t open_line; /* in it, of a { that is never closed, or 0 */
	unsigned int files;
	unsigned int depth; /* of includes */
	size_t room;        /* bytes that may still be read */

	struct config_level defaults;
	struct config_level own; /* of the rule being read */
	bool in_rule;
	enum config_key last_key; /* that took a value, or KEYS */
	struct config_place last_at;

	struct config_policy policy;
	char *scratch; /* what libconfuse stores instead of values */
};

/* libconfuse's error function has no argument for us. */
static struct config *reading;

static struct config_place
place(const struct config *config, const cfg_t *cfg)
{
	return (struct config_place){config->file, (uint32_t)cfg->line};
}

static int
out_of_memory(struct config *config)
{
	const struct config_place at = {config->file, 0};

	return config_report_error(
	    &config->report, -ENOMEM, &at, "out of memory");
}

/*
 * The first time that something inside a rule is seen. The line of the top
 * stands still at the rule's { meanwhile, a section counts on its own.
 */
static int
begin_rule(struct config *config, const char *name)
{
	struct config_place at = place(config, config->top);
	int error;

	if (config->in_rule)
		return 0;
	error = config_policy_add(&config->policy, &config->report, &at, name);
	if (error)
		return error;
	config->own = (struct config_level){0};
	config->in_rule = true;
	return 0;
}

/* libconfuse's validate callback for rule: at its closing brace. */
static int
end_rule(cfg_t *cfg, cfg_opt_t *opt)
{
	struct config *config = reading;
	int error;

	(void)cfg;
	error = begin_rule(
	    config, cfg_title(cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1)));
	if (error)
		return -1;
	config_rule_finish(&config->defaults, &config->own,
	    config_policy_last(&config->policy));
	config->in_rule = false;
	config->last_key = KEYS;
	/* All is taken. Kept, it would be searched for each further rule. */
	cfg_free_value(opt);
	return 0;
}

static int
check_default_place(struct config *config, const struct config_value *value)
{
	const struct rule *rule = config->policy.rules;

	if (!config->policy.count)
		return 0;
	return config_report_error(&config->report, -EINVAL, &value->at,
	    "%s below a rule; it holds for all rules, write it above the first "
	    "(%.150s:%u)%s",
	    value->key, rule->file, (unsigned)rule->line,
	    config_key_is_of_rule(config_key_find(value->key))
		? " or inside a rule"
		: "");
}

/* libconfuse's parse callback: one value of a key, or of its list. */
static int
take_value(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	struct config *config = reading;
	bool top = cfg == config->top;
	/* Set by =, not by +=, and ours to clear for a "simple" option. */
	bool assigned = opt->flags & CFGF_RESET;
	enum config_key key = config_key_find(cfg_opt_name(opt));
	const struct config_value value = {
	    .report = &config->report,
	    .at = place(config, cfg),
	    .key = cfg_opt_name(opt),
	    .text = text,
	};
	int error;

	opt->flags &= ~CFGF_RESET;
	error = top ? check_default_place(config, &value)
	            : begin_rule(config, cfg_title(cfg));
	if (!error)
		error =
		    config_level_take(top ? &config->defaults : &config->own,
			top ? NULL : config_policy_last(&config->policy), key,
			assigned, &value);
	if (error)
		return -1;
	config->last_key = key;
	config->last_at = value.at;
	*(const char **)result = "";
	return 0;
}

/* dir(from)/path, or path if that is absolute, kept until the end. */
static const char *
add_name(struct config *config, const char *from, const char *path)
{
	const char *slash = from ? strrchr(from, '/') : NULL;
	size_t dir = slash && *path != '/' ? (size_t)(slash + 1 - from) : 0;
	size_t length = strlen(path);
	struct file_name *name = malloc(sizeof(*name) + dir + length + 1);

	if (!name)
		return NULL;
	memcpy(name->name, from ? from : "", dir);
	memcpy(name->name + dir, path, length + 1);
	name->next = config->names;
	config->names = name;
	return name->name;
}

/* Notes what the file at path was when it was read. */
static int
add_source(struct config *config, const char *path, const struct stat *st)
{
	struct build_source *grown = config_array_grow(
	    config->sources, config->source_count, sizeof(*grown));

	if (!grown)
		return out_of_memory(config);
	config->sources = grown;
	grown[config->source_count++] = (struct build_source){
	    .path = path,
	    .device = st->st_dev,
	    .inode = st->st_ino,
	    .size = (uint64_t)st->st_size,
	    .mtime_s = st->st_mtim.tv_sec,
	    .mtime_ns = (uint32_t)st->st_mtim.tv_nsec,
	};
	return 0;
}

/* libconfuse says nothing about an empty key, or when memory is out. */
static int
explain_silence(struct config *config, int error)
{
	const struct config_place at = place(config, config->top);

	if (config->report.error)
		return config->report.error;
	if (error == ENOMEM)
		return out_of_memory(config);
	return config_report_error(&config->report, -EINVAL, &at,
	    "not understood; write KEY = VALUE or rule NAME { ... }");
}

static int
parse_text(struct config *config, char *bytes, size_t size)
{
	const struct config_place open = {config->file, config->open_line};
	FILE *stream = fmemopen(bytes, size, "r");
	int result, error;

	if (!stream)
		return out_of_memory(config);
	errno = 0;
	result = cfg_parse_fp(config->top, stream);
	error = errno;
	fclose(stream);
	if (result != CFG_SUCCESS)
		return explain_silence(config, error);
	/* For libconfuse, the end of the file closes a rule as well. */
	if (open.line)
		return config_report_error(&config->report, -EINVAL, &open,
		    "the { of this line has no }; write one at its end");
	return 0;
}

/* Reads a file into config; from is where it is included, or NULL. */
static int
parse_file(
    struct config *config, const char *path, const struct config_place *from)
{
	const char *outer = config->file;
	uint32_t outer_open_line = config->open_line;
	char *bytes = NULL;
	struct stat st;
	size_t size;
	int error;

	config->file = path;
	error = config_file_read(
	    &config->report, from, path, config->room, &bytes, &st);
	if (error)
		goto out;
	size = (size_t)st.st_size;
	config->room -= size;
	error = add_source(config, path, &st);
	if (!error)
		error = config_text_tidy(
		    &config->report, path, bytes, &size, &config->open_line);
	if (!error)
		error = parse_text(config, bytes, size);
out:
	free(bytes);
	config->file = outer;
	config->open_line = outer_open_line;
	return error;
}

static int
check_include(
    struct config *config, const struct config_place *at, const char *path)
{
	if (!*path)
		return config_report_error(&config->report, -EINVAL, at,
		    "include without a name; write include(\"FILE\")");
	/* To expand it would be to look users up, in our host. */
	if (*path == '~')
		return config_report_error(&config->report, -EINVAL, at,
		    "~ is not replaced in an include; write the path in full");
	if (config->depth == INCLUDE_DEPTH_MAX)
		return config_report_error(&config->report, -EINVAL, at,
		    "includes go more than %u deep; does a file include "
		    "itself?",
		    INCLUDE_DEPTH_MAX);
	if (config->files == INCLUDE_FILES_MAX)
		return config_report_error(&config->report, -EINVAL, at,
		    "more than %u includes; do files include each other?",
		    INCLUDE_FILES_MAX);
	return 0;
}

/*
 * libconfuse's function callback for include("FILE"). The parser is entered
 * again for the included file, so that it gets the same checks, and has to
 * make sense by itself; libconfuse's own include would leave an open file and
 * a lexer in disorder behind after a mistake.
 */
static int
include(cfg_t *cfg, cfg_opt_t *opt, int argc, const char **argv)
{
	struct config *config = reading;
	struct config_place at = place(config, cfg);
	int line = cfg->line;
	const char *path;
	int error;

	(void)opt;
	error = check_include(config, &at, argc == 1 ? argv[0] : "");
	if (error)
		return -1;
	path = add_name(config, config->file, argv[0]);
	if (!path) {
		out_of_memory(config);
		return -1;
	}
	config->files++;
	config->depth++;
	error = parse_file(config, path, &at);
	config->depth--;
	cfg->line = line;
	return error ? -1 : 0;
}

/* The key whose value is being read: libconfuse has its =, we no value. */
static enum config_key
pending_key(const struct config *config, cfg_t *cfg)
{
	const struct config_level *level =
	    cfg == config->top ? &config->defaults : &config->own;
	bool begun = cfg == config->top || config->in_rule;
	cfg_opt_t *opt;

	for (unsigned int i = 0; (opt = cfg_getnopt(cfg, i)); i++) {
		enum config_key key = config_key_find(cfg_opt_name(opt));

		if (key < KEYS && opt->flags & CFGF_MODIFIED &&
		    !(begun && level->seen & 1u << key))
			return key;
	}
	return KEYS;
}

/* libconfuse's error function. */
__attribute__((format(printf, 2, 0))) static void
explain(cfg_t *cfg, const char *format, va_list args)
{
	struct config *config = reading;
	const struct config_context context = {
	    .at = place(config, cfg),
	    .top = cfg == config->top,
	    .rule_line = (uint32_t)config->top->line,
	    .wanted = pending_key(config, cfg),
	    .open_line = config->open_line,
	    .last = config->last_key,
	    .last_at = config->last_at,
	};

	config_explain(&config->report, &context, format, args);
}

/*
 * A "simple" option stores its one value in our variable, so that libconfuse
 * gathers no values, however long a list is.
 */
static cfg_opt_t
key_option(enum config_key key, char **scratch)
{
	return (cfg_opt_t){
	    .name = config_key_name[key],
	    .type = CFGT_STR,
	    .flags = config_key_is_list(key) ? CFGF_LIST : CFGF_NONE,
	    .simple_value = {.string = scratch},
	    .parsecb = take_value,
	};
}

static cfg_t *
make_parser(struct config *config)
{
	cfg_opt_t inside[KEYS + 1] = {0};
	cfg_opt_t top[KEYS + 3] = {0};
	size_t count = 0, inside_count = 0;
	cfg_t *cfg;

	for (enum config_key key = 0; key < KEYS; key++) {
		cfg_opt_t option = key_option(key, &config->scratch);

		if (config_key_is_of_rule(key))
			inside[inside_count++] = option;
		if (config_key_is_of_top(key))
			top[count++] = option;
	}
	top[count++] = (cfg_opt_t){
	    .name = CONFIG_RULE,
	    .type = CFGT_SEC,
	    .flags = CFGF_MULTI | CFGF_TITLE,
	    .subopts = inside,
	    .validcb = end_rule,
	};
	top[count] = (cfg_opt_t){
	    .name = CONFIG_INCLUDE,
	    .type = CFGT_FUNC,
	    .func = include,
	};
	cfg = cfg_init(top, CFGF_NONE);
	if (cfg)
		cfg_set_error_function(cfg, explain);
	return cfg;
}

static void
finish(struct config *config, uint8_t **bytes, uint32_t *size)
{
	const struct config_place at = {config->file, 0};
	const struct build_input policy = {
	    .rules = config->policy.rules,
	    .rule_count = config->policy.count,
	    .sources = config->sources,
	    .source_count = config->source_count,
	    .no_inherit = config->defaults.no_inherit,
	    .migrates =
		config_file_is_set("/proc/sys/net/ipv4/tcp_migrate_req"),
	};
	int error = build_image(&policy, bytes, size);

	if (error == 0 && config->look)
		config->look(
		    config->data, &policy, &(struct image){*bytes, *size});
	if (error == -ENOMEM)
		out_of_memory(config);
	else if (error)
		config_report_error(&config->report, -EINVAL, &at,
		    "the rules are too many to compile; write fewer");
}

static void
release(struct config *config)
{
	config_policy_free(&config->policy);
	free(config->sources);
	while (config->names) {
		struct file_name *next = config->names->next;

		free(config->names);
		config->names = next;
	}
	/*
	 * This also puts libconfuse's lexer back to its start. But it would
	 * follow wild pointers in a section that memory ran out for, so that
	 * is better lost.
	 */
	if (config->top && config->report.error != -ENOMEM)
		cfg_free(config->top);
	free(config->scratch);
	free(config);
}

int
config_load(const char *path, config_look_fn *look, void *data, uint8_t **bytes,
    uint32_t *size, char message[CONFIG_MESSAGE_MAX])
{
	const struct config_place whole = {path, 0};
	struct config_report report = {0, message};
	struct config *config = calloc(1, sizeof(*config));
	int error;

	*message = '\0';
	if (!config)
		return config_report_error(
		    &report, -ENOMEM, &whole, "out of memory");
	reading = config;
	config->report = report;
	config->look = look;
	config->data = data;
	config->file = path;
	config->room = CONFIG_FILE_MAX;
	config->last_key = KEYS;
	config_policy_init(&config->policy);
	config->top = make_parser(config);
	if (!config->top)
		out_of_memory(config);
	else if (parse_file(config, path, NULL) == 0)
		finish(config, bytes, size);
	error = config->report.error;
	release(config);
	reading = NULL;
	return error;
}
