/* SPDX-License-Identifier: ISC */
/*
 * config_explain: says what would be right where libconfuse says what is
 * wrong. It knows the formats of libconfuse 3.3.
 */
#include "config/config_explain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/config_value.h"

#define refuse(...) \
	((void)config_report_error(report, -EINVAL, &context->at, __VA_ARGS__))

/* libconfuse takes such names for paths to sections. */
#define WITH_SIGNS "a key with | or = in it; write KEY = VALUE"

/* The keys that may stand here; names has room for KEYS and two more. */
static size_t
valid_names(bool top, const char **names)
{
	size_t count = 0;

	for (enum config_key key = 0; key < KEYS; key++)
		if (top ? config_key_is_of_top(key)
			: config_key_is_of_rule(key))
			names[count++] = config_key_name[key];
	if (top) {
		names[count++] = CONFIG_RULE;
		names[count++] = CONFIG_INCLUDE;
	}
	return count;
}

static void
refuse_name(struct config_report *report, const struct config_context *context,
    const char *name, const char *quoted)
{
	const char *names[KEYS + 2];
	size_t count = valid_names(context->top, names);
	const char *nearest = config_value_nearest(name, names, count);
	char list[256] = "";

	if (nearest) {
		refuse("unknown key %s, did you mean \"%s\"?", quoted, nearest);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		size_t used = strlen(list);

		snprintf(list + used, sizeof(list) - used, "%s%s",
		    i ? ", " : "", names[i]);
	}
	refuse("unknown key %s; here it can be %s", quoted, list);
}

static void
unknown_key(struct config_report *report, const struct config_context *context,
    const char *name)
{
	bool behind_value = context->last < KEYS &&
	                    context->last_at.line == context->at.line &&
	                    context->last_at.file == context->at.file;
	char quoted[CONFIG_QUOTE_MAX];

	config_quote(name, quoted);
	if (context->top && config_key_find(name) < KEYS)
		refuse("%s belongs inside a rule; write rule NAME { %s = ... }",
		    name, name);
	else if (!context->top && config_key_find(name) < KEYS)
		refuse("%s belongs at the top, above the first rule", name);
	else if (strcmp(name, CONFIG_RULE) == 0)
		refuse("a rule inside the rule of line %u; is that one's } "
		       "missing?",
		    (unsigned)context->rule_line);
	else if (strcmp(name, CONFIG_INCLUDE) == 0)
		refuse("include belongs at the top; write it outside of rules");
	else if (behind_value)
		refuse("%s behind the value of %s is no key; a value with a "
		       "blank in it needs quotes, a list braces and commas",
		    quoted, config_key_name[context->last]);
	else
		refuse_name(report, context, name, quoted);
}

static void
unexpected_token(struct config_report *report,
    const struct config_context *context, const char *token)
{
	enum config_key key = context->wanted;
	char quoted[CONFIG_QUOTE_MAX];

	config_quote(token, quoted);
	if (key < KEYS && *token == '{' && !config_key_is_list(key))
		refuse("%s takes one value; write it without { }",
		    config_key_name[key]);
	else if (key < KEYS)
		refuse("%s where the value of %s should be; write %s = VALUE",
		    quoted, config_key_name[key], config_key_name[key]);
	else if (*token == ',')
		refuse("unexpected \",\"; a list is written { \"A\", \"B\" }");
	else if (!strchr("{}()=+", *token))
		refuse("%s without a comma before it; a list is written "
		       "{ \"A\", \"B\" }",
		    quoted);
	else
		refuse("unexpected %s; write KEY = VALUE or rule NAME { ... }",
		    quoted);
}

void
config_explain(struct config_report *report,
    const struct config_context *context, const char *format, va_list args)
{
	/* The argument stays the same. */
	static const struct {
		const char *format;
		const char *text;
	} known[] = {
	    {"missing equal sign after option '%s'",
		"%s without a \"=\"; write KEY = VALUE"},
	    {"attempt to append to non-list option '%s'",
		"%s takes one value; write = instead of +="},
	    {"missing title for section '%s'",
		"a %s without a name; write rule NAME { ... }"},
	    {"missing opening brace for section '%s'",
		"a %s without a \"{\" behind its name; write rule NAME { ... "
		"}, with quotes around a name that has blanks"},
	    {"missing parenthesis for function '%s'",
		"%s without a \"(\"; write include(\"FILE\")"},
	    {"no sub-section title/index for '%s'", WITH_SIGNS},
	    {"no sub-section '%s' in '%s'", WITH_SIGNS},
	    {"premature end of file",
		"the file ends in the middle of a setting; write KEY = VALUE"},
	    {"unexpected closing brace",
		"a } without a {; remove it, or write the { that it closes"},
	};
	char text[CONFIG_MESSAGE_MAX / 2];

	if (strcmp(format, "no such option '%s'") == 0) {
		unknown_key(report, context, va_arg(args, const char *));
		return;
	}
	if (strcmp(format, "unexpected token '%s'") == 0) {
		unexpected_token(report, context, va_arg(args, const char *));
		return;
	}
	if (strcmp(format, "premature end of file") == 0 &&
	    context->open_line) {
		refuse("the file ends before the { of line %u is closed; write "
		       "a } for it",
		    (unsigned)context->open_line);
		return;
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(format, known[i].format) == 0)
			format = known[i].text;
	vsnprintf(text, sizeof(text), format, args);
	refuse("%s", text);
}
