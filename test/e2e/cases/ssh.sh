#!/bin/sh
# SPDX-License-Identifier: ISC
#
# ssh with sshd: both switch keepalive on by themselves (TCPKeepAlive), but
# with the kernel's 7200 s, which is far too late. Neither sends anything else
# while a session is idle. sshd runs as the rig's user, who logs in.

e2e=$(dirname "$0")/..
# shellcheck source=/dev/null
. "$e2e/case.sh"
case_begin "$0" ssh ssh ssh-keygen /usr/sbin/sshd

for key in hostkey key; do
	ssh-keygen -q -t ed25519 -N '' -f $key || die "no key"
done
rig_give_user hostkey

server() {
	cat >"$1.conf" <<-EOF
		Port $3
		HostKey $RIG_DIR/hostkey
		AuthorizedKeysFile $RIG_DIR/key.pub
		StrictModes no
		UsePAM no
		PidFile none
	EOF
	start_as_user server "$1" "$2" \
		/usr/sbin/sshd -D -e -f "$RIG_DIR/$1.conf"
}
server sshd - 2222
server sshd.accept kashim.conf 2223
wait_listening 2222 2223

flow_open() {
	policy=-
	[ "$1" != connect ] || policy=kashim.conf
	start client "$1" $policy ssh -F /dev/null -i key -p "$3" \
		-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
		-o LogLevel=ERROR "rig@$2" cat
}

flow_ask() {
	echo "echo $2" >"$1.in"
}

flow_answered() {
	grep -q "^echo $2\$" "$1.out"
}

flow plain "$(rig_address 1)" 2222 dies - 7200 7200 \
	without kashim
flow connect "$(rig_address 2)" 2222 lives client "$CASE_IDLE" 7200 \
	with kashim, connecting side
flow accept "$(rig_address 3)" 2223 lives server 7200 "$CASE_IDLE" \
	with kashim, accepting side
case_run
case_end
