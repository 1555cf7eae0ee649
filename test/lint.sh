#!/bin/sh
# SPDX-License-Identifier: ISC
# Formatting, and what four tools find: "lint.sh FILE...", all sources, in C and
# shell. Each of the four passes or fails. Only one version of each counts (see
# can.sh): elsewhere lint cannot run. Without one of them it is skipped.
set -u

cd "$(dirname "$0")/.." || exit 2
reason=$(sh test/can.sh lint)
case $? in
0) ;;
1)
	echo "cannot run here: lint: all of lint: $reason"
	echo 'all: 0 passed, 0 failed, 0 skipped'
	exit 0
	;;
*)
	echo "skipped: lint: $reason"
	echo 'all: 0 passed, 0 failed, 4 skipped'
	exit 0
	;;
esac

c='' shell=''
for file; do
	case $file in
	*.[ch]) c="$c $file" ;;
	*) shell="$shell $file" ;;
	esac
done
# For what the Makefile defines: some string.
flags="-std=gnu11 -D_GNU_SOURCE -Ilib -Itools"
for name in VERSION LIBDIR BINDIR DOCDIR SYSCONFDIR LOCALSTATEDIR; do
	flags="$flags -DKASHIM_$name=__FILE__"
done

passed=0 failed=0
judge()
{
	if "$@"; then
		passed=$((passed + 1))
	else
		echo "not ok: $1"
		failed=$((failed + 1))
	fi
}

# shellcheck disable=SC2086 # lists of words
tidy()
{
	printf '%s\n' $c | grep '\.c$' | xargs -P 2 -I {} \
		clang-tidy --quiet {} -- $flags 2>/dev/null
}

# shellcheck disable=SC2086 # lists of words
{
	judge clang-format --dry-run -Werror $c
	judge tidy
	judge cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 \
		--enable=warning,performance,portability -D_GNU_SOURCE \
		-Ilib -Itools '-DSEC(section)=' lib tools test
	judge shellcheck -x $shell
}
printf 'all: %d passed, %d failed, 0 skipped\n' $passed $failed
[ $failed -eq 0 ]
