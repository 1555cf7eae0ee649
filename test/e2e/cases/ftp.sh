#!/bin/sh
# SPDX-License-Identifier: ISC
#
# tnftp with vsftpd: a file transfer client whose control connection is silent
# between two files. Each file has a data connection of its own, which the
# firewall admits as new; it is the control connection that matters. The
# server switches keepalive on for it, newer clients do, too, and both leave the
# times at the kernel's 7200 s.

e2e=$(dirname "$0")/..
# shellcheck source=/dev/null
. "$e2e/case.sh"
case_begin "$0" ftp tnftp vsftpd

mkdir -p files empty got
for n in 1 2; do
	echo "this is file $n" >files/file$n
done

server() {
	cat >"$1.conf" <<-EOF
		listen=NO
		listen_ipv6=YES
		listen_port=$3
		background=NO
		anonymous_enable=YES
		anon_root=$RIG_DIR/files
		ftp_username=nobody
		secure_chroot_dir=$RIG_DIR/empty
		run_as_launching_user=YES
		one_process_model=YES
		isolate=NO
		isolate_network=NO
		seccomp_sandbox=NO
		xferlog_enable=NO
	EOF
	# It wants to own its file.
	rig_give_user "$1.conf"
	start_as_user server "$1" "$2" vsftpd "$RIG_DIR/$1.conf"
}
server vsftpd - 2121
server vsftpd.accept kashim.conf 2122
wait_listening 2121 2122

flow_open() {
	policy=-
	[ "$1" != connect ] || policy=kashim.conf
	start client "$1" $policy tnftp -n -v "$2" "$3"
	echo "user anonymous rig@" >"$1.in"
}

flow_ask() {
	echo "get file$2 got/$1.$2" >"$1.in"
}

flow_answered() {
	cmp -s "files/file$2" "got/$1.$2"
}

flow plain "$(rig_address 1)" 2121 dies - any 7200 \
	without kashim
flow connect "$(rig_address 2)" 2121 lives client "$CASE_IDLE" 7200 \
	with kashim, connecting side
flow accept "$(rig_address 3)" 2122 lives server any "$CASE_IDLE" \
	with kashim, accepting side
case_run
case_end
