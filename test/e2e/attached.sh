# shellcheck shell=sh
# SPDX-License-Identifier: ISC
#
# attached: what end-to-end cases of kashim attach have in common. To be sourced
# behind case.sh.
#
# attached_begin SCRIPT NAME COMMAND...	case_begin; $attached_top is a control
#					group with all and source in it, to
#					which rules are attached
# attached NAMESPACE ID GROUP COMMAND...	start, in that control group

# shellcheck source=test/cgroups.sh
. "${e2e:?}/../cgroups.sh"

attached_begin() {
	attached_why=$(sh "${e2e:?}/../can.sh" bpf)
	case $? in
	0) ;;
	1)
		echo "cannot run here: bpf: $1: $attached_why"
		echo 'plan 0'
		exit 0
		;;
	*) rig_skip "$2: bpf: $attached_why" ;;
	esac
	ldd "$RIG_BUILD/kashim" | grep -q libbpf ||
		rig_skip "$2: kashim was built without libbpf"
	case_begin "$@"

	# What is attached goes with this mount namespace; the control groups are
	# left by all that the rig ends, and removed behind it.
	attached_top=$RIG_DIR/cg/kashim-case.$$
	# shellcheck disable=SC2015 # die is for any of them
	cgroups_mount cg && mkdir "$attached_top" "$attached_top/all" \
		"$attached_top/source" ||
		die 'no control group can be made'
	# shellcheck disable=SC2034 # for the rig
	RIG_BEHIND=attached_behind

	policy all.conf <<-EOF2
		idle         = "${CASE_IDLE}s"
		interval     = "${CASE_INTERVAL}s"
		count        = $CASE_COUNT
		rule all { }
	EOF2
	policy source.conf <<-EOF2
		app-settings = respect
		rule client {
			source   = { "$RIG_CLIENT" }
			idle     = "${CASE_IDLE}s"
			interval = "${CASE_INTERVAL}s"
			count    = $CASE_COUNT
		}
	EOF2
	for attached_group in all source; do
		"$RIG_DIR/lib/kashim" attach \
			--cgroup "$attached_top/$attached_group" \
			--config "$RIG_DIR/$attached_group.conf" \
			>attach.out 2>&1 ||
			die "not attached: $(cat attach.out)"
	done
}

attached_remove() {
	find "$attached_top" -depth -type d -exec rmdir {} +
}

attached_behind() {
	rig_wait 10 attached_remove
}

attached() {
	attached_in=$1 attached_id=$2 attached_to=$attached_top/$3
	shift 3
	# shellcheck disable=SC2016 # the inner shell expands
	start "$attached_in" "$attached_id" - \
		sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' \
		"$attached_to" "$@"
}
