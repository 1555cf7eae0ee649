#!/bin/sh
# SPDX-License-Identifier: ISC
#
# The command and the wrapper as an administrator uses them: arguments, exit
# status, environment and every line that they print. BUILD names the build
# directory; the wrapper is taken from the sources.
#
# What stands in single quotes is for the shell that the program starts.
# shellcheck disable=SC2016
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
tools=$root/tools
# Others have no right to publish for all of the machine.
[ "$(id -u)" -ne 0 ] || apart --mount
begin
[ -z "$apart" ] || mkdir /var/cache/kashim
PATH=$build:$PATH
export PATH

# How late a timer may be hangs on the kernel's HZ; below it is looked at alone.
plain() {
	grep -v '^This kernel.s timers are coarse'
}

cat >good.conf <<'EOF'
interval = "30s"
count    = 5

rule loopback {
	destination = { "127.0.0.0/8", "::1" }
	action      = ignore
}
rule dmz-backup {
	direction        = connect
	destination      = { "10.20.0.0/16", "2001:db8:20::/48" }
	port             = { "3300-3399", "11000" }
	program          = { "sm_*", "stpd" }
	firewall-timeout = "15min"
}
rule gateway {
	direction    = accept
	source       = { "172.16.0.0/12" }
	port         = { "3300" }
	idle         = "5min"
	user-timeout = "10min"
	app-settings = tighten
}
rule cloud {
	destination  = { "198.51.100.0/24" }
	profile      = "aws-nlb"
	app-settings = respect
}
rule both {
	source  = { "172.20.0.0/16" }
	program = { "old*" }
	port    = { "1-100" }
	idle    = "2min"
}
rule web {
	port         = { "80" }
	idle         = "1min"
	user-timeout = "210500ms"
}
rule plain {
	port = { "81" }
}
rule late {
	destination = { "203.0.113.0/24" }
	program     = { "late" }
	idle        = "10min"
}
EOF
printf 'rule x { idle = "5min" }\n' >one.conf
: >empty.conf
printf 'rule x {\n\tidel = "5min"\n}\n' >bad.conf
cp one.conf open.conf
chmod 666 open.conf
mkdir directory

cat >show <<'EOF'
#!/bin/sh
for argument; do
	printf '[%s]' "$argument"
done
echo
EOF
chmod 755 show

# The wording of these is config's own, and tested there.
bad=$(kashim check bad.conf 2>&1 | sed "s|^kashim: ||")
none=$(kashim check none.conf 2>&1 | sed "s|^kashim: ||")
none=${none#"$work/none.conf: "}
# What to begin with: test_install.sh has it.
hint=$(KASHIM_CONFIG=/etc/kashim.conf kashim check 2>&1 | sed 1d)

# The command itself.

kashim >out 2>err
same 'no arguments: status' $? 2
same 'no arguments: stdout' "$(cat out)" ''
in_file 'no arguments' err 'Usage: kashim COMMAND [ARGUMENT...]'
for help in --help -h help; do
	kashim $help >out 2>err
	same "$help: status" $? 0
	same "$help: stderr" "$(cat err)" ''
	in_file "$help" out 'Usage: kashim COMMAND [ARGUMENT...]'
	for command in run check compile match; do
		in_file "$help" out "  $command "
	done
done
for command in run check compile match; do
	kashim "$command" --help >out 2>err
	same "$command --help: status" $? 0
	same "$command --help: stderr" "$(cat err)" ''
	in_file "$command --help" out "Usage: kashim $command "
	in_file "$command --help" out 'Examples:'
	same "$command --help: width" "$(grep -c '^.\{81\}' out)" 0
	same "help $command" "$(kashim help "$command")" "$(cat out)"
done
same '--help: width' "$(kashim --help | grep -c '^.\{81\}')" 0
same '--help: fits 24 lines, with a prompt' \
	"$([ "$(kashim --help | wc -l)" -le 23 ] && echo yes)" yes
kashim --version >out
same '--version: status' $? 0
in_file '--version' out 'kashim '
check 'unknown command' 2 kashim chekc <<'EOF'
! kashim: there is no command 'chekc', did you mean 'check'?
! Try 'kashim --help'.
EOF
check 'unknown command, unlike any' 2 kashim frobnicate <<'EOF'
! kashim: there is no command 'frobnicate'
! Try 'kashim --help'.
EOF
for help in 'help help' 'help --help' 'help -h' '--help check'; do
	# shellcheck disable=SC2086 # words
	same "$help" "$(kashim $help 2>&1)" "$(kashim --help)"
done
for command in $(kashim --help | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p'); do
	[ "$command" = help ] || same "$command -h" "$(kashim "$command" -h 2>&1)" \
		"$(kashim help "$command")"
	[ "$command" = help ] || check "$command, an unknown option" 2 \
		kashim "$command" --nosuch <<EOF
! kashim $command: unrecognized option '--nosuch'
! Try 'kashim $command --help'.
EOF
	[ "$command" = help ] || check "$command, an unknown letter" 2 \
		kashim "$command" -Z <<EOF
! kashim $command: invalid option -- 'Z'
! Try 'kashim $command --help'.
EOF
done
check 'help on an option' 2 kashim help --nosuch <<'EOF'
! kashim: there is no command '--nosuch'
! Try 'kashim --help'.
EOF
check 'unknown command to help' 2 kashim help chekc <<'EOF'
! kashim: there is no command 'chekc', did you mean 'check'?
! Try 'kashim --help'.
EOF
check 'unknown option' 2 kashim --frobnicate <<'EOF'
! kashim: there is no option '--frobnicate'
! Try 'kashim --help'.
EOF
if [ -w /dev/full ]; then
	check 'answer that cannot be written' 2 \
		sh -c 'kashim check "$1" >/dev/full' sh "$work/one.conf" <<'EOF'
! kashim: cannot write the answer: No space left on device
EOF
else
	skip 'answer that cannot be written' 'no /dev/full'
fi

# run

newline='
'
check 'run: arguments' 0 kashim run -c good.conf -- \
	./show a 'b c' '' '*' "d${newline}e" -c --help -- <<'EOF'
[a][b c][][*][d
e][-c][--help][--]
EOF
check 'run: without --' 0 kashim run -c good.conf ./show -x <<'EOF'
[-x]
EOF
check 'run: --config=' 0 kashim run --config=good.conf ./show a <<'EOF'
[a]
EOF
for status in 0 1 2 77 255; do
	check "run: exit status $status" "$status" \
		kashim run -c good.conf -- sh -c "exit $status" </dev/null
done
same 'run: standard input' "$(echo text | kashim run -c good.conf cat)" text
same 'run: process id' 1 "$(kashim run -c good.conf -- \
	sh -c '[ "$PPID" = "$1" ] && echo 1' sh $$)"
same 'run: descriptors' "$(kashim run -c good.conf ls /proc/self/fd)" \
	"$(ls /proc/self/fd)"
same 'run: the library is loaded' "$(kashim run -c good.conf -- sh -c '
	grep -c "r-xp.*/libkashim.so" /proc/self/maps')" 1
if command -v perl >/dev/null; then
	for signal in 9 15 11; do
		same "run: death by signal $signal" "$(perl -e '
			system(@ARGV); print $? & 127' \
			kashim run -c good.conf -- \
			sh -c "ulimit -c 0; kill -$signal \$\$")" "$signal"
	done
else
	skip 'run: death by signal' 'no perl'
fi

check 'run: no such file' 127 kashim run -c good.conf ./missing <<'EOF'
! kashim: ./missing: No such file or directory
EOF
check 'run: not in PATH' 127 env PATH=/usr/bin:/bin \
	"$build/kashim" run -c good.conf no-such-program <<'EOF'
! kashim: no-such-program: No such file or directory
EOF
check 'run: empty name' 127 kashim run -c good.conf '' <<'EOF'
! kashim: : No such file or directory
EOF
check 'run: not executable' 126 kashim run -c good.conf ./good.conf <<'EOF'
! kashim: ./good.conf: Permission denied
EOF
check 'run: directory' 126 kashim run -c good.conf ./directory <<'EOF'
! kashim: ./directory: Permission denied
EOF
check 'run: no program' 2 kashim run -c good.conf <<'EOF'
! kashim: run needs a program
! Try 'kashim run --help'.
EOF
check 'run: no program behind --' 2 kashim run -- <<'EOF'
! kashim: run needs a program
! Try 'kashim run --help'.
EOF
check 'run: -c without a file' 2 kashim run -c <<'EOF'
! kashim run: option requires an argument -- 'c'
! Try 'kashim run --help'.
EOF
check 'run: -c with an empty name' 2 kashim run -c '' ./show <<'EOF'
! kashim: the name of the configuration file is empty
EOF
check 'run: unknown option' 2 kashim run --frobnicate ./show <<'EOF'
! kashim run: unrecognized option '--frobnicate'
! Try 'kashim run --help'.
EOF

preload='echo "$LD_PRELOAD"'
config='echo "${KASHIM_CONFIG-unset}"'
check 'run: LD_PRELOAD' 0 kashim run -c good.conf -- sh -c "$preload" <<EOF
$build/libkashim.so
EOF
check 'run: LD_PRELOAD empty' 0 \
	env LD_PRELOAD= kashim run -c good.conf -- sh -c "$preload" <<EOF
$build/libkashim.so
EOF
check 'run: LD_PRELOAD stays behind ours' 0 \
	env LD_PRELOAD='libm.so.6 libdl.so.2' \
	kashim run -c good.conf -- sh -c "$preload" <<EOF
$build/libkashim.so:libm.so.6:libdl.so.2
EOF
check 'run: relative -c' 0 kashim run -c good.conf -- sh -c "$config" <<EOF
$work/good.conf
EOF
check 'run: -c with ./' 0 kashim run -c ./good.conf -- sh -c "$config" <<EOF
$work/good.conf
EOF
check 'run: -c in another directory' 0 \
	sh -c 'cd directory && kashim run -c ../good.conf -- sh -c "$1"' \
	sh "$config" <<EOF
$work/directory/../good.conf
EOF
check 'run: -c in /' 0 sh -c 'cd / && kashim run -c "$1" -- sh -c "$2"' \
	sh "${work#/}/good.conf" "$config" <<EOF
$work/good.conf
EOF
check 'run: absolute -c' 0 kashim run -c "$work/good.conf" -- \
	sh -c "$config" <<EOF
$work/good.conf
EOF
check 'run: -c wins over KASHIM_CONFIG' 0 env KASHIM_CONFIG=/bad.conf \
	kashim run -c good.conf -- sh -c "$config" <<EOF
$work/good.conf
EOF
check 'run: KASHIM_CONFIG stays as it is' 0 env KASHIM_CONFIG=good.conf \
	kashim run -- sh -c "$config" <<'EOF'
good.conf
EOF

check 'run: bad configuration' 0 kashim run -c bad.conf ./show a <<EOF
! kashim: $bad
! kashim: ./show runs without a policy
[a]
EOF
check 'run: bad configuration, exit status' 77 \
	kashim run -c bad.conf -- sh -c 'exit 77' <<EOF
! kashim: $bad
! kashim: sh runs without a policy
EOF
check 'run: missing configuration' 0 kashim run -c none.conf ./show a <<EOF
! kashim: $work/none.conf: $none
! kashim: ./show runs without a policy
[a]
EOF
if [ -e /etc/kashim.conf ]; then
	skip 'run: no default configuration' '/etc/kashim.conf exists'
else
	check 'run: no default configuration' 0 kashim run ./show a <<EOF
! kashim: /etc/kashim.conf: $none
! kashim: ./show runs without a policy
[a]
EOF
	same 'no default configuration: one hint' \
		"$(echo "$hint" | grep -c '^kashim: ')" 1
	for command in check compile status 'match 192.0.2.1 80' \
		'apply --all'; do
		# shellcheck disable=SC2086 # words
		check "$command: no default configuration" 2 \
			kashim $command <<EOF
! kashim: /etc/kashim.conf: $none
! $hint
EOF
	done
	check 'reload: no default configuration' 2 kashim reload <<EOF
! kashim: /etc/kashim.conf: $none
! $hint
! kashim: programs keep the policy that they have
EOF
fi

mkdir 'with space' 'with:colon' alone
for directory in 'with space' 'with:colon'; do
	cp "$build/kashim" "$build/libkashim.so" "$directory"
	# The loader can't take such a library, so the program is supervised.
	check "run: library in '$directory'" 0 \
		"./$directory/kashim" run -c good.conf ./show a <<EOF
[a]
EOF
	"./$directory/kashim" run -c good.conf --preload ./show a >out 2>err
	same "run: library in '$directory', --preload" "$?, $(cat out)" '0, [a]'
	in_file "run: library in '$directory', --preload" err \
		'kashim: the preload has no effect: '
done
cp "$build/kashim" alone
check 'run: no library: supervised' 0 \
	alone/kashim run -c good.conf ./show a <<'EOF'
[a]
EOF
alone/kashim run -c good.conf --preload ./show a >out 2>err
same 'run: no library: the program ran' "$?, $(cat out)" '0, [a]'
if [ -s err ]; then
	in_file 'run: no library' err 'kashim: the preload has no effect: '
	in_file 'run: no library' err 'kashim: ./show runs without the shim'
else
	skip 'run: no library' 'it is installed on this machine'
fi

# check

check 'check: good' 0 kashim check good.conf <<EOF
! kashim: warning: $work/good.conf:20: user-timeout 600s also ends the connection to a peer that is well and answers, but reads nothing for so long: a tape is changed, a disk is full; write 1800s or more, or leave it out: what nobody acknowledges the kernel gives up after some 15 minutes by itself
! kashim: warning: $work/good.conf:37: user-timeout 210.5s also ends the connection to a peer that is well and answers, but reads nothing for so long: a tape is changed, a disk is full; write 1800s or more, or leave it out: what nobody acknowledges the kernel gives up after some 15 minutes by itself
! kashim: for the reasons see man kashim.conf, section WARNINGS
$work/good.conf: ok, 8 rules, 2 warnings
EOF
check 'check: one rule' 0 kashim check "$work/one.conf" <<EOF
$work/one.conf: ok, 1 rule
EOF
check 'check: KASHIM_CONFIG' 0 env KASHIM_CONFIG="$work/one.conf" \
	kashim check <<EOF
$work/one.conf: ok, 1 rule
EOF
check 'check: the file wins over KASHIM_CONFIG' 0 \
	env KASHIM_CONFIG=/bad.conf kashim check one.conf <<EOF
$work/one.conf: ok, 1 rule
EOF
check 'check: unknown key' 2 kashim check bad.conf <<EOF
! kashim: $bad
EOF
case $bad in
"$work/bad.conf:2: "*idel*idle*) pass ;;
*) fail "check: unknown key: $bad" ;;
esac
cat >never.conf <<'EOF'
count = 3
rule all { idle = "5min" interval = "5s" }
rule never {
	destination  = { "10.20.0.0/16" }
	idle         = "6min"
	user-timeout = "2min"
}
EOF
never="kashim: warning: $work/never.conf"
check 'check: warnings' 0 kashim check never.conf <<EOF
! $never:2: an outage of 10s can end the connection, that is 3 lost probes, 5s apart; with count = 13 it outlives 60s, which networks need to find a new path
! $never:3: rule "never" can never match, because rule "all" (line 2) takes all that it could; move it above that one, or leave it out
! $never:6: user-timeout 120s decides in place of count, so 1 lost probe ends the connection, and not 3; write idle + interval x count, 585s, or more
! kashim: warning: $work/never.conf:6: user-timeout 120s also ends the connection to a peer that is well and answers, but reads nothing for so long: a tape is changed, a disk is full; write 1800s or more, or leave it out: what nobody acknowledges the kernel gives up after some 15 minutes by itself
! kashim: for the reasons see man kashim.conf, section WARNINGS
$work/never.conf: ok, 2 rules, 4 warnings
EOF
printf 'rule a { profile = kube-proxy-ipvs }\n' >hearsay.conf
check 'check: a profile by hearsay' 0 kashim check hearsay.conf <<EOF
! kashim: warning: $work/hearsay.conf:1: profile "kube-proxy-ipvs" is 900s only by hearsay (kops issue 6889), its makers document no such time; measure it, and write firewall-timeout = what you found
! kashim: for the reasons see man kashim.conf, section WARNINGS
$work/hearsay.conf: ok, 1 rule, 1 warning
EOF
printf 'rule a {\n\tprofile = aws-nat-gateway\n}\n' >unconfirmed.conf
check 'check: a profile that is not confirmed' 2 \
	kashim check unconfirmed.conf <<EOF
! kashim: $work/unconfirmed.conf:2: profile "aws-nat-gateway": there is none for aws-nat, because its idle timeout is not confirmed; measure it, and write firewall-timeout = what you found
EOF
# in_terminal COMMAND...: what it prints on a terminal, without its returns.
in_terminal() {
	TERM=xterm COLUMNS=80 script -qec "stty cols 80 2>/dev/null; $*" \
		/dev/null </dev/null | tr -d '\r'
}
esc=$(printf '\033')
in_terminal kashim check hearsay.conf >out
in_file 'check: in colour' out "${esc}[35mkashim: warning: ${esc}[m"
in_file 'check: in colour' out ": ${esc}[32mok${esc}[m, 1 rule, 1 warning"
in_terminal NO_COLOR=1 kashim check hearsay.conf >out
same 'check: NO_COLOR' "$(grep -c "$esc" out)" 0
same 'check: wrapped for a terminal' "$(grep -c '^.\{81\}' out)" 0
in_file 'check: wrapped for a terminal' out '        '
in_terminal kashim check bad.conf >out
in_file 'check: an error in colour' out "${esc}[31mkashim: ${esc}[m"
check 'run: no warnings' 0 kashim run -c never.conf ./show a <<'EOF'
[a]
EOF
check 'check: missing' 2 kashim check none.conf <<EOF
! kashim: $work/none.conf: $none
EOF
check 'check: directory' 2 kashim check directory <<EOF
! kashim: $work/directory: a directory; name a file in it
EOF
check 'check: writable by others' 2 kashim check open.conf <<EOF
! kashim: $work/open.conf: not believed, because others can write it (mode 0666); chmod go-w would be right
EOF
check 'check: two files' 2 kashim check good.conf one.conf <<'EOF'
! kashim: check takes one file, not 2
! Try 'kashim check --help'.
EOF
check 'check: empty name' 2 kashim check '' <<'EOF'
! kashim: the name of the configuration file is empty
EOF
check 'check: unknown option' 2 kashim check -x <<'EOF'
! kashim check: invalid option -- 'x'
! Try 'kashim check --help'.
EOF
long=$(printf '%05000d' 0)
check 'check: name too long' 2 kashim check "$long" <<'EOF'
! kashim: the name of the configuration file is too long
EOF
check 'check: the file that is shipped' 0 \
	kashim check "$tools/../conf/kashim.conf" <<EOF
$tools/../conf/kashim.conf: ok, 2 rules
EOF

# The examples in the file that is shipped are right, too.
sed -e '/# What begins/d' -e 's/^#  *\(rule .* {\)$/\1/' \
	-e 's/^# \(	.*=.*\)$/\1/' -e 's/^# }$/}/' \
	"$tools/../conf/kashim.conf" >examples.conf
check 'check: the examples in it' 0 kashim check examples.conf <<EOF
$work/examples.conf: ok, 5 rules
EOF

# compile

cp good.conf compile.conf
kashim compile compile.conf >out 2>err
same 'compile: status' $? 0
same 'compile: stderr' "$(cat err)" ''
size=$(wc -c <compile.conf.policy | tr -d ' ')
written="$work/compile.conf.policy: written, $size bytes"
same 'compile: stdout' "$(cat out)" "$written"
same 'compile: mode' "$(stat -c %a compile.conf.policy)" 644
cp compile.conf.policy image
check 'compile: again, absolute' 0 kashim compile "$work/compile.conf" <<EOF
$written
EOF
check 'compile: with umask 077' 0 \
	sh -c 'umask 077 && kashim compile compile.conf' <<EOF
$written
EOF
same 'compile: mode with umask 077' "$(stat -c %a compile.conf.policy)" 644
check 'compile: KASHIM_CONFIG' 0 env KASHIM_CONFIG="$work/compile.conf" \
	kashim compile <<EOF
$written
EOF
check 'compile: the file wins over KASHIM_CONFIG' 0 \
	env KASHIM_CONFIG=/bad.conf kashim compile compile.conf <<EOF
$written
EOF
same 'compile: the same bytes each time' \
	"$(cmp image compile.conf.policy 2>&1)" ''
check 'compile: unknown key' 2 kashim compile bad.conf <<EOF
! kashim: $bad
EOF
same 'compile: nothing of a bad file' "$(echo bad.conf*)" bad.conf
printf 'rule x {\n' >compile.conf
kashim compile compile.conf >out 2>err
same 'compile: bad now: status' $? 2
same 'compile: bad now: the old image stays' \
	"$(cmp image compile.conf.policy 2>&1)" ''
check 'compile: missing' 2 kashim compile none.conf <<EOF
! kashim: $work/none.conf: $none
EOF
check 'compile: writable by others' 2 kashim compile open.conf <<EOF
! kashim: $work/open.conf: not believed, because others can write it (mode 0666); chmod go-w would be right
EOF
# Not even root can write there.
mkdir one.conf.policy
check 'compile: unwritable' 2 kashim compile one.conf <<EOF
! kashim: $work/one.conf.policy cannot be written: Is a directory
EOF
same 'compile: unwritable: nothing is left' "$(echo one.conf*)" \
	'one.conf one.conf.policy'
rmdir one.conf.policy
check 'compile: two files' 2 kashim compile good.conf one.conf <<'EOF'
! kashim: compile takes one file, not 2
! Try 'kashim compile --help'.
EOF
check 'compile: empty name' 2 kashim compile '' <<'EOF'
! kashim: the name of the configuration file is empty
EOF
check 'compile: name too long' 2 kashim compile "$long" <<'EOF'
! kashim: the name of the configuration file is too long
EOF
check 'compile: unknown option' 2 kashim compile -x <<'EOF'
! kashim compile: invalid option -- 'x'
! Try 'kashim compile --help'.
EOF
if [ -w /dev/full ]; then
	check 'compile: answer that cannot be written' 2 \
		sh -c 'kashim compile "$1" >/dev/full' sh one.conf <<'EOF'
! kashim: cannot write the answer: No space left on device
EOF
else
	skip 'compile: answer that cannot be written' 'no /dev/full'
fi

# match

match() {
	kashim match -c good.conf "$@"
}

check 'match: ignored' 0 match 127.1.2.3 80 <<EOF
rule              loopback ($work/good.conf:4, rule 1 of 8)
action            ignore: left alone
EOF
check 'match: IPv6' 0 match ::1 80 <<EOF
rule              loopback ($work/good.conf:4, rule 1 of 8)
action            ignore: left alone
EOF
check 'match: IPv4-mapped' 0 match ::ffff:127.0.0.1 80 <<EOF
rule              loopback ($work/good.conf:4, rule 1 of 8)
action            ignore: left alone
EOF
check 'match: firewall-timeout' 0 match --program sm_agent 10.20.0.5 3300 <<EOF
rule              dmz-backup ($work/good.conf:8, rule 2 of 8)
SO_KEEPALIVE      on       the rule, good.conf:8
TCP_KEEPIDLE      450 s    from firewall-timeout 900 s, good.conf:13
TCP_KEEPINTVL     90 s     from firewall-timeout 900 s, good.conf:13
TCP_KEEPCNT       5        from firewall-timeout 900 s, good.conf:13
TCP_USER_TIMEOUT  -        not set: the kernel's own
app-settings      override

First probe after 7 min 30 s of silence, then every 1 min 30 s
until one is answered. If none is, the connection ends after 15 min.
EOF

# As the clock's ticks say, and the levels of the kernel's wheel of timers.
hz=$(/usr/bin/python3 -c 'import time
print(round(1 / time.clock_getres(time.CLOCK_MONOTONIC_COARSE)))' 2>/dev/null ||
	/usr/bin/python3 -c 'import time
print(round(1 / time.clock_getres(6)))')
case $hz in
100) late='5 s' ;;
250) late='16 s' ;;
300) late='14 s' ;;
1000) late='33 s' ;;
*) late='unknown' ;;
esac
echo 'rule a { idle = 300 }' >late.conf
echo 'rule a { firewall-timeout = 3h interval = 600 }' >far.conf
holds 'match: the fourth probe' sh -c "kashim match -c far.conf 10.0.0.1 80 |
	grep -qx 'A firewall that is Linux forgets it 300 s after its fourth probe without an answer.'"
same "match: lateness at HZ $hz" "$(kashim match -c late.conf 10.0.0.1 80 |
	sed -n 's/^This kernel.s timers are coarse: //p')" \
	"the first probe may come $late later."
cp out dmz
for program in stpd /opt/backup/stpd; do
	match -p "$program" 2001:db8:20::7 11000 >out
	same "match: --program $program" "$(cat out)" "$(cat dmz)"
done
match -p other -p stpd 10.20.0.5 3399 >out
same 'match: second --program' "$(cat out)" "$(cat dmz)"
check 'match: not this program' 1 match -p ftp 10.20.0.5 3300 <<'EOF'
no rule matches: left to the program and the kernel
EOF
check 'match: not this port' 1 match -p stpd 10.20.0.5 3400 <<'EOF'
no rule matches: left to the program and the kernel
EOF
check 'match: not this direction' 1 match -d accept -p stpd -s 192.0.2.1 \
	10.20.0.5 3300 <<'EOF'
no rule matches: left to the program and the kernel
EOF
check 'match: program not given' 1 match 10.20.0.5 3300 <<'EOF'
no rule matches: left to the program and the kernel

note: rule dmz-backup (good.conf:8) also asks for program sm_*, stpd: give
      --program
EOF
check 'match: user-timeout and defaults' 0 match --direction accept \
	--source 172.16.4.9 192.0.2.1 3300 <<EOF
rule              gateway ($work/good.conf:15, rule 3 of 8)
SO_KEEPALIVE      on       the rule, good.conf:15
TCP_KEEPIDLE      300 s    the rule, good.conf:19
TCP_KEEPINTVL     30 s     default, good.conf:1
TCP_KEEPCNT       5        default, good.conf:2
TCP_USER_TIMEOUT  600 s    the rule, good.conf:20
app-settings      tighten

First probe after 5 min of silence, then every 30 s
until one is answered. If none is, the connection ends after 10 min.
TCP_USER_TIMEOUT decides on that in place of TCP_KEEPCNT, and limits how long
sent data may wait for its acknowledgement.
EOF
check 'match: source not given' 1 match -d accept 192.0.2.1 3300 <<'EOF'
no rule matches: left to the program and the kernel

note: rule gateway (good.conf:15) also asks for a source: give --source
EOF
check 'match: profile' 0 match 198.51.100.9 443 <<EOF
rule              cloud ($work/good.conf:23, rule 4 of 8)
SO_KEEPALIVE      on       the rule, good.conf:23
TCP_KEEPIDLE      175 s    from profile aws-nlb, good.conf:25
TCP_KEEPINTVL     35 s     from profile aws-nlb, good.conf:25
TCP_KEEPCNT       5        from profile aws-nlb, good.conf:25
TCP_USER_TIMEOUT  -        not set: the kernel's own
app-settings      respect

First probe after 2 min 55 s of silence, then every 35 s
until one is answered. If none is, the connection ends after 5 min 50 s.
EOF
cat >web <<EOF
rule              web ($work/good.conf:34, rule 6 of 8)
SO_KEEPALIVE      on       the rule, good.conf:34
TCP_KEEPIDLE      60 s     the rule, good.conf:36
TCP_KEEPINTVL     30 s     default, good.conf:1
TCP_KEEPCNT       5        default, good.conf:2
TCP_USER_TIMEOUT  210500 ms the rule, good.conf:37
app-settings      override

First probe after 1 min of silence, then every 30 s
until one is answered. If none is, the connection ends after 4 min.
TCP_USER_TIMEOUT decides on that in place of TCP_KEEPCNT, and limits how long
sent data may wait for its acknowledgement.
EOF
check 'match: source and program not given' 0 match 192.0.2.9 80 <<EOF
$(cat web)

note: rule both (good.conf:28) also asks for a source and program old*: give
      --source and --program
EOF
check 'match: source given' 0 match -s 172.20.1.1 192.0.2.9 80 <<EOF
$(cat web)

note: rule both (good.conf:28) also asks for program old*: give --program
EOF
check 'match: program given' 0 match -p oldftp 192.0.2.9 80 <<EOF
$(cat web)

note: rule both (good.conf:28) also asks for a source: give --source
EOF
check 'match: no note if the source does not fit' 0 \
	match -s 172.21.1.1 192.0.2.9 80 <web
check 'match: no note if the program does not fit' 0 \
	match -p new 192.0.2.9 80 <web
check 'match: both given' 0 match -s 172.20.1.1 -p oldftp 192.0.2.9 80 <<EOF
rule              both ($work/good.conf:28, rule 5 of 8)
SO_KEEPALIVE      on       the rule, good.conf:28
TCP_KEEPIDLE      120 s    the rule, good.conf:32
TCP_KEEPINTVL     30 s     default, good.conf:1
TCP_KEEPCNT       5        default, good.conf:2
TCP_USER_TIMEOUT  -        not set: the kernel's own
app-settings      override

First probe after 2 min of silence, then every 30 s
until one is answered. If none is, the connection ends after 4 min 30 s.
EOF
check 'match: both given, another source' 0 \
	match -s 172.21.1.1 -p oldftp 192.0.2.9 80 <web
for query in '2001:db8:30::1 3300' '10.20.0.5 3400' '::10.20.0.5 3300' \
	'-d accept -s 172.40.0.1 10.20.0.5 11000'; do
	# shellcheck disable=SC2086
	check "match: no note for $query" 1 match $query <<'EOF'
no rule matches: left to the program and the kernel
EOF
done
check 'match: no note for a later rule' 0 match -s 192.0.2.1 203.0.113.1 81 <<EOF
rule              plain ($work/good.conf:39, rule 7 of 8)
SO_KEEPALIVE      on       the rule, good.conf:39
TCP_KEEPIDLE      -        not set: the kernel's own
TCP_KEEPINTVL     30 s     default, good.conf:1
TCP_KEEPCNT       5        default, good.conf:2
TCP_USER_TIMEOUT  -        not set: the kernel's own
app-settings      override

$(sysctl_idle=$(cat /proc/sys/net/ipv4/tcp_keepalive_time)
say() {
	awk -v s="$1" 'BEGIN {
		h = int(s / 3600); m = int(s % 3600 / 60); s %= 60
		t = (h ? h " h " : "") (m ? m " min " : "") (s ? s " s " : "")
		printf "%s", substr(t, 1, length(t) - 1) }'
}
echo "First probe after $(say "$sysctl_idle") of silence, then every 30 s"
echo "until one is answered. If none is, the connection ends after" \
	"$(say $((sysctl_idle + 150))).")
Where nothing is set, this host's net.ipv4.tcp_keepalive_* was taken.
EOF
printf '%s\n' 'count = 5' 'rule slow { port = "1" idle = 30 interval = 40 }' \
	'rule same { port = "2" idle = 40 interval = 40 }' \
	'rule limit { port = "3" idle = 30 interval = 40 user-timeout = 150 }' \
	'rule short { port = "4" idle = 30 interval = 40 user-timeout = 1 }' \
	>slow.conf
meaning() {
	kashim match -c slow.conf 192.0.2.1 "$1" | sed '1,/^$/d'
}
check 'match: interval longer than idle' 0 meaning 1 <<'EOF'
First probe after 30 s of silence, then every 40 s,
answered or not. If none is, the connection ends after 4 min at most.
The interval is longer than idle, and no two probes are less than that apart.
EOF
check 'match: interval as long as idle' 0 meaning 2 <<'EOF'
First probe after 40 s of silence, then every 40 s
until one is answered. If none is, the connection ends after 4 min.
EOF
check 'match: interval longer than idle, user-timeout' 0 meaning 3 <<'EOF'
First probe after 30 s of silence, then every 40 s,
answered or not. If none is, the connection ends after 3 min 10 s at most.
The interval is longer than idle, and no two probes are less than that apart.
TCP_USER_TIMEOUT decides on that in place of TCP_KEEPCNT, and limits how long
sent data may wait for its acknowledgement.
EOF
check 'match: interval longer than idle, short user-timeout' 0 meaning 4 <<'EOF'
First probe after 30 s of silence, then every 40 s,
answered or not. If none is, the connection ends after 1 min 20 s at most.
The interval is longer than idle, and no two probes are less than that apart.
TCP_USER_TIMEOUT decides on that in place of TCP_KEEPCNT, and limits how long
sent data may wait for its acknowledgement.
EOF
i=0
while [ "$i" -lt 11 ]; do
	printf 'rule r%d { program = { "p%d" } }\n' "$i" "$i"
	i=$((i + 1))
done >many.conf
check 'match: many notes' 1 kashim match -c many.conf 192.0.2.1 1 <<'EOF'
no rule matches: left to the program and the kernel

note: rule r0 (many.conf:1) also asks for program p0: give --program
note: rule r1 (many.conf:2) also asks for program p1: give --program
note: rule r2 (many.conf:3) also asks for program p2: give --program
note: rule r3 (many.conf:4) also asks for program p3: give --program
note: rule r4 (many.conf:5) also asks for program p4: give --program
note: rule r5 (many.conf:6) also asks for program p5: give --program
note: rule r6 (many.conf:7) also asks for program p6: give --program
note: rule r7 (many.conf:8) also asks for program p7: give --program
note: and 3 more rules
EOF
check 'match: no rules at all' 1 kashim match -c empty.conf ::1 1 <<'EOF'
no rule matches: left to the program and the kernel
EOF
check 'match: KASHIM_CONFIG' 1 env KASHIM_CONFIG="$work/empty.conf" \
	kashim match ::1 1 <<'EOF'
no rule matches: left to the program and the kernel
EOF

for address in '' localhost 10.20.0 10.20.0.0/16 '[::1]' fe80::1%eth0 \
	'10.20.0.5 ' 1.2.3.4.5 ::g; do
	check "match: address '$address'" 2 match "$address" 80 <<EOF
! kashim: address '$address': write it as 10.20.0.5 or 2001:db8::5
EOF
done
check 'match: bad source' 2 match -s client 192.0.2.1 80 <<'EOF'
! kashim: source 'client': write it as 10.20.0.5 or 2001:db8::5
EOF
for port in '' 0 65536 http 80x -1 +80 ' 80' 0x50 80-90 \
	99999999999999999999; do
	check "match: port '$port'" 2 match -- 192.0.2.1 "$port" <<EOF
! kashim: port '$port': write a number from 1 to 65535
EOF
done
for port in 1 65535; do
	check "match: port $port" 1 match -s 192.0.2.2 -p ftp 192.0.2.1 "$port" <<'EOF'
no rule matches: left to the program and the kernel
EOF
done
check 'match: both directions' 2 match -d both 192.0.2.1 80 <<'EOF'
! kashim: direction 'both': write connect or accept
EOF
check 'match: two families' 2 match -s ::1 192.0.2.1 80 <<'EOF'
! kashim: source and address: one is IPv4, the other IPv6
EOF
check 'match: mapped source is IPv4' 0 match -s ::ffff:172.20.1.1 -p old \
	192.0.2.1 80 <<EOF
$(match -s 172.20.1.1 -p old 192.0.2.1 80 | plain)
EOF
check 'match: no port' 2 match 192.0.2.1 <<'EOF'
! kashim: match needs an address and a port
! Try 'kashim match --help'.
EOF
check 'match: too much' 2 match 192.0.2.1 80 81 <<'EOF'
! kashim: match needs an address and a port
! Try 'kashim match --help'.
EOF
check 'match: unknown option' 2 match --frobnicate 192.0.2.1 80 <<'EOF'
! kashim match: unrecognized option '--frobnicate'
! Try 'kashim match --help'.
EOF
check 'match: bad configuration' 2 kashim match -c bad.conf 192.0.2.1 80 <<EOF
! kashim: $bad
EOF
check 'match: missing configuration' 2 kashim match -c none 192.0.2.1 80 <<EOF
! kashim: $work/none: $none
EOF

# The wrapper.

mkdir opt opt/bin opt/link usr sbin
sed "s|^kashim_libdir=.*|kashim_libdir=$build|" "$tools/kashim-wrapper" \
	>wrapper
sed "s|^kashim_libdir=.*|kashim_libdir=$work/none|" "$tools/kashim-wrapper" \
	>wrapper-without
sed "s|^kashim_libdir=.*|kashim_libdir='$work/with space'|" \
	"$tools/kashim-wrapper" >wrapper-space
chmod 755 wrapper wrapper-without wrapper-space
cp wrapper opt/bin/agentd
cat >opt/bin/agentd.real <<'EOF'
#!/bin/sh
printf 'agentd.real'
for argument; do
	printf '[%s]' "$argument"
done
echo " $LD_PRELOAD"
EOF
chmod 755 opt/bin/agentd.real

check 'wrapper: absolute path' 0 "$work/opt/bin/agentd" a 'b c' '' '*' \
	"d${newline}e" -- <<EOF
agentd.real[a][b c][][*][d
e][--] $build/libkashim.so
EOF
check 'wrapper: relative path' 0 opt/bin/agentd <<EOF
agentd.real $build/libkashim.so
EOF
check 'wrapper: in the current directory' 0 \
	sh -c 'cd opt/bin && ./agentd x' <<EOF
agentd.real[x] $build/libkashim.so
EOF
check 'wrapper: in PATH' 0 env PATH="$work/opt/bin:$PATH" agentd x <<EOF
agentd.real[x] $build/libkashim.so
EOF
check 'wrapper: in a relative PATH' 0 env PATH="opt/bin:$PATH" agentd x <<EOF
agentd.real[x] $build/libkashim.so
EOF
check 'wrapper: in an empty PATH element' 0 \
	env -C opt/bin PATH=":$PATH" agentd x <<EOF
agentd.real[x] $build/libkashim.so
EOF
check 'wrapper: sh and a name in the current directory' 0 \
	env -C opt/bin sh agentd x <<EOF
agentd.real[x] $build/libkashim.so
EOF
if command -v bash >/dev/null; then
	check 'wrapper: bash and a name in PATH' 0 \
		env PATH="$work/opt/bin:$PATH" bash agentd x <<EOF
agentd.real[x] $build/libkashim.so
EOF
else
	skip 'wrapper: bash and a name in PATH' 'no bash'
fi
check 'wrapper: LD_PRELOAD stays behind ours' 0 \
	env LD_PRELOAD='libm.so.6' opt/bin/agentd <<EOF
agentd.real $build/libkashim.so:libm.so.6
EOF
check 'wrapper: no PATH at all' 0 env -u PATH "$work/opt/bin/agentd" x <<EOF
agentd.real[x] $build/libkashim.so
EOF

# A link in the program's place; the wrapper itself has a trap beside it.
printf '#!/bin/sh\necho wrong\n' >wrapper.real
chmod 755 wrapper.real
ln -s ../../wrapper opt/link/agentd
cp opt/bin/agentd.real opt/link
check 'wrapper: link in the place' 0 opt/link/agentd x <<EOF
agentd.real[x] $build/libkashim.so
EOF
# A link to that place, and one to that link, relative and absolute.
ln -s ../opt/link/agentd usr/agentd
ln -s "$work/usr/agentd" sbin/renamed
check 'wrapper: link to the place' 0 usr/agentd x <<EOF
agentd.real[x] $build/libkashim.so
EOF
check 'wrapper: link to the link' 0 sbin/renamed x <<EOF
agentd.real[x] $build/libkashim.so
EOF
check 'wrapper: link, with no use from PATH' 0 \
	env PATH=/nonexistent "$work/sbin/renamed" x <<EOF
agentd.real[x] $build/libkashim.so
EOF
rm wrapper.real
mkdir 'odd
name  '
cp wrapper "odd${newline}name  /a\$b'c d"
cp opt/bin/agentd.real "odd${newline}name  /a\$b'c d.real"
ln -s "../odd${newline}name  /a\$b'c d" usr/odd
check 'wrapper: odd names' 0 "odd${newline}name  /a\$b'c d" x <<EOF
agentd.real[x] $build/libkashim.so
EOF
check 'wrapper: link to odd names' 0 usr/odd x <<EOF
agentd.real[x] $build/libkashim.so
EOF

for status in 0 1 77 255; do
	printf '#!/bin/sh\nexit %d\n' "$status" >opt/bin/exits.real
	chmod 755 opt/bin/exits.real
	cp wrapper opt/bin/exits
	check "wrapper: exit status $status" "$status" opt/bin/exits </dev/null
done
cp wrapper opt/bin/sh
ln -s /bin/sh opt/bin/sh.real
if command -v perl >/dev/null; then
	for signal in 9 15; do
		same "wrapper: death by signal $signal" "$(perl -e '
			system(@ARGV); print $? & 127' \
			opt/bin/sh -c "kill -$signal \$\$")" "$signal"
	done
else
	skip 'wrapper: death by signal' 'no perl'
fi
same 'wrapper: process id' 1 "$(opt/bin/sh -c \
	'[ "$PPID" = "$1" ] && echo 1' sh $$)"
same 'wrapper: standard input' "$(echo 'echo text' | opt/bin/sh)" text
# The environment is the program's own: no variable of the wrapper's.
same 'wrapper: environment' "$(opt/bin/sh -c env | sort | grep -v '^_=')" \
	"$(LD_PRELOAD=$build/libkashim.so sh -c env | sort | grep -v '^_=')"
same 'wrapper: variables are left alone' \
	"$(env self=1 real=2 path=3 library=4 opt/bin/sh -c \
	'echo "$self$real$path$library"')" 1234
if command -v bash >/dev/null && command -v perl >/dev/null; then
	cp wrapper opt/bin/perl
	ln -s "$(command -v perl)" opt/bin/perl.real
	same 'wrapper: argv[0] under bash' "$(bash opt/bin/perl -e '
		open(my $f, "<", "/proc/self/cmdline");
		print +(split /\0/, <$f>)[0]')" opt/bin/perl
else
	skip 'wrapper: argv[0] under bash' 'no bash or no perl'
fi

cp wrapper opt/bin/gone
check 'wrapper: no real program' 127 opt/bin/gone <<'EOF'
! kashim-wrapper: there is no opt/bin/gone.real to run
EOF
ln -s nowhere opt/bin/gone.real
check 'wrapper: real program is a dead link' 127 opt/bin/gone <<'EOF'
! kashim-wrapper: there is no opt/bin/gone.real to run
EOF
check 'wrapper: called by its own name' 127 ./wrapper <<'EOF'
! kashim-wrapper: there is no ./wrapper.real to run
EOF
cp wrapper opt/bin/text
cp good.conf opt/bin/text.real
check 'wrapper: not executable' 126 opt/bin/text <<'EOF'
! kashim-wrapper: opt/bin/text.real is not an executable file
EOF
cp wrapper opt/bin/dir
mkdir opt/bin/dir.real
check 'wrapper: directory' 126 opt/bin/dir <<'EOF'
! kashim-wrapper: opt/bin/dir.real is not an executable file
EOF
cp wrapper opt/bin/twice
cp wrapper opt/bin/twice.real
check 'wrapper: put in place twice' 127 timeout 10 opt/bin/twice <<'EOF'
! kashim-wrapper: opt/bin/twice.real is kashim-wrapper, not the real program
EOF
cp wrapper opt/bin/loop
ln -s loop opt/bin/loop.real
check 'wrapper: real program is a link back' 127 timeout 10 opt/bin/loop <<'EOF'
! kashim-wrapper: opt/bin/loop.real is kashim-wrapper, not the real program
EOF

cp opt/bin/agentd.real opt/bin/without.real
cp wrapper-without opt/bin/without
check 'wrapper: no library' 0 opt/bin/without a 'b c' <<'EOF'
agentd.real[a][b c] 
EOF
check 'wrapper: no library, LD_PRELOAD as it was' 0 \
	env LD_PRELOAD=libm.so.6 opt/bin/without <<'EOF'
agentd.real libm.so.6
EOF
cp wrapper-space opt/bin/without
check 'wrapper: library in a path with a space' 0 opt/bin/without a <<'EOF'
agentd.real[a] 
EOF

finish
