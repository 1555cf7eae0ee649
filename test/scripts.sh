# shellcheck shell=sh
# SPDX-License-Identifier: ISC
#
# scripts: runs tests, two at a time, or as many as JOBS says, and judges them.
# To be sourced. A test is a script (*.sh) or a program, which gets the build
# directory as its argument and in BUILD. What it prints is shown as a whole,
# and in the order in which the tests are named, each under its name and the
# seconds that it took.
#
# A test is right if it exits with 0, and its last line says that it came to
# its end: "N passed, 0 failed" or "N passed, 0 failed, N skipped".

SCRIPTS_LIMIT_S=600
SCRIPTS_STATUS=0
SCRIPTS_DIR=$(mktemp -d "${TMPDIR:-/tmp}/kashim-scripts.XXXXXX") || exit 2
SCRIPTS_PRINTER=
trap 'touch "$SCRIPTS_DIR/over"
	[ -z "$SCRIPTS_PRINTER" ] || wait "$SCRIPTS_PRINTER"
	rm -rf "$SCRIPTS_DIR"' EXIT
trap 'exit 1' HUP INT TERM

# $1 the limit, $2 the directory, $3 the build directory, $4 the test. The
# status comes last, and whole.
# shellcheck disable=SC2016 # for the shell below
SCRIPTS_ONE='
	read -r begun _ </proc/uptime
	name=$2/${4##*/}
	export BUILD="$3"
	case $4 in
	*.sh) set -- "$1" "$3" sh "$4" ;;
	*) set -- "$1" "$3" "$4" ;;
	esac
	limit=$1 build=$2
	shift 2
	timeout --foreground -k 10 "$limit" "$@" "$build" >"$name.out" 2>&1
	status=$?
	read -r ended _ </proc/uptime
	echo $((${ended%.*} - ${begun%.*})) >"$name.seconds"
	echo $status >"$name.now"
	mv "$name.now" "$name.status"'

# As soon as those before it have been shown. Without its status, once all
# that still ran are over, a test was killed.
scripts_show() {
	for SCRIPTS_TEST; do
		SCRIPTS_NAME=$SCRIPTS_DIR/${SCRIPTS_TEST##*/}
		until [ -e "$SCRIPTS_NAME.status" ] ||
			[ -e "$SCRIPTS_DIR/over" ]; do
			sleep 0.1
		done
		[ -e "$SCRIPTS_NAME.out" ] || continue
		printf '%s, %s s:\n' "${SCRIPTS_TEST##*/}" \
			"$(cat "$SCRIPTS_NAME.seconds" 2>/dev/null)"
		cat "$SCRIPTS_NAME.out"
		scripts_judge "$SCRIPTS_NAME"
	done
}

# scripts_judge NAME: 1, and why, if that test failed. A command that the shell
# did not find is one that checked nothing.
scripts_judge() {
	SCRIPTS_CODE=$(cat "$1.status" 2>/dev/null) || SCRIPTS_CODE=none
	if [ "$SCRIPTS_CODE" != 0 ]; then
		echo "not ok: ${1##*/}: status $SCRIPTS_CODE"
	elif ! tail -n 1 "$1.out" |
		grep -qxE '[0-9]+ passed, 0 failed(, [0-9]+ skipped)?'; then
		echo "not ok: ${1##*/}: did not come to its end"
	elif grep -qE '^[^ ]+: (line )?[0-9]+: .*not found$' "$1.out"; then
		echo "not ok: ${1##*/}: a command was not found"
	else
		return 0
	fi
	return 1
}

# scripts_run BUILD TEST...
scripts_run() {
	SCRIPTS_BUILD=$1
	shift
	case $SCRIPTS_BUILD in
	*[[:space:]:]*)
		echo "not ok: $SCRIPTS_BUILD cannot stand in LD_PRELOAD," \
			'for its space or colon: test elsewhere'
		SCRIPTS_STATUS=1
		return
		;;
	esac
	# In the background is what prints: signals do to the tests what they
	# always do.
	scripts_show "$@" &
	SCRIPTS_PRINTER=$!
	printf '%s\0' "$@" | xargs -0 -P "${JOBS:-2}" -I {} sh -c \
		"$SCRIPTS_ONE" sh "$SCRIPTS_LIMIT_S" "$SCRIPTS_DIR" \
		"$SCRIPTS_BUILD" {}
	touch "$SCRIPTS_DIR/over"
	wait "$SCRIPTS_PRINTER"
	SCRIPTS_PRINTER=
	rm -f "$SCRIPTS_DIR/over"
	for SCRIPTS_TEST; do
		scripts_judge "$SCRIPTS_DIR/${SCRIPTS_TEST##*/}" >/dev/null ||
			SCRIPTS_STATUS=1
	done
}

# scripts_end: the sum of all, as the last line. 1 if a test failed.
scripts_end() {
	find "$SCRIPTS_DIR" -name "*.out" -exec tail -qn 1 {} + | awk '
		/^[0-9]+ passed, / { p += $1; f += $3; s += $5 }
		END { printf "all: %d passed, %d failed, %d skipped\n", p, f, s }'
	return "$SCRIPTS_STATUS"
}
