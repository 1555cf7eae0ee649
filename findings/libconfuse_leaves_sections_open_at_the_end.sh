#!/bin/sh
# SPDX-License-Identifier: ISC
# Guess: libconfuse refuses a file that ends within a section, "premature end of
# file", as it does one that ends within a list or a string; and a file that
# include() names is complete, or refused, by itself.
#
# Really: a file that ends within a section is taken, with what the section has
# so far, and so is one that ends within a comment. A section or a list that is
# open at the end of an included file goes on in the file that includes it: what
# follows include() there is read as the section's.
#
# Seen with libconfuse 3.3-3 (Debian 12); "rule" is a section with "idle" in it,
# and "idle" of the file itself is 1 unless it is set:
#   ends within a section: taken, idle 1, rule's idle 60
#   ends within a comment: taken, idle 5, rule's idle 2
#   ends within a list: premature end of file
#   ends within a string: premature end of file
#   included file ends within a section: taken, idle 1, rule's idle 9
#   included file ends within a list: taken, idle 9, rule's idle 2
#
# Why it matters: a configuration that was cut off while it was copied is valid,
# with fewer rules, and one "}" that is missing in a file of a conf.d directory
# changes what the files after it mean. A program has to count for itself. Needs
# gcc, and apt-get for the pinned package.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
cd "$dir"
apt-get download libconfuse-dev=3.3-3 >/dev/null 2>&1
dpkg -x libconfuse-dev_*.deb .

cat >take.c <<'END'
#include <confuse.h>
#include <stdarg.h>
#include <stdio.h>

static void
tell(cfg_t *file, const char *format, va_list args)
{
	(void)file;
	vprintf(format, args);
	putchar('\n');
}

int
main(int argc, char *argv[])
{
	cfg_opt_t rule[] = {CFG_INT("idle", 2, CFGF_NONE), CFG_END()};
	cfg_opt_t options[] = {
		CFG_INT("idle", 1, CFGF_NONE),
		CFG_STR("name", "", CFGF_NONE),
		CFG_STR_LIST("to", "{}", CFGF_NONE),
		CFG_SEC("rule", rule, CFGF_NONE),
		CFG_FUNC("include", &cfg_include),
		CFG_END(),
	};
	cfg_t *file = cfg_init(options, CFGF_NONE);

	printf("%s: ", argv[argc - 1]);
	cfg_set_error_function(file, tell);
	if (cfg_parse(file, "file") == CFG_SUCCESS)
		printf("taken, idle %ld, rule's idle %ld\n",
		    cfg_getint(file, "idle"), cfg_getint(file, "rule|idle"));
	cfg_free(file);
	return 0;
}
END
gcc -Iusr/include -o take take.c "$(find "$dir/usr/lib" -name libconfuse.a)"

# try WHAT TEXT [INCLUDED]: what the library says to a file, and to what it includes
try() {
	printf '%b' "$2" >file
	printf '%b' "${3:-}" >part
	timeout 10 ./take "$1"
}
{
	try 'ends within a section' 'rule {\n\tidle = 60\n'
	try 'ends within a comment' 'idle = 5 /* seconds\n'
	try 'ends within a list' 'to = {"a", "b"\n'
	try 'ends within a string' 'name = "a\n'
	try 'included file ends within a section' \
		'include("part")\nidle = 9\n' 'rule {\n'
	try 'included file ends within a list' \
		'include("part")\n"b"}\nidle = 9\n' 'to = {"a",\n'
} | tee seen
diff - seen <<'END'
ends within a section: taken, idle 1, rule's idle 60
ends within a comment: taken, idle 5, rule's idle 2
ends within a list: premature end of file
ends within a string: premature end of file
included file ends within a section: taken, idle 1, rule's idle 9
included file ends within a list: taken, idle 9, rule's idle 2
END
