#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Programs that start another one: what the real su, runuser, sudo, env, setpriv
# and mptcpize make of LD_PRELOAD, what kashim doctor says of a unit with such a
# command line, and that kashim run reaches the program all the same. Needs
# root. BUILD names the build directory.
# shellcheck disable=SC2086 # lists of words
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
apart --mount
begin
COLUMNS=10000
export COLUMNS

# The launchers take KASHIM_CONFIG away, too: there are rules in /etc.
mkdir etc-upper etc-work opt && mount -t overlay overlay \
	-o "lowerdir=/etc,upperdir=$work/etc-upper,workdir=$work/etc-work" \
	/etc || exit 2
rm -f /etc/kashim.conf.policy
printf 'rule r { idle = 300 }\n' >/etc/kashim.conf
mount -t tmpfs -o mode=755 tmpfs /etc/systemd/system || exit 2
mount -t tmpfs -o mode=755 tmpfs /opt || exit 2
cp "$build/kashim" "$build/libkashim.so" "$build/libkashim-config.so" /opt ||
	exit 2
cc -D_GNU_SOURCE -o /opt/agent "$root/test/preload/connects.c" &&
	cc -D_GNU_SOURCE -static -o /opt/static \
		"$root/test/preload/connects.c" || exit 2
ours=/opt/libkashim.so
as=

# says WHAT STATUS TEXT COMMAND...: it exits so, and says so.
says() {
	what_=$1 expected_=$2 text_=$3
	shift 3
	"$@" >out 2>&1
	same "$what_: exit status" "$?" "$expected_"
	in_file "$what_" out "$text_"
}

# effect WHAT yes|no: a program that wrote "happened" has the rule, or not.
effect() {
	effect=no
	grep -q 'connect 0 idle 300 on 1' happened && effect=yes
	grep -q 'connect 0 ' happened || effect='not started'
	if [ "$effect" = "$2" ]; then
		pass
	else
		fail "$1: in truth, the effect is: $effect" happened
	fi
}

# started WHAT yes|no TEXT COMMAND: does LD_PRELOAD get to the agent that the
# command line starts? The doctor says so of a unit that has it, and says TEXT.
# Whatever it is, kashim run reaches the agent. $user is who starts it.
user=
started() {
	what=$1 expected=$2 text=$3
	program=${4%% *}
	found "command:$program" "$what" || return
	if [ "$user" ]; then
		as="setpriv --reuid=$user --regid=65534 --clear-groups"
	else
		as=
	fi
	$as env LD_PRELOAD=$ours sh -c "exec $4" >happened 2>&1
	effect "$what" "$expected"
	printf '[Service]\n%s\nEnvironment=LD_PRELOAD=%s\nExecStart=%s\n' \
		"${user:+User=$user}" "$ours" "$(systemd_line "$4")" \
		>/etc/systemd/system/agent.service
	answer='agent.service: the preload will NOT take effect' status=1
	[ "$expected" != yes ] ||
		answer='agent.service: the preload takes effect' status=0
	says "$what: doctor" $status "$answer" /opt/kashim doctor agent.service
	in_file "$what: doctor" out "$text"
	[ -z "$user" ] || return
	sh -c "exec /opt/kashim run --strict -- $4" >happened 2>&1
	effect "$what: kashim run" yes
}

# systemd takes the path of the program.
systemd_line() {
	path=$(command -v "${1%% *}") && echo "$path ${1#* }"
}

agent='/opt/agent 0'
su='su -s /bin/sh'
sudo='sudo -n'

started 'nothing in between' yes 'takes effect' "$agent"
started su yes 'su starts /opt/agent' "$su nobody -c '$agent'"
started 'su, exec' yes 'su starts /opt/agent' "$su nobody -c 'exec $agent'"
for login in - -l --login '-m -' '-p -l' --log; do
	started "su $login" no \
		'su starts /opt/agent without LD_PRELOAD: -' \
		"$su $login nobody -c 'exec $agent'"
done
in_file 'su: what helps' out "'kashim run' in front of /opt/agent"
in_file 'su: what helps' out '-w LD_PRELOAD on its command line'
started 'su -, another order' no 'without LD_PRELOAD' \
	"$su -c 'exec $agent' - nobody"
for kept in '-w LD_PRELOAD' '--whitelist-environment=TERM,LD_PRELOAD' \
	-wLD_PRELOAD; do
	started "su - $kept" yes 'su starts /opt/agent' \
		"$su $kept - nobody -c 'exec $agent'"
done
started 'su - and another variable' no 'without LD_PRELOAD' \
	"$su -w LD_PRELOADS - nobody -c 'exec $agent'"
started 'su -, set again' yes 'su starts /opt/agent' \
	"$su - nobody -c 'LD_PRELOAD=$ours $agent'"
started 'su -, and kashim run' yes '/opt/kashim' \
	"$su - nobody -c 'exec /opt/kashim run $agent'"
started 'su -, and a shell text that is not read' no \
	'su starts its program without LD_PRELOAD' \
	"$su - nobody -c 'cd / && $agent'"
user=nobody
started 'su by another user' 'not started' 'is setuid' \
	"$su nobody -c '$agent'"
user=

started 'runuser' yes 'runuser starts /opt/agent' \
	"runuser -s /bin/sh nobody -c '$agent'"
started 'runuser -u' yes 'runuser starts /opt/agent' \
	"runuser -u nobody -- $agent"
started 'runuser -l' no 'runuser starts /opt/agent without LD_PRELOAD' \
	"runuser -s /bin/sh -l nobody -c '$agent'"
started 'runuser -l -w' yes 'runuser starts /opt/agent' \
	"runuser -s /bin/sh -w LD_PRELOAD -l nobody -c '$agent'"

for option in '' -E -H '-u nobody' '-u nobody -E' -s '--preserve-env=HOME' \
	'-p x'; do
	started "sudo $option" no 'sudo starts /opt/agent without LD_PRELOAD' \
		"$sudo $option $agent"
done
started 'sudo, kept' yes 'sudo starts /opt/agent' \
	"$sudo --preserve-env=LD_PRELOAD $agent"
started 'sudo, set' yes 'sudo starts /opt/agent' \
	"$sudo LD_PRELOAD=$ours $agent"
started 'sudo env' yes 'env starts /opt/agent' \
	"$sudo -u nobody env LD_PRELOAD=$ours $agent"
started 'sudo kashim run' yes 'kashim starts /opt/agent' \
	"$sudo -u nobody /opt/kashim run $agent"

started env yes 'env starts /opt/agent' "env -- A=b $agent"
for option in -i - --ignore-environment --ignore-e '-u LD_PRELOAD' \
	-uLD_PRELOAD --unset=LD_PRELOAD '-i A=b' LD_PRELOAD= \
	LD_PRELOAD=/nowhere.so; do
	started "env $option" no 'env starts /opt/agent without LD_PRELOAD' \
		"env $option $agent"
done
started 'env -u another' yes 'env starts' "env -u A -C / $agent"
started 'env -i, set again' yes 'env starts' "env -i LD_PRELOAD=$ours $agent"

started setpriv yes 'setpriv starts' \
	"setpriv --reuid nobody --clear-groups $agent"
started 'setpriv --reset-env' no \
	'setpriv starts /opt/agent without LD_PRELOAD: --reset-env' \
	"setpriv --reuid nobody --clear-groups --reset-env $agent"

started mptcpize no 'mptcpize starts /opt/agent without LD_PRELOAD' \
	"mptcpize run $agent"
started 'mptcpize, and kashim run' yes 'kashim starts /opt/agent' \
	"mptcpize run /opt/kashim run $agent"

# What passes it on: what it starts counts.
for launcher in 'nice -n 5' nohup 'setsid -w' 'timeout -k 1 20' 'ionice -c 2' \
	'nice setsid -w env A=b'; do
	started "$launcher" yes 'starts /opt/agent' "$launcher $agent"
done
started 'a shell' yes 'sh starts /opt/agent' "sh -c 'exec $agent 2>&1'"
started 'a shell with an option' yes 'sh starts /opt/agent' \
	"sh -ec 'A=b $agent'"
started 'a shell, and env -i' no 'env starts /opt/agent without LD_PRELOAD' \
	"sh -c 'exec env -i $agent'"
started 'two of them' no 'su starts nice without LD_PRELOAD' \
	"nice $su - nobody -c 'exec nice $agent'"
started 'a static program behind it' no '/opt/static is static' \
	"nice sh -c '/opt/static 0'"

# kashim-wrapper in the place of the program.
cp /opt/agent /opt/wrapped.real
sed "s|^kashim_libdir=.*|kashim_libdir=/opt|" "$root/tools/kashim-wrapper" \
	>/opt/wrapped && chmod 755 /opt/wrapped
started 'su -, and kashim-wrapper' yes 'wrapped starts /opt/wrapped.real' \
	"$su - nobody -c 'exec /opt/wrapped 0'"

# A unit without LD_PRELOAD, where that does no harm.
printf '[Service]\nExecStart=%s\n' "/opt/kashim run -c /etc/kashim.conf $agent" \
	>/etc/systemd/system/agent.service
says 'kashim run in a unit' 0 'agent.service: the preload takes effect' \
	/opt/kashim doctor agent.service
printf 'ExecStart=%s\n' "$agent" >>/etc/systemd/system/agent.service
says 'kashim run in a unit, not everywhere' 1 'sets no LD_PRELOAD' \
	/opt/kashim doctor agent.service

# kashim run in front of what loses LD_PRELOAD, or goes without it anyway.
# supervised WHAT STATUS TEXT COMMAND LINE...
supervised() {
	what=$1 status=$2 text=$3
	{
		echo '[Service]'
		echo "ExecStart=$4"
		shift 4
		printf '%s\n' "$@"
	} >/etc/systemd/system/agent.service
	says "$what" "$status" "$text" /opt/kashim doctor agent.service
}
supervised 'run -S of a static program' 0 'the preload takes effect' \
	'/opt/kashim run -sS -t/trace -- /opt/static 0'
supervised 'run of su -' 0 'kashim run supervises /opt/agent, or preloads it' \
	"/opt/kashim run --config /etc/kashim.conf $(command -v su) - nobody -s /bin/sh -c '$agent'"
supervised 'run -P of su -' 1 'su starts /opt/agent without LD_PRELOAD' \
	"/opt/kashim run -sP $(command -v su) - nobody -s /bin/sh -c '$agent'"
supervised 'run of systemd-run' 1 'systemd-run starts /opt/agent without' \
	"/opt/kashim run systemd-run $agent"
supervised 'run by a user, of what is setuid' 1 'is setuid' \
	"/opt/kashim run $(command -v su) nobody -s /bin/sh -c '$agent'" \
	User=nobody
cp /opt/agent /opt/setuid && chmod 4755 /opt/setuid
supervised 'run by a user, of a setuid program' 1 '/opt/setuid is setuid' \
	'/opt/kashim run /opt/setuid 0' User=nobody
supervised 'run by root, of a setuid program' 0 'the preload takes effect' \
	'/opt/kashim run /opt/setuid 0'
supervised 'run, filtered' 1 \
	'SystemCallFilter= forbids seccomp pidfd_getfd, which a supervisor calls' \
	"/opt/kashim run -S $agent" SystemCallFilter=@system-service
supervised 'run, filtered as told' 0 'the preload takes effect' \
	"/opt/kashim run -S $agent" SystemCallFilter=@system-service \
	'SystemCallFilter=seccomp pidfd_getfd'
for bounds in CAP_SETUID '~CAP_SYS_PTRACE CAP_KILL'; do
	supervised "run, bounded by $bounds" 1 'has no CAP_SYS_PTRACE, which' \
		"/opt/kashim run -S $agent" "CapabilityBoundingSet=$bounds"
done
supervised 'run, bounded by more' 0 'the preload takes effect' \
	"/opt/kashim run -S $agent" CapabilityBoundingSet=CAP_SETUID \
	CapabilityBoundingSet=CAP_SYS_PTRACE
supervised 'not supervised, bounded' 0 'the preload takes effect' \
	"/opt/kashim run -P $agent" CapabilityBoundingSet=CAP_SETUID
chmod 600 /etc/kashim.conf
supervised 'run, without rules' 1 'user 65534 may not read it' \
	"/opt/kashim run $agent" User=nobody
supervised 'as whom' 1 'user 65534 may not read it' \
	"$(command -v su) nobody -s /bin/sh -c '$agent'" \
	"Environment=LD_PRELOAD=$ours"
chmod 644 /etc/kashim.conf

# What kashim run says.
if found command:systemd-run 'run, by the service manager'; then
	says 'run, by the service manager' 2 \
		'systemd-run is not started (--strict)' \
		/opt/kashim run --strict systemd-run -u name $agent
	in_file 'run, by the service manager' out \
		'systemd-run: systemd-run starts /opt/agent without LD_PRELOAD'
fi
found command:sudo 'run of sudo' || {
	finish
	exit
}
says 'run' 0 'connect 0 idle 300 on 1' \
	/opt/kashim run --trace=trace $sudo $agent
in_file 'run: the way' trace \
	'sudo: supervised: sudo starts /opt/agent without LD_PRELOAD'
says 'run -P' 0 'the preload has no effect: sudo starts /opt/agent without' \
	/opt/kashim run -P $sudo $agent
says 'run -P --strict' 2 'sudo is not started (--strict)' \
	/opt/kashim run -P --strict $sudo $agent

# A user may not supervise what gets more rights; behind sudo it works.
echo 'nobody ALL=(ALL:ALL) NOPASSWD: ALL' >/etc/sudoers.d/test &&
	chmod 440 /etc/sudoers.d/test
nobody='setpriv --reuid=nobody --regid=65534 --clear-groups'
says 'run of sudo by a user' 2 'supervised it would not get these rights' \
	$nobody /opt/kashim run --strict $sudo $agent
in_file 'run of sudo by a user' out \
	"'kashim run' helps behind it, in front of what it starts"
$nobody $sudo /opt/kashim run --strict $agent >happened 2>&1
effect 'run behind sudo' yes
user=nobody
for option in '' --preserve-env=LD_PRELOAD; do
	started "sudo $option by a user" no 'is setuid' "$sudo $option $agent"
done
started 'sudo kashim run by a user' yes 'kashim starts' \
	"$sudo /opt/kashim run $agent"
started 'sudo LD_PRELOAD= by a user' yes 'sudo starts' \
	"$sudo LD_PRELOAD=$ours $agent"

finish
