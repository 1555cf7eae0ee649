# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC2154,SC2034 # from and for test_doctor.sh
#
# What kashim doctor says of systemd units: a part of test_doctor.sh, which
# reads it. The units are on a file system of the test's own.

mkdir etc-upper etc-work && mount -t overlay overlay \
	-o "lowerdir=/etc,upperdir=$work/etc-upper,workdir=$work/etc-work" \
	/etc || exit 2
rm -f /etc/kashim.conf /etc/kashim.conf.policy
mount -t tmpfs -o mode=755 tmpfs /etc/systemd/system || exit 2
units=/etc/systemd/system
opt=/opt
mount -t tmpfs -o mode=755 tmpfs $opt || exit 2
mkdir -p $opt/lib $opt/bin
cp libkashim.so libkashim-config.so $opt/lib
cp --preserve=all connects static host effective setuid script shell \
	$opt/bin
mount -t tmpfs tmpfs /usr/local/lib || exit 2
cp libkashim.so libkashim-config.so /usr/local/lib
unset KASHIM_CONFIG
printf 'rule r { idle = 300 }\n' >$opt/conf

# service NAME LINE...: of its [Service] section.
service() {
	file=$units/$1
	shift
	printf '[Service]\n' >"$file"
	for line; do
		printf '%s\n' "$line" >>"$file"
	done
}

# says WHAT STATUS TEXT LINE...: of a service with our library and these
# lines; without an ExecStart= among them it gets a plain one.
says() {
	what=$1 expected=$2 text=$3
	shift 3
	start=ExecStart=$opt/bin/connects
	for line; do
		case $line in
		ExecStart=*) start= ;;
		esac
	done
	service agent.service "Environment=LD_PRELOAD=$opt/lib/libkashim.so" \
		"Environment=KASHIM_CONFIG=$opt/conf" ${start:+"$start"} "$@"
	doctor "unit: $what" "$expected" "$text" agent.service
}

says 'plain' 0 'agent.service: the preload takes effect'
says 'its environment' 0 "LD_PRELOAD=$opt/lib/libkashim.so in $units/agent"
doctor 'unit: a bare name' 0 'agent.service: the preload takes effect' agent
printf '#!/bin/sh\n' >agent && chmod 755 agent
saved=$PATH
PATH=$work:$PATH
doctor 'unit: a program comes first' 1 'agent is a script' agent
PATH=$saved
doctor 'unit: none' 2 'nope.service: No such file' nope.service
doctor 'unit: no name' 2 'Invalid argument' 'a b.service'
ln -s /dev/null $units/masked.service
doctor 'unit: masked' 1 'is masked' masked.service
service plain.service "ExecStart=$opt/bin/connects"
doctor 'unit: not enabled' 1 "'kashim enable plain.service'" plain.service
for program in $opt/bin/static "$go"; do
	service plain.service "ExecStart=$program"
	doctor "unit: not enabled, $program" 1 \
		"'kashim enable --kernel plain.service'" plain.service
done
service nothing.service 'Type=oneshot'
doctor 'unit: nothing' 1 'it starts no program' nothing.service

# Its environment.

says 'another preload' 1 'LD_PRELOAD=/other.so, without libkashim.so' \
	'Environment=LD_PRELOAD=/other.so'
says 'reset' 1 'sets no LD_PRELOAD' Environment=
says 'passed on' 1 "passes on the manager's own" Environment= \
	PassEnvironment=LD_PRELOAD
says 'taken away' 1 'UnsetEnvironment= takes LD_PRELOAD away' \
	'UnsetEnvironment=LD_PRELOAD'
echo 'LD_PRELOAD=/other.so' >$opt/environment
says 'a file wins' 1 "($opt/environment" "EnvironmentFile=$opt/environment"
says 'both' 0 'both work if it passes calls on' \
	"Environment=LD_PRELOAD=$opt/lib/libkashim.so:/lib64/ld-linux-x86-64.so.2"
says 'missing' 1 '/nowhere/libkashim.so is missing' \
	'Environment=LD_PRELOAD=/nowhere/libkashim.so'
token=$(strings -n 4 "$loader" | grep -x 'lib/.*-linux-gnu' | sed 1q)
cp libkashim.so $opt/bin
mkdir -p "$opt/${token:-lib}" && cp libkashim.so libkashim-config.so \
	"$opt/${token:-lib}"
says 'tokens' 0 "$opt/${token:-lib}/libkashim.so is there, and" \
	"Environment=LD_PRELOAD=$opt/\$LIB/libkashim.so"
says 'origin' 1 "$opt/bin/libkashim-config.so is missing" \
	"Environment=LD_PRELOAD=\${ORIGIN}/libkashim.so"
mkdir $opt/x86_64 && cp libkashim.so libkashim-config.so $opt/x86_64
says 'platform' 0 "$opt/x86_64/libkashim.so is there, and fits" \
	"Environment=LD_PRELOAD=$opt/\$PLATFORM/libkashim.so"
says 'no slash, not found' 1 'libkashim.so is missing' \
	'Environment=LD_PRELOAD=libkashim.so'
says 'configuration' 1 '/nowhere.conf: there is no such file' \
	'Environment=KASHIM_CONFIG=/nowhere.conf'
doctor 'unit: -c in place of its own' 0 "$opt/conf: 1 rule" \
	-c "$opt/conf" agent.service
service 'agent@.service' "ExecStart=$opt/bin/%i" \
	"Environment=LD_PRELOAD=$opt/lib/libkashim.so" \
	"Environment=KASHIM_CONFIG=$opt/%p.conf"
cp $opt/conf $opt/agent.conf
doctor 'unit: an instance' 0 "$opt/agent.conf: 1 rule" agent@connects.service
doctor 'unit: a template' 1 'is not known here' agent@.service

# Its program.

for prefix in @ - : + ! '!!' '-+' '|'; do
	says "prefix $prefix" 0 'takes effect' \
		"ExecStart=$prefix$opt/bin/connects connects 0"
done
says 'quoted' 0 'takes effect' "ExecStart=\"$opt/bin/connects\" 'a b'"
says 'two' 1 "$opt/bin/static is static" \
	"ExecStart=$opt/bin/connects ; $opt/bin/static"
for semicolon in "';'" '\;'; do
	says "$semicolon" 0 'takes effect' \
		"ExecStart=$opt/bin/connects $semicolon $opt/bin/static"
done
says 'two lines' 1 "$opt/bin/static is static" \
	"ExecStart=$opt/bin/connects" "ExecStart=$opt/bin/static"
says 'reset' 0 'takes effect' "ExecStart=$opt/bin/static" ExecStart= \
	"ExecStart=$opt/bin/connects"
says 'not there' 1 'cannot be started: No such file' "ExecStart=$opt/bin/nope"
says 'in the search path' 0 'takes effect' 'ExecStart=cat'
says 'script' 0 'what counts is /bin/sh' "ExecStart=$opt/bin/shell"
cp none $opt/bin
says 'no #! line' 1 'has no #! line' "ExecStart=$opt/bin/none"

# Its user.

says 'capabilities as root' 0 'no effect for root' \
	"ExecStart=$opt/bin/effective"
says 'capabilities' 1 'AmbientCapabilities=' User=nobody \
	"ExecStart=$opt/bin/effective"
says 'capabilities with +' 0 'no effect for root' User=nobody \
	"ExecStart=+$opt/bin/effective"
says 'setuid' 1 'is setuid' User=65534 "ExecStart=$opt/bin/setuid"
says 'setuid, no new privileges' 0 'no_new_privs' User=nobody \
	NoNewPrivileges=yes "ExecStart=$opt/bin/setuid"
says 'setuid, implied' 0 'no_new_privs' User=nobody \
	RestrictRealtime=yes "ExecStart=$opt/bin/setuid"
says 'setuid, implied for root' 0 'For other users' \
	RestrictRealtime=yes "ExecStart=$opt/bin/setuid"
says 'no such user' 1 'there is no such user' User=nope-nope
chmod 600 $opt/conf
says 'configuration, root' 0 '1 rule'
says 'configuration, nobody' 1 'user 65534 may not read it' User=nobody
says 'configuration, dynamic' 1 'user 61184 may not read it' DynamicUser=yes
chmod 640 $opt/conf && chgrp daemon $opt/conf
says 'configuration, by group' 0 '1 rule' User=nobody Group=daemon
says 'configuration, by another group' 0 '1 rule' User=nobody \
	'SupplementaryGroups=sys daemon'
says 'configuration, by neither' 1 'may not read it' User=nobody \
	'SupplementaryGroups=sys'
as=$nobody
doctor 'unit: asked by nobody' 1 "can't be told" agent.service
as=
chmod 644 $opt/conf
chmod 700 $opt/lib
says 'library, nobody' 1 'user 65534 cannot read' User=nobody
chmod 755 $opt/lib

# Its surroundings.

mkdir -p $opt/root/opt/bin $opt/root/lib64
cp connects $opt/root/opt/bin
says 'root directory' 1 "$opt/root$opt/lib/libkashim.so is missing" \
	RootDirectory=$opt/root
mkdir $opt/root/opt/lib && cp libkashim.so libkashim-config.so \
	$opt/root/opt/lib
says 'root directory, no rules' 1 'there is no such file' \
	RootDirectory=$opt/root
cp $opt/conf $opt/root/opt
says 'root directory, no C library' 1 'libc.so.6 cannot be read' \
	RootDirectory=$opt/root
mkdir $opt/root/lib && cp "$(c_library connects)" $opt/root/lib
says 'root directory, all there' 0 'takes effect' RootDirectory=$opt/root
ln -s /opt/lib/libkashim.so $opt/root/link.so && mkdir $opt/root/l &&
	ln -s /opt/lib/libkashim.so $opt/root/l/libkashim.so
says 'root directory, a link in it' 1 '/l/libkashim-config.so is missing' \
	RootDirectory=$opt/root \
	'Environment=LD_PRELOAD=/l/libkashim.so'
says 'root directory with mounts' 1 "can't be looked at from here" \
	RootDirectory=$opt/root BindReadOnlyPaths=$opt/lib
says 'root image' 1 "can't be looked at from here" RootImage=$opt/image
says 'hidden' 1 "InaccessiblePaths= hides $opt/lib/libkashim.so" \
	"InaccessiblePaths=/srv -$opt/lib"
says 'hidden configuration' 1 "InaccessiblePaths= hides $opt/conf" \
	InaccessiblePaths=$opt/conf
says 'near by' 0 'takes effect' InaccessiblePaths=$opt/li
says 'temporary' 1 'TemporaryFileSystem= hides' TemporaryFileSystem=/opt:ro
says 'temporary, but shown' 0 'takes effect' TemporaryFileSystem=/opt:ro \
	"BindReadOnlyPaths=$opt/lib $opt/conf"
says 'home' 1 'ProtectHome= hides /root/kashim.conf' ProtectHome=tmpfs \
	'Environment=KASHIM_CONFIG=/root/kashim.conf'
says 'tmp' 1 'PrivateTmp= hides /tmp/kashim.conf' PrivateTmp=yes \
	'Environment=KASHIM_CONFIG=/tmp/kashim.conf'
says 'harmless' 0 'takes effect' ProtectSystem=strict PrivateTmp=yes \
	ProtectHome=yes MemoryDenyWriteExecute=yes NoNewPrivileges=yes \
	SystemCallFilter=@system-service PrivateDevices=yes
says 'no exec' 1 'NoExecPaths= covers' NoExecPaths=/ ExecPaths=/usr
says 'no exec, and more' 1 'NoExecPaths= covers' "NoExecPaths=$opt/lib" \
	ExecPaths=/opt
says 'no exec, but' 0 'takes effect' NoExecPaths=/ ExecPaths="/usr $opt/lib"
says 'no exec, but by a token' 0 'takes effect' NoExecPaths=/ \
	ExecPaths="/usr $opt/${token:-lib}" \
	"Environment=LD_PRELOAD=$opt/\$LIB/libkashim.so"
says 'address families' 0 'without AF_UNIX' \
	'RestrictAddressFamilies=AF_INET AF_INET6'
says 'address families, all' 0 'takes effect' \
	'RestrictAddressFamilies=~AF_UNIX' 'RestrictAddressFamilies=AF_UNIX'

# What its system calls may be. The sets are systemd's.

says 'filter' 1 'forbids setsockopt getsockopt getsockname' \
	SystemCallFilter=@basic-io
says 'filter kills' 1 'the kernel would end the program' \
	SystemCallFilter=@basic-io
says 'filter refuses' 1 'would stay as they are' SystemCallFilter=@basic-io \
	SystemCallErrorNumber=EPERM
says 'filter, added' 0 'takes effect' SystemCallFilter=@basic-io \
	'SystemCallFilter=setsockopt getsockopt getsockname'
says 'filter, taken away' 1 'forbids setsockopt,' \
	SystemCallFilter=@system-service SystemCallFilter=~setsockopt
says 'filter, denied' 1 'forbids getsockname,' \
	SystemCallFilter=~getsockname:EPERM
says 'filter, denied with an error' 1 'would stay as they are' \
	SystemCallFilter=~getsockname:EPERM
says 'filter, denied to death' 1 'the kernel would end the program' \
	SystemCallFilter=~getsockname:kill
says 'filter, denied set' 1 'forbids setsockopt' SystemCallFilter=~@network-io
says 'filter, others denied' 0 'takes effect' 'SystemCallFilter=~@mount @swap'
says 'filter, reset' 0 'takes effect' SystemCallFilter=@basic-io \
	SystemCallFilter=
# Which sets have setsockopt, by themselves or by another set?
systemd-analyze syscall-filter --no-pager >sets 2>/dev/null
awk '/^@/ { set = $0; next }
	$1 ~ /^(setsockopt|@network-io)$/ { print set }' sets |
	sort -u >truth
grep '^@' sets | while read -r set; do
	service agent.service "Environment=LD_PRELOAD=$opt/lib/libkashim.so" \
		"ExecStart=$opt/bin/connects" "SystemCallFilter=$set"
	"$kashim" doctor -c $opt/conf agent.service >said
	grep -q 'forbids' said || echo "$set"
done | sort -u >doctors
cat truth doctors >out
if [ -s truth ] && cmp -s truth doctors; then
	pass
else
	fail 'the sets of system calls that hold setsockopt'
fi

# What enable has copied.

service copied.service "ExecStart=-$opt/bin/connects 0"
holds 'unit: supervise' "$kashim" enable --supervise copied
doctor 'unit: supervised' 0 "kashim run supervises $opt/bin/connects" \
	-c $opt/conf copied.service
sed -i '1i # a comment' $units/copied.service
doctor 'unit: supervised, still' 0 'takes effect' -c $opt/conf copied.service
sed -i 's/connects 0/connects 1/' $units/copied.service
doctor 'unit: supervised, and changed since' 1 \
	"'kashim enable --supervise copied.service' copies it anew" \
	-c $opt/conf copied.service
holds 'unit: supervise again' "$kashim" enable --supervise copied
doctor 'unit: supervised again' 0 'takes effect' -c $opt/conf copied.service
holds 'unit: preload' "$kashim" enable copied
doctor 'unit: preloaded' 0 'takes effect' -c $opt/conf copied.service
holds 'unit: disable' "$kashim" disable copied

# A service that runs: each of its processes is looked at, too, and the first
# line has the worst. No systemd is needed: what counts is the control group.

# first_line WHAT TEXT: of what doctor has just said.
first_line() {
	same "$1" "$(sed -n 1p out)" "$2"
}

slice=
for hierarchy in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified \
	/sys/fs/cgroup; do
	if [ -e $hierarchy/cgroup.procs ] &&
		mkdir -p $hierarchy/system.slice 2>/dev/null; then
		slice=$hierarchy/system.slice/kashim-test-$$.service
		break
	fi
done
if [ "$slice" ] && mkdir "$slice"; then
	unit=${slice##*/}
	service "$unit" "ExecStart=$opt/bin/host connect" \
		"Environment=LD_PRELOAD=$opt/lib/libkashim.so" \
		"Environment=KASHIM_CONFIG=$opt/conf"
	doctor 'unit: not running' 0 'takes effect' "$unit"
	start env LD_PRELOAD=$opt/lib/libkashim.so KASHIM_CONFIG=$opt/conf \
		$opt/bin/host connect
	first=$pid
	echo "$pid" >"$slice/cgroup.procs"
	doctor 'unit: running' 0 \
		"process $first (host): the preload is in effect" "$unit"
	start env LD_PRELOAD=$opt/lib/libkashim.so KASHIM_CONFIG=$opt/conf \
		$opt/bin/host connect
	echo "$pid" >"$slice/cgroup.procs"
	doctor 'unit: two that are alike' 0 \
		"process $first (host) and 1 more: the preload is in effect" \
		"$unit"
	start $opt/bin/host connect
	echo "$pid" >"$slice/cgroup.procs"
	doctor 'unit: one without it' 1 \
		"process $first (host) and 1 more: the preload is in effect" \
		"$unit"
	first_line 'unit: the one without it comes first' \
		"$unit: process $pid (host): the preload is NOT in effect"
	same 'unit: the one without it is shown first' \
		"$(grep '^process' out | sed -n 1p)" \
		"process $pid (host): the preload is NOT in effect"
	stop_hosts
	start $opt/bin/host connect
	echo "$pid" >"$slice/cgroup.procs"
	doctor 'unit: running without it' 1 \
		"process $pid (host): the preload is NOT in effect" "$unit"
	first_line 'unit: its files are right' \
		"$unit: process $pid (host): the preload is NOT in effect"
	doctor 'process: its unit has it' 1 \
		"LD_PRELOAD is in $units/$unit: it takes effect with" "$pid"
	holds 'process: nothing that is done already' \
		fails grep -q "kashim enable $unit" out
	# remedy WHAT TEXT LINE...: of the process, if its unit has these lines.
	remedy() {
		what=$1 text=$2
		shift 2
		service "$unit" "ExecStart=$opt/bin/host connect" "$@"
		doctor "process: $what" 1 "$text" "$pid"
	}
	remedy 'how to start it' "'kashim enable $unit' and a restart of it help."
	remedy 'another preload' "'kashim enable $unit' and a restart of it help." \
		Environment=LD_PRELOAD=/other.so
	remedy 'a file wins' "add libkashim.so to the list in $opt/environment" \
		"EnvironmentFile=$opt/environment"
	doctor 'unit: a file wins' 1 \
		"add libkashim.so to the list in $opt/environment" "$unit"
	holds 'unit: nothing that enable would refuse' \
		fails grep -q 'and a restart of it help' out
	remedy 'taken away' "Take it out of there ($units/$unit:" \
		UnsetEnvironment=LD_PRELOAD
	mkdir "$units/$unit.d"
	printf '# Made by "kashim enable", removed by "kashim disable".\n[Service]\nEnvironment=LD_PRELOAD=%s\n' \
		$opt/lib/libkashim.so >"$units/$unit.d/zz-kashim.conf"
	remedy 'our drop-in' "LD_PRELOAD is in $units/$unit.d/zz-kashim.conf"
	printf '[Service]\nEnvironment=\n' >"$units/$unit.d/zzz.conf"
	remedy 'a later drop-in' 'whose name comes after zz-kashim.conf'
	printf '[Service]\nEnvironment=LD_PRELOAD=/other.so\n' \
		>"$units/$unit.d/zzz.conf"
	remedy 'a later drop-in with another list' \
		"add libkashim.so to the list in $units/$unit.d/zzz.conf"
	rm -r "$units/$unit.d"
	ln -sf /dev/null "$units/$unit"
	doctor 'process: masked' 1 "After 'systemctl unmask $unit', 'kashim" "$pid"
	rm "$units/$unit"
	doctor 'process: no such unit' 1 "Start it again with 'kashim run'." "$pid"
	stop_hosts

	# What has the library, and starts others without it.
	service "$unit" "ExecStart=/bin/su - nobody -s /bin/sh \\" \
		"    -c \"exec $opt/bin/host connect\"" \
		"Environment=LD_PRELOAD=$opt/lib/libkashim.so" \
		"Environment=KASHIM_CONFIG=$opt/conf"
	start env LD_PRELOAD=$opt/lib/libkashim.so KASHIM_CONFIG=$opt/conf \
		sh -c "echo \$\$ >$slice/cgroup.procs
			exec su - nobody -s /bin/sh -c 'exec $opt/bin/host connect'"
	agent=$(pgrep -P "$pid" host)
	doctor 'unit: su -' 1 'su starts /opt/bin/host without LD_PRELOAD' "$unit"
	first_line 'unit: su -' "$unit: the preload will NOT take effect"
	in_file 'unit: su -, its process' out \
		"process $pid (su): the preload is in effect"
	in_file 'unit: su -, the agent' out \
		"su[$pid] has the library, and started host[$agent] without LD_PRELOAD"
	holds 'unit: su -, what is no use' fails grep -q "kashim enable $unit" out
	doctor 'process: of su -' 1 \
		"'kashim run' in front of host; kashim-wrapper(8) in its place; -w LD_PRELOAD on its command line; 'kashim enable --supervise' for $unit." \
		"$agent"
	stop_hosts

	# A program of that name stands for the one that cleans the environment.
	cp "$(command -v perl)" $opt/bin/dovecot
	cat >$opt/master <<'EOF'
if ($pid = fork()) { waitpid($pid, 0); exit }
delete $ENV{LD_PRELOAD};
exec("sh", "-c", "$ARGV[0] connect; :");
EOF
	service "$unit" "ExecStart=$opt/bin/dovecot $opt/master $opt/bin/host" \
		"Environment=LD_PRELOAD=$opt/lib/libkashim.so" \
		"Environment=KASHIM_CONFIG=$opt/conf"
	start env LD_PRELOAD=$opt/lib/libkashim.so KASHIM_CONFIG=$opt/conf \
		sh -c "echo \$\$ >$slice/cgroup.procs
			exec $opt/bin/dovecot $opt/master $opt/bin/host"
	shell=$(pgrep -P "$pid")
	doctor 'unit: a master' 1 \
		"dovecot[$pid] has the library, and started sh[$shell] without" "$unit"
	first_line 'unit: a master' \
		"$unit: process $shell (sh): the preload is NOT in effect"
	in_file 'unit: a master, what helps' out \
		'LD_PRELOAD in its setting import_environment'
	printf 'inherit = false\nrule r { idle = 300 }\n' >$opt/conf
	doctor 'unit: inherit' 1 'inherit is false in its configuration' \
		"$(pgrep -P "$shell" host)"
	printf 'rule r { idle = 300 }\n' >$opt/conf
	stop_hosts
	tries=0
	until rmdir "$slice" 2>/dev/null || [ $tries -gt 100 ]; do
		tries=$((tries + 1))
		sleep 0.02
	done
	# Only if nothing else is in it.
	rmdir "${slice%/*}" 2>/dev/null
else
	skip 'a service that runs' 'no control group can be made'
fi

# Sockets.

# socket_says WHAT STATUS TEXT LINE...
socket_says() {
	what=$1 expected=$2 text=$3
	shift 3
	printf '[Socket]\n' >$units/door.socket
	for line; do
		printf '%s\n' "$line" >>$units/door.socket
	done
	doctor "socket: $what" "$expected" "$text" -c $opt/sockets door.socket
}
cat >$opt/sockets <<'EOF'
rule connecting { direction = connect idle = 10 interval = 5 }
rule local { destination = { "127.0.0.1" } action = ignore }
rule peer { source = { "192.0.2.0/24" } port = { "81" } idle = 11
	interval = 5 }
rule here { destination = { "192.0.2.9" } idle = 12 interval = 5 }
rule zero { destination = { "0.0.0.0" } idle = 13 interval = 5 }
rule one { port = { "80" } program = { "connects" } idle = "5min"
	interval = "30s" count = 5 }
rule six { destination = { "2001:db8::5" } idle = 600 user-timeout = "2h" }
rule on { port = { "82" } }
EOF
service door.service "ExecStart=$opt/bin/connects"
service 'door@.service' "ExecStart=-$opt/bin/connects"
service other.service "ExecStart=$opt/bin/host"
for line in KeepAlive=yes KeepAliveTimeSec=300 KeepAliveIntervalSec=30 \
	KeepAliveProbes=5; do
	socket_says "$line" 1 "        $line" ListenStream=80
done
socket_says 'nothing' 1 'systemd does NOT give its sockets' ListenStream=80
socket_says 'all' 0 'ListenStream=80 has what rule one says' ListenStream=80 \
	KeepAlive=yes KeepAliveTimeSec=5min KeepAliveIntervalSec='29s 1' \
	KeepAliveProbes=5
socket_says 'a wrong time' 1 'does not have' ListenStream=80 \
	KeepAlive=yes KeepAliveTimeSec=5h KeepAliveIntervalSec=30 \
	KeepAliveProbes=5
socket_says 'off' 1 'does not have' ListenStream=80 \
	KeepAliveTimeSec=5min KeepAliveIntervalSec=30 KeepAliveProbes=5
socket_says 'accept' 1 'and accepts the connections' ListenStream=80 Accept=yes
socket_says 'another service' 1 'no rule matches all' ListenStream=80 \
	Service=other.service
socket_says 'by source' 1 'no rule matches all' ListenStream=81
socket_says 'an address' 1 'rule one says' ListenStream=192.0.2.1:80
socket_says 'all addresses' 1 'rule one says' 'ListenStream=[::]:80'
socket_says 'this address' 1 'rule here says' ListenStream=192.0.2.9:80
socket_says 'an address that is none' 1 'rule one says' ListenStream=0.0.0.0:80
socket_says 'ignored' 0 'rule local says ignore' ListenStream=127.0.0.1:80
socket_says 'IPv6' 1 'KeepAliveTimeSec=600' 'ListenStream=[2001:db8::5]:99'
socket_says 'user-timeout' 1 'systemd has no setting' \
	'ListenStream=[2001:db8::5]:99'
socket_says 'only on' 0 'has what rule on says' ListenStream=82 KeepAlive=yes
socket_says 'a path' 0 'is no TCP socket' ListenStream=/run/door
socket_says 'vsock' 0 'is no TCP socket' ListenStream=vsock:2:80
doctor 'socket: no rules' 1 'door.socket: there is no configuration yet' -c /nowhere door.socket
