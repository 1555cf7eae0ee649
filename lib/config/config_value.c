/* SPDX-License-Identifier: ISC */
/*
 * config_value: reads durations, numbers, ports, prefixes and words. It must
 * look no name up, and take nothing that is not certain.
 */
#include "config/config_value.h"

#include <errno.h>
#include <string.h>

/* Reports: KEY "VALUE": what is wrong; what would be right. */
#define refuse(value, format, ...)                                    \
	config_report_error((value)->report, -EINVAL, &(value)->at,   \
	    "%s %s: " format, (value)->key,                           \
	    config_quote((value)->text, (char[CONFIG_QUOTE_MAX]){0}), \
	    ##__VA_ARGS__)

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/*
 * The number at *text, which moves behind its digits. One with too many of
 * them stops growing where it is out of every range.
 */
static uint64_t
take_number(const char **text)
{
	uint64_t number = 0;

	for (; is_digit(**text); (*text)++)
		if (number < UINT64_MAX / 100)
			number = number * 10 + (uint64_t)(**text - '0');
	return number;
}

/* How many milliseconds a unit has; 0 if there is no such unit. */
static uint64_t
unit_ms(const char *unit)
{
	static const struct {
		const char *name;
		uint64_t ms;
	} units[] = {
	    {"", 1000},
	    {"ms", 1},
	    {"s", 1000},
	    {"min", UINT64_C(60) * 1000},
	    {"h", UINT64_C(3600) * 1000},
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(units[i].name, unit) == 0)
			return units[i].ms;
	return 0;
}

static int
refuse_unit(const struct config_value *value, const char *unit)
{
	const char *bare = unit + strspn(unit, " \t");
	int digits = (int)strspn(value->text, "0123456789");
	char quoted[CONFIG_QUOTE_MAX];

	if (digits == 0 || *unit == '.' || *unit == ',')
		return refuse(value,
		    "not a duration; write a whole number and ms, s, min or "
		    "h, such as 90s or 5min");
	if (digits > 20)
		digits = 20;
	if (bare != unit && unit_ms(bare))
		return refuse(value, "a blank in it; write %.*s%s", digits,
		    value->text, bare);
	if (strcmp(unit, "m") == 0)
		return refuse(value,
		    "unknown unit \"m\"; write %.*smin or %.*sms", digits,
		    value->text, digits, value->text);
	return refuse(value, "unknown unit %s; the units are ms, s, min and h",
	    config_quote(unit, quoted));
}

int
config_value_duration(const struct config_value *value,
    const struct config_range *range, uint64_t *ms)
{
	const char *unit = value->text;
	uint64_t number = take_number(&unit);
	uint64_t scale = unit_ms(unit);
	uint64_t second;

	if (unit == value->text || !scale)
		return refuse_unit(value, unit);
	if (number > range->max_ms / scale || number * scale < range->min_ms)
		return refuse(value, "out of range; write %s", range->text);
	number *= scale;
	second = number / 1000;
	if (range->whole_seconds && number % 1000)
		return refuse(value,
		    "only whole seconds are possible; write %llus or %llus",
		    (unsigned long long)second, (unsigned long long)second + 1);
	*ms = number;
	return 0;
}

int
config_value_number(
    const struct config_value *value, uint32_t max, uint32_t *number)
{
	const char *end = value->text;
	uint64_t taken = take_number(&end);

	if (end == value->text || *end)
		return refuse(value,
		    "not a whole number; write one from 1 to %u",
		    (unsigned)max);
	if (taken < 1 || taken > max)
		return refuse(
		    value, "out of range; write 1 to %u", (unsigned)max);
	*number = (uint32_t)taken;
	return 0;
}

/* What people write for "everything", where we want nothing written. */
static bool
means_all(const char *text)
{
	return strcmp(text, "*") == 0 || strcmp(text, "any") == 0 ||
	       strcmp(text, "all") == 0;
}

int
config_value_ports(const struct config_value *value, struct port_range *range)
{
	const char *end = value->text;
	const char *from = end;
	uint64_t first = take_number(&end);
	uint64_t last = first;
	bool read = end > from;

	if (read && *end == '-') {
		from = ++end;
		last = take_number(&end);
		read = end > from;
	}
	if (means_all(value->text))
		return refuse(value,
		    "not a port; leave %s out to match every port", value->key);
	if (!read || *end)
		return refuse(value,
		    "not a port; write a number such as 3300 or a range such "
		    "as 3300-3399 (names are not looked up)");
	if (first < 1 || first > 65535 || last < 1 || last > 65535)
		return refuse(value, "out of range; ports are 1 to 65535");
	if (first > last)
		return refuse(value, "the range is reversed; write %u-%u",
		    (unsigned)last, (unsigned)first);
	range->first = (uint16_t)first;
	range->last = (uint16_t)last;
	return 0;
}

static int
refuse_host_bits(const struct config_value *value, const struct prefix *network)
{
	size_t length = strcspn(value->text, "/");
	char host_text[CONFIG_QUOTE_MAX] = "";
	char network_text[PREFIX_TEXT_MAX];
	struct prefix host;

	prefix_format(network, network_text);
	if (length < sizeof(host_text))
		memcpy(host_text, value->text, length);
	if (prefix_parse(host_text, &host))
		return refuse(value,
		    "host bits are set; write %s for the network",
		    network_text);
	prefix_format(&host, host_text);
	return refuse(value,
	    "host bits are set; write %s for the network or %s for the host",
	    network_text, host_text);
}

static int
refuse_address(const struct config_value *value)
{
	const char *text = value->text;
	const char *slash = strchr(text, '/');
	bool letters = false;

	for (const char *c = text; *c && c != slash; c++)
		letters |= is_letter(*c);
	if (means_all(text))
		return refuse(value,
		    "not an address; leave %s out to match every address",
		    value->key);
	if (strchr(text, '%'))
		return refuse(value,
		    "zones are not possible; write the address without the %%");
	if (letters && !strchr(text, ':'))
		return refuse(value,
		    "not an address; names are not looked up, write the "
		    "addresses");
	if (slash && strchr(slash, '.'))
		return refuse(value,
		    "a netmask; write the length of the prefix, such as "
		    "10.20.0.0/16");
	return refuse(value,
	    "not an address; write one such as 10.20.0.7, or a prefix such as "
	    "10.20.0.0/16 or 2001:db8:20::/48");
}

int
config_value_prefix(const struct config_value *value, struct prefix *prefix)
{
	switch (prefix_parse(value->text, prefix)) {
	case 0:
		return 0;
	case -EDOM:
		return refuse_host_bits(value, prefix);
	case -ERANGE:
		return refuse(value,
		    "the length does not fit the address; write %s",
		    strchr(value->text, ':')
			? "at most /128, and at least /96 for a mapped IPv4 "
			  "address"
			: "at most /32");
	default:
		return refuse_address(value);
	}
}

int
config_value_word(const struct config_value *value, const char *const *words,
    size_t count, const char *choices, unsigned int *index)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(words[i], value->text) == 0) {
			*index = (unsigned int)i;
			return 0;
		}
	}
	return refuse(value, "not known; write %s", choices);
}

int
config_value_program(const struct config_value *value)
{
	if (!*value->text)
		return refuse(value,
		    "empty; leave %s out to match every program", value->key);
	if (strchr(value->text, '/'))
		return refuse(value,
		    "a path; write the name of the executable alone, such as "
		    "\"sm_*\"");
	return 0;
}

#define SLIPS_MAX    2
#define COMPARED_MAX 32

/*
 * How many characters have to be put in, left out, replaced, or exchanged
 * with their neighbour to make b of a. Both are at most COMPARED_MAX long.
 */
static size_t
slips(const char *a, const char *b)
{
	size_t cost[COMPARED_MAX + 1][COMPARED_MAX + 1];
	size_t a_length = strlen(a);
	size_t b_length = strlen(b);

	for (size_t i = 0; i <= a_length; i++) {
		for (size_t j = 0; j <= b_length; j++) {
			size_t least = i + j;

			if (i && j) {
				least =
				    cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
				if (least > cost[i - 1][j] + 1)
					least = cost[i - 1][j] + 1;
				if (least > cost[i][j - 1] + 1)
					least = cost[i][j - 1] + 1;
			}
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] &&
			    least > cost[i - 2][j - 2] + 1)
				least = cost[i - 2][j - 2] + 1;
			cost[i][j] = least;
		}
	}
	return cost[a_length][b_length];
}

static bool
begins(const char *text, const char *start)
{
	size_t length = strlen(start);

	return length > 3 && strncmp(text, start, length) == 0;
}

const char *
config_value_nearest(const char *word, const char *const *names, size_t count)
{
	size_t limit = strlen(word) / 3;
	size_t least = (limit < SLIPS_MAX ? limit : SLIPS_MAX) + 1;
	size_t nearest = count;

	if (strlen(word) > COMPARED_MAX)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		size_t found = slips(word, names[i]);

		if (found < least) {
			least = found;
			nearest = i;
		}
	}
	for (size_t i = 0; i < count && nearest == count; i++)
		if (begins(word, names[i]) || begins(names[i], word))
			nearest = i;
	return nearest < count ? names[nearest] : NULL;
}
