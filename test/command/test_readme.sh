#!/bin/sh
# SPDX-License-Identifier: ISC
#
# README's commands work as printed. Each line behind "$ " is run, in the order
# in which they stand there, on a host like the one that README tells of: its
# configuration in /etc, its addresses, its backup agent. Where output stands
# below a command, it is compared; of numbers, only that they are there. BUILD
# names the build directory.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
apart --mount --net
all_needs overlay

# The server is on the other side of the network, and its processes are not to
# be seen from this host.
if [ -z "${README_HOST-}" ]; then
	ip link set lo up
	unshare --net sleep 300 &
	peer=$!
	until_true 10 fails sh -c "[ /proc/$peer/ns/net -ef /proc/self/ns/net ]"
	ip link add ours type veth peer name theirs netns "$peer" || exit 2
	ip address add 10.1.7.20/24 dev ours && ip link set ours up || exit 2
	nsenter --net --target "$peer" sh -c '
		ip link set lo up && ip address add 10.20.0.5/32 dev lo &&
		ip address add 10.1.7.1/24 dev theirs && ip link set theirs up
	' || exit 2
	ip route add 10.20.0.0/16 via 10.1.7.1 || exit 2
	nsenter --net --target "$peer" python3 "$here/tcp_host.py" \
		listen,10.20.0.5,3300 </dev/zero >/dev/null &
	server=$!
	until_true 20 sh -c "nsenter --net --target $peer ss -ltnH | grep :3300"
	README_HOST=yes KASHIM_APART=yes BUILD=$build \
		unshare --mount --pid --fork --mount-proc \
		env --default-signal=INT,TERM sh "$0"
	status=$?
	kill "$server" "$peer"
	exit "$status"
fi

begin
cleanup() {
	cd / && umount --lazy /etc 2>/dev/null
}

mkdir overlay bin && mount -t tmpfs tmpfs overlay && mkdir overlay/new \
	overlay/work || exit 2
mount -t overlay overlay -o \
	lowerdir=/etc,upperdir=overlay/new,workdir=overlay/work /etc || exit 2
rm -f /etc/kashim.conf*
mkdir /var/cache/kashim

# The program, which connects and says nothing; and what is not ours.
cat >agent.c <<'END'
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>
int main(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(3300)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	inet_pton(AF_INET, "10.20.0.5", &to.sin_addr);
	return connect(fd, (struct sockaddr *)&to, sizeof(to)) || sleep(300);
}
END
cc -o bin/backup-agent agent.c || exit 2
printf '#!/bin/sh\nexec "$@"\n' >bin/sudo
printf '#!/bin/sh\n' >bin/systemctl
chmod 755 bin/sudo bin/systemctl
cp "$build/kashim" "$build"/libkashim*.so bin || exit 2
printf '[Service]\nExecStart=%s/bin/backup-agent\n' "$work" \
	>/etc/systemd/system/backup-agent.service
PATH=$work/bin:$PATH

connected() {
	[ "$(ss -tnH state established dst 10.20.0.5 | wc -l)" -eq 1 ]
}

# numbers: what differs from one time to the next.
numbers() {
	sed -E -e 's/[0-9]+/N/g' -e 's/N(h|min)N(min|s)/T/g' -e 's/Ns\b/T/g' \
		-e 's/ +/ /g' -e 's/ +$//'
}

# lateness: how late a timer may be hangs on the kernel's HZ.
lateness() {
	sed '/^This kernel.s timers/s/come .* later/come N later/'
}

# N-command, and N-answer if something stands below it.
awk '/^\t\$ / { n++; print substr($0, 4) >n "-command"; on = 1; empty = ""; next }
	/^\t/ && on { print empty substr($0, 2) >n "-answer"; empty = ""; next }
	/^$/ && on { empty = empty "\n"; next }
	{ on = 0 }' "$root/README"
awk '/^\/etc\/kashim.conf. The first rule/ { on = 1; next }
	on && /^[^\t]/ { exit }
	on' "$root/README" | sed -e '1d' -e 's/^	//' >/etc/kashim.conf

# The first thing that README shows is a program without kashim.
backup-agent &
agent=$!
until_true 20 connected || fail 'the agent does not connect'
n=0
while n=$((n + 1)) && [ -s "$n-command" ]; do
	command=$(cat "$n-command")
	case $command in
	'kashim run '*)
		# It goes on; and the one without is not needed any more.
		kill "$agent"
		sh -c "exec $command" >"$n-said" 2>&1 &
		agent=$!
		until_true 20 grep -q libkashim "/proc/$agent/maps" &&
			until_true 20 connected
		same "README: $command" $? 0
		continue
		;;
	'sudo kashim status'*)
		# As in a terminal that is as wide as README, less its tab.
		NO_COLOR=1 TERM=xterm script -qc \
			"stty cols 72; $command; echo \$? >status" /dev/null \
			</dev/null 2>&1 | tr -d '\r' >"$n-said"
		# That it is off is what README begins with.
		status=$(($(cat status) - ($(grep -c '^off ' "$n-answer") > 0)))
		;;
	*)
		sh -c "$command" >"$n-said" 2>&1
		status=$?
		;;
	esac
	same "README: $command: status" "$status" 0
	[ -s "$n-answer" ] || continue
	# What follows from the rules is the same each time.
	how=numbers
	[ "${command#kashim }" = "$command" ] || how=lateness
	$how <"$n-answer" >expected
	$how <"$n-said" >actual
	holds "README: $command" diff -u expected actual
done
same 'the commands of README' "$([ "$n" -gt 10 ] && echo "some")" some

finish
