#!/bin/sh
# SPDX-License-Identifier: ISC
#
# kashim enable and disable with a real systemd, and the drop-ins in
# conf/systemd. It is also the judge of unit's reading: which files make a unit
# up, and what an environment comes to. Needs root. BUILD names the build
# directory.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
apart --mount
conf=$root/conf

cleanup() {
	systemd_down
}
begin
export LC_ALL=C
# shellcheck source=test/command/systemd.sh
. "$here/systemd.sh"
units=$SYSTEMD_ROOT/etc/systemd/system
vendor=$SYSTEMD_ROOT/usr/lib/systemd/system

kashim() {
	systemd_run /kashim/kashim "$@"
}

# manager COMMAND UNIT: after a look at all files again.
manager() {
	systemd_run systemctl daemon-reload &&
		systemd_run systemctl "$@"
}

# A connection to port $1, as ss shows it, has $2 in its line.
shows() {
	systemd_run ss -tnoH state established "dport = :$1" |
		tee "$work/ss" | grep -q -- "$2"
}

# shows_not PORT TEXT: there is a connection, and it has no such thing.
shows_not() {
	shows "$1" . && ! grep -q -- "$2" "$work/ss"
}

process() {
	systemd_run systemctl show --property MainPID --value "$1"
}

# maps UNIT FILE: the main process has it mapped.
maps() {
	systemd_run grep -q -- "$2" "/proc/$(process "$1")/maps"
}

# connects NAME PORT LINE...: a service that connects to PORT.
connects() {
	name=$1 port=$2
	shift 2
	{
		printf '[Service]\nExecStart=/usr/bin/nc -d 127.0.0.1 %s\n' \
			"$port"
		printf '%s\n' "$@"
	} >"$vendor/$name.service"
}

systemd_tree || exit 1
mount -t tmpfs tmpfs "$SYSTEMD_ROOT/usr/local/lib" || exit 1
cp "$build/libkashim.so" "$build/libkashim-config.so" \
	"$SYSTEMD_ROOT/usr/local/lib" || exit 1
jemalloc=$(dpkg -L libjemalloc2 | grep 'libjemalloc.so.2$') || exit 1

# Which files make a unit up, in the order in which they count.

# put FILE...: a unit file or drop-in each, that is not empty.
put() {
	for file; do
		mkdir -p "$SYSTEMD_ROOT${file%/*}"
		printf '[Unit]\nDescription=%s\n' "$file" >"$SYSTEMD_ROOT$file"
	done
}

system=/usr/lib/systemd/system
admin=/etc/systemd/system
put $system/a.service $system/a-b-c.service $system/t@.service \
	$system/t@own.service $system/a-b-t@.service $system/l.socket \
	$admin/a.service.d/50.conf $admin/a.service.d/.60.conf $system/a.service.d/60.conf \
	$system/a.service.d/override.conf $admin/a.service.d/zz-kashim.conf \
	$system/service.d/50.conf $system/service.d/55.conf \
	$system/service.d/zzz.conf \
	$system/a-b-c.service.d/1.conf $system/a-b-.service.d/1.conf \
	$system/a-b-.service.d/2.conf $system/a-.service.d/2.conf \
	$system/a-.service.d/3.conf $admin/a-.service.d/1.conf \
	$system/t@.service.d/1.conf $system/t@x.service.d/1.conf \
	$system/t@.service.d/2.conf $system/t@x.service.d/3.conf \
	$admin/t@.service.d/3.conf $admin/u@.service.d/4.conf \
	$admin/u@x.service.d/5.conf $admin/b.service.d/6.conf \
	$system/a-b-t@i.service.d/1.conf $system/a-b-@i.service.d/1.conf \
	$system/a-b-@.service.d/1.conf $system/a-@i.service.d/1.conf \
	$system/a-@i.service.d/2.conf $system/a-@.service.d/2.conf \
	$system/a-b-@i.service.d/3.conf $system/a-b-@.service.d/3.conf \
	$system/socket.d/1.conf $system/l.socket.d/2.conf \
	/usr/local/lib/systemd/system/a.service.d/60.conf \
	/usr/local/lib/systemd/system/a.service.d/61.conf \
	/usr/local/lib/systemd/system/l.socket
ln -s a.service "$SYSTEMD_ROOT$system/b.service"
ln -s /usr/lib/systemd/system/t@.service "$SYSTEMD_ROOT$admin/u@.service"

# What comes of an environment: units that print theirs. Lines of signs that
# mean something, from a generator with a fixed seed, and some by hand.

# lines PREFIX COUNT SEED
lines() {
	awk -v prefix="$1" -v count="$2" -v seed="$3" 'BEGIN {
		split("\" '\'' \\ x 4 1 n s %% = ; # %n '\'' \\ Z", sign, " ")
		srand(seed)
		for (i = 1; i <= count; i++) {
			line = ""
			for (n = int(rand() * 14); n > 0; n--)
				line = line (rand() < .15 ? " " : \
					sign[int(rand() * 16) + 1])
			print prefix "V" i "=" line
		}
	}'
}

names=$(awk 'BEGIN { for (i = 1; i <= 200; i++) print "V" i }')
for seed in 1 2 3 4 5 6; do
	{
		printf '[Service]\nType=oneshot\n'
		# shellcheck disable=SC2016
		echo "ExecStart=/bin/sh -c 'env -0 >/run/variables-$seed'"
		case $seed in
		1) cat <<-'END' ;;
			Environment=V1=a V2="b c" "V3=d e" 'V4=f "g"'
			Environment=V5=a\x2eb V6=\056 V7=\s V8=\u00e9\U0001f600
			Environment=V9=%% V10=%n V11=%p V12=$V1 V13=%i V14=%N
			Environment=V15=a \
			# no part of it
			  V16=b \
			; nor this
			  V17=c
			Environment=V18=a "V19=b
			Environment=V20=a V21=\q V22=b
			Environment=V23=a\x07b V24=c
			Environment=V25=a\\ V26=b\\\\
			Environment=V27=a;b V28=c#d
			Environment=V29=
			Environment= V30 = a
			Environment=V31=a V31=b
			Environment=V32=a\nb V33=a\tb
			Environment=V34=%t%S%C%L%E%T%V
			Environment=V35=a V36=b V37=c
			UnsetEnvironment=V35 V36=b V37=d
			EnvironmentFile=-/etc/missing
			EnvironmentFile=/etc/files/*.env
			EnvironmentFile=/etc/%p.env
			Environment=V40=unit
			END
		2) echo 'EnvironmentFile=/etc/random.env' ;;
		3) echo 'EnvironmentFile=/etc/random3.env' ;;
		*) lines Environment= 200 "$seed" ;;
		esac
	} >"$vendor/variables-$seed.service"
done
mkdir -p "$SYSTEMD_ROOT/etc/files"
printf 'V40=one\nV41=one\n' >"$SYSTEMD_ROOT/etc/files/1.env"
printf 'V41=two\n' >"$SYSTEMD_ROOT/etc/files/2.env"
printf 'V41=no\n' >"$SYSTEMD_ROOT/etc/files/2.other"
cat >"$SYSTEMD_ROOT/etc/variables-1.env" <<'END'
# V42=no
;V42=no
 V42 = a b 	
V43='a b' 
V44="a 'b' \" \$ \z \\"
V45=a "b" 'c'
V46='a
b'
V47="a\
b"
V48=a\
b
V49=a\ 
V50=a\\b#c;d
V51='a'b
V52='a' 'b'
V53
V54=
export V55=a
V56=a%%%n
V57=a=b
V58='a
END
lines '' 200 2 >"$SYSTEMD_ROOT/etc/random.env"
# Where no quote runs on into the next lines.
lines '' 200 3 | tr -d "'\"" >"$SYSTEMD_ROOT/etc/random3.env"

# The services that are to connect.

cat >"$SYSTEMD_ROOT/etc/kashim.conf" <<'END'
rule test { destination = { "127.0.0.0/8" } idle = "5min" }
END
mkdir "$SYSTEMD_ROOT/etc/kashim"
echo 'rule gateway { idle = "20min" }' >"$SYSTEMD_ROOT/etc/kashim/one.conf"
echo 'rule other { idle = "30min" }' >"$SYSTEMD_ROOT/etc/other file%.conf"
cat >"$vendor/listen@.service" <<'END'
[Service]
ExecStart=/usr/bin/nc -lkd 127.0.0.1 %i
END
connects plain 7001
connects vendor 7002 "Environment=LD_PRELOAD=$jemalloc"
connects user 7003 User=nobody ProtectSystem=strict PrivateTmp=yes \
	NoNewPrivileges=yes SystemCallFilter=@system-service
connects dynamic 7004 DynamicUser=yes
connects template@ 7005
connects backup-agent 7006
connects gateway@ 7007
connects file 7008 EnvironmentFile=/etc/file.env
echo "LD_PRELOAD=$jemalloc" >"$SYSTEMD_ROOT/etc/file.env"
# What no preload reaches.
mkdir "$SYSTEMD_ROOT/etc/pam.d"
for kind in auth account session; do
	echo "$kind sufficient pam_permit.so" >>"$SYSTEMD_ROOT/etc/pam.d/su-l"
done
cat >"$vendor/su.service" <<'END'
[Service]
ExecStart=-/bin/su - nobody -s /bin/sh \
	-c "exec nc -d 127.0.0.1 7011"
END
cat >"$vendor/notify.service" <<'END'
[Service]
Type=notify
User=nobody
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectProc=invisible
CapabilityBoundingSet=
MemoryDenyWriteExecute=yes
RestrictNamespaces=yes
LockPersonality=yes
RestrictAddressFamilies=AF_INET AF_UNIX
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@keyring
ExecStart=/usr/bin/env -u LD_PRELOAD /usr/bin/python3 /etc/ready.py
END
cat >"$SYSTEMD_ROOT/etc/ready.py" <<'END'
import os, socket
connection = socket.create_connection(("127.0.0.1", 7012))
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.connect(os.environ["NOTIFY_SOCKET"].replace("@", "\0", 1))
manager.send(b"READY=1")
connection.recv(1)
END
for filter in killing refusing half; do
	connects "$filter" 7011 SystemCallFilter=@system-service \
		"StandardError=file:/run/$filter"
	sed -i 's|^ExecStart=|&/kashim/kashim run -S |' \
		"$vendor/$filter.service"
done
echo SystemCallErrorNumber=EPERM >>"$vendor/refusing.service"
echo SystemCallFilter=seccomp >>"$vendor/half.service"
cat >"$vendor/forking.service" <<'END'
[Service]
Type=forking
PIDFile=/run/forking.pid
ExecStart=/bin/sh -c 'env -i nc -d 127.0.0.1 7013 & echo $$! >/run/forking.pid'
END
cat >"$vendor/two.service" <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'echo "a  $$0" %n >/run/two' 'b ;' ; /bin/sh -c "echo c >>/run/two"
END
cat >"$vendor/inet.socket" <<'END'
[Socket]
ListenStream=127.0.0.1:7010
Accept=yes
END
cat >"$vendor/inet@.service" <<'END'
[Service]
ExecStart=/bin/cat
StandardInput=socket
END
connects inet-client 7010

systemd_boot || exit 1

for unit in a.service b.service a-b-c.service t@x.service t@own.service \
	u@x.service u@y.service a-b-t@i.service l.socket; do
	# /lib is a link, which one of them follows.
	systemd_run systemctl cat "$unit" |
		sed -n 's|^# /|/|; s|^/lib|/usr/lib|; /^\//p' >"$work/theirs"
	[ -e "$build/test/test_unit" ] || {
		skip "files of $unit" 'test_unit is not built: no Check'
		continue
	}
	"$build/test/test_unit" files "$SYSTEMD_ROOT" "$unit" |
		sed 's|^/lib|/usr/lib|' >"$work/ours"
	holds "files of $unit" test -s "$work/theirs"
	holds "files of $unit" diff -u "$work/theirs" "$work/ours"
done

for seed in 1 2 3 4 5 6; do
	[ -e "$build/test/test_unit" ] || {
		skip "environment $seed" 'test_unit is not built: no Check'
		continue
	}
	holds "environment $seed" systemd_run systemctl start \
		"variables-$seed"
	# shellcheck disable=SC2086 # a list
	"$build/test/test_unit" variables "$SYSTEMD_ROOT" "variables-$seed" \
		$names | sort -z | tr '\0\n' '\n~' >"$work/ours"
	# The manager's own /run is in its mount namespace.
	systemd_run cat "/run/variables-$seed" | grep -az '^V[0-9]*=' |
		sort -z | tr '\0\n' '\n~' >"$work/theirs"
	holds "environment $seed" test -s "$work/theirs"
	holds "environment $seed" diff -u "$work/theirs" "$work/ours"
done

for port in 7001 7002 7003 7004 7005 7006 7007 7008 7011 7012 7013; do
	holds "listen at $port" systemd_run systemctl start "listen@$port"
done
# Until they listen, a service would end at once.
listening() {
	[ "$(systemd_run ss -tlnH | grep -c 127.0.0.1:70)" -eq 11 ]
}
holds listening until_true 10 listening

# on UNIT PORT TIMER: without ours it has no timer, enabled it has, and
# disabled it has not. What the manager says of the files is without a warning.
on() {
	holds "$1 starts" manager restart "$1"
	holds "$1 is off" until_true 10 shows_not "$2" timer:
	holds "enable $1" kashim enable "$1"
	holds "$1 with ours restarts" manager restart "$1"
	holds "$1 is on" until_true 10 shows "$2" "timer:(keepalive,$3"
	holds "$1 has it loaded" maps "$1" /libkashim.so
}
off() {
	holds "disable $1" kashim disable "$1"
	holds "$1 without ours restarts" manager restart "$1"
	holds "$1 is off again" until_true 10 shows_not "$2" timer:
	holds "$1 has it no more" fails maps "$1" /libkashim.so
}

on plain 7001 '[45]min'
holds 'no doubt in the files' fails grep -i zz-kashim "$work/systemd.log"
holds 'another configuration' kashim enable -c '/etc/other file%.conf' plain
holds 'plain restarts' manager restart plain
holds 'by the other file' until_true 10 shows 7001 \
	'timer:(keepalive,\(29\|30\)min'
off plain 7001

on vendor 7002 '[45]min'
holds "the vendor's own preload" maps vendor libjemalloc
off vendor 7002
holds "the vendor's own preload, still" maps vendor libjemalloc

on user 7003 '[45]min'
off user 7003
on dynamic 7004 '[45]min'
off dynamic 7004

# A template: all instances, or one.
holds 'start an instance' manager start template@1
holds 'enable a template' kashim enable template@
holds 'restart the instance' manager restart 'template@*.service'
holds 'the instance is on' until_true 10 shows 7005 'timer:(keepalive,[45]m'
holds 'disable the template' kashim disable template@
holds 'restart the instance' manager restart 'template@*.service'
holds 'the instance is off' until_true 10 shows_not 7005 timer:

# What an EnvironmentFile= has wins: enable says so, and it is true.
holds 'start file' manager start file
holds 'enable file' fails kashim enable file
holds 'nothing written' fails test -e "$units/file.service.d"
echo "LD_PRELOAD=/kashim/libkashim.so:$jemalloc" \
	>"$SYSTEMD_ROOT/etc/file.env"
holds 'enable file as told' kashim enable file
holds 'restart file' manager restart file
holds 'file is on' until_true 10 shows 7008 'timer:(keepalive,[45]min'
holds 'both are loaded' maps file libjemalloc

# A drop-in of a later name wins, too; "systemctl edit" makes an earlier one.
mkdir -p "$units/plain.service.d"
printf '[Service]\nEnvironment=LD_PRELOAD=%s\n' "$jemalloc" \
	>"$units/plain.service.d/zzz.conf"
holds 'enable below zzz.conf' fails kashim enable plain
holds 'restart plain' manager restart plain
holds 'zzz.conf holds' until_true 10 maps plain libjemalloc
mv "$units/plain.service.d/zzz.conf" "$units/plain.service.d/override.conf"
on plain 7001 '[45]min'
holds 'override.conf is kept' maps plain libjemalloc
rm "$units/plain.service.d/override.conf"

# The drop-ins that are shipped.
cp -R "$conf"/systemd/*.service.d "$units"
holds 'start backup-agent' manager start backup-agent
holds 'backup-agent is on' until_true 10 shows 7006 \
	'timer:(keepalive,[45]min'
holds 'start gateway@one' systemd_run systemctl start gateway@one
holds 'gateway@one is on' until_true 10 shows 7007 \
	'timer:(keepalive,\(19\|20\)min'
holds 'enable beside ours by hand' kashim enable backup-agent
holds 'disable beside ours by hand' kashim disable backup-agent
holds 'what is written by hand stays' \
	test -f "$units/backup-agent.service.d/kashim.conf"

# What no preload reaches is supervised.

# supervised UNIT PORT TIMER: it is off, also preloaded; supervised it is on,
# with the process that it had for its main one.
supervised() {
	holds "$1 starts" manager restart "$1"
	holds "$1 is off" until_true 10 shows_not "$2" timer:
	main=$(systemd_run cat "/proc/$(process "$1")/comm")
	holds "preload $1" kashim enable "$1"
	holds "$1 preloaded restarts" manager restart "$1"
	holds "$1 is off preloaded" until_true 10 shows_not "$2" timer:
	holds "$1 preloaded, what doctor says" fails kashim doctor "$1.service"
	in_file "$1 preloaded, what doctor advises" "$work/held" \
		--supervise
	holds "supervise $1" kashim enable --supervise "$1"
	holds "$1 supervised restarts" manager restart "$1"
	holds "$1 is on" until_true 10 shows "$2" "timer:(keepalive,[45]min"
	holds "$1, what doctor says" kashim doctor "$1.service"
	in_file "$1, what doctor says of its process" "$work/held" \
		'kashim-watch['
	holds "$1, no supervisor is examined" \
		fails grep -q '(kashim' "$work/held"
	same "$1, its main process" \
		"$(systemd_run cat "/proc/$(process "$1")/comm")" "$main"
	holds "$1 stops" systemd_run systemctl stop "$1"
	same "$1, how it ended" "$(systemd_run systemctl show --property \
		Result --value "$1")" success
	holds "disable $1" kashim disable "$1"
	holds "$1 without ours restarts" manager restart "$1"
	holds "$1 is off again" until_true 10 shows_not "$2" timer:
}
supervised su 7011
supervised notify 7012
supervised forking 7013
holds 'no doubt in the files' fails grep -i zz-kashim "$work/systemd.log"

# What has to be let through is not: the service runs all the same, and says so.
systemd_run systemctl stop su
for filter in killing refusing half; do
	holds "$filter starts" manager start $filter
	holds "$filter runs, and is off" until_true 10 shows_not 7011 timer:
	systemd_run cat /run/$filter >"$work/said"
	in_file "$filter says so" "$work/said" \
		"/usr/bin/nc cannot be supervised: a filter forbids seccomp(2) or"
	holds "$filter stops" systemd_run systemctl stop $filter
done

holds 'supervise two commands' kashim enable --supervise two
holds 'two starts' manager restart two
same 'two, as without us' "$(systemd_run cat /run/two)" 'a  b ; two.service
c'
sed -i '/^PIDFile/d' "$vendor/forking.service"
holds 'Type=forking without PIDFile=' fails kashim enable --supervise forking
in_file 'Type=forking without PIDFile=' "$work/held" \
	'forking.service cannot be supervised: Type=forking needs PIDFile='
mkdir "$units/two.service.d/" 2>/dev/null
printf '[Service]\nExecStart=\nExecStart=/bin/true\n' \
	>"$units/two.service.d/zzz.conf"
holds 'a later ExecStart=' fails kashim enable --supervise two
in_file 'a later ExecStart=' "$work/held" \
	'zzz.conf:3 sets ExecStart= and wins over zz-kashim.conf'

# A socket unit, with the lines that doctor has for it.
holds 'start inet' manager start inet.socket
holds 'enable inet.socket' fails kashim enable inet.socket
holds 'start a client of inet' systemd_run systemctl start inet-client
# The listening side, which systemd has opened.
accepted() {
	systemd_run ss -tnoH state established 'sport = :7010' |
		grep -q -- "$1"
}
holds 'inet accepts' until_true 10 accepted .
holds 'inet is off' fails accepted timer:
systemd_run systemctl stop inet-client inet.socket
mkdir "$units/inet.socket.d"
{
	echo '[Socket]'
	kashim doctor inet.socket >"$work/doctor" 2>&1
	grep -oE '\bKeepAlive[A-Za-z]*=[a-z0-9]+' "$work/doctor" | sort -u
} >"$units/inet.socket.d/keepalive.conf"
in_file 'lines by doctor' "$work/doctor" KeepAliveTimeSec=
holds 'start inet with them' manager start inet.socket
holds 'start the client' systemd_run systemctl restart inet-client
holds 'inet is on' until_true 10 accepted 'timer:(keepalive,[45]min'

finish
