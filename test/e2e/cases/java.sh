#!/bin/sh
# SPDX-License-Identifier: ISC
#
# jdb attached to the debug port of rmiregistry: two programs of the JDK, a
# Java runtime on either side. Connecting, the socket is Java's own; accepting,
# it is the debug agent's.

e2e=$(dirname "$0")/..
# shellcheck source=/dev/null
. "$e2e/case.sh"
case_begin "$0" java jdb rmiregistry

# -UsePerfData, as it would leave files in /tmp.
jvm=-J-XX:-UsePerfData
jvm="$jvm -J-XX:TieredStopAtLevel=1 -J-XX:+UseSerialGC -J-Xmx64m"

# An agent talks to one debugger only, so each flow has a server of its own.
server() {
	# shellcheck disable=SC2086
	start server "$1.server" "$2" rmiregistry $jvm \
		-J-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address="*:$3" \
		"$4"
}
server plain - 5005 1099
server connect - 5006 1100
server accept kashim.conf 5007 1101
# The debug port is there long before the program has started its threads, each
# of which the debugger would hear of in the silent time.
wait_listening 5005 5006 5007 1099 1100 1101

flow_open() {
	policy=-
	[ "$1" != connect ] || policy=kashim.conf
	# shellcheck disable=SC2086
	start client "$1" $policy jdb $jvm -attach "$2:$3"
}

flow_ask() {
	echo threads >"$1.in"
}

# The main thread group is printed once for each request.
flow_answered() {
	[ "$(grep -c 'Group main:' "$1.out")" -ge "$2" ]
}

flow plain "$(rig_address 1)" 5005 dies - none none \
	without kashim
flow connect "$(rig_address 2)" 5006 lives client "$CASE_IDLE" none \
	with kashim, connecting side
flow accept "$(rig_address 3)" 5007 lives server none "$CASE_IDLE" \
	with kashim, accepting side
case_run
case_end
