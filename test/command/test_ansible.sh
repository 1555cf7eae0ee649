#!/bin/sh
# SPDX-License-Identifier: ISC
#
# conf/ansible, played for real on a host of its own with a real systemd: a
# first time, again, with a mistake, with other rules, and back. Needs root.
# BUILD names the build directory.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
apart --mount

cleanup() {
	systemd_down
}
begin
export LC_ALL=C
# shellcheck source=test/command/systemd.sh
. "$here/systemd.sh"
if ! found command:ansible-playbook 'the role' ||
	! found python:apt 'the role'; then
	finish
	exit
fi

# The host knows one repository, with one package, which is what was built. /usr
# is read-only here.
systemd_tree || exit 1
mount -t tmpfs tmpfs "$SYSTEMD_ROOT/usr/local" || exit 1
package=$work/package
mkdir -p "$package/DEBIAN" "$package/usr/local/bin" \
	"$package/var/cache/kashim" \
	"$package/usr/local/lib/systemd/system" || exit 2
cp "$build/kashim" "$package/usr/local/bin"
cp "$build/libkashim.so" "$build/libkashim-config.so" "$package/usr/local/lib"
cp "$root"/tools/package/kashim-*.service "$root"/tools/package/kashim-*.timer \
	"$package/usr/local/lib/systemd/system"
# What is kept keeps its directories: dpkg would remove them, and could not.
mkdir "$package/usr/local/etc"
echo /usr/local/etc/kept | tee "$package/usr/local/etc/kept" \
	>"$package/DEBIAN/conffiles"
cat >"$package/DEBIAN/control" <<END
Package: kashim
Version: 1
Architecture: $(dpkg --print-architecture)
Maintainer: nobody <nobody@localhost>
Description: what was built
END
host=$SYSTEMD_ROOT
mkdir -p "$host/srv" "$host/etc/apt" "$host/var/lib/dpkg/info" \
	"$host/var/lib/dpkg/updates" "$host/var/lib/apt/lists/partial" \
	"$host/var/cache/apt/archives/partial" "$host/var/log/apt" \
	"$host/var/lib/prometheus/node-exporter"
: >"$host/var/lib/dpkg/status"
cp /etc/os-release /etc/debian_version "$host/etc"
dpkg-deb --root-owner-group -Znone -b "$package" "$host/srv/kashim.deb" >log ||
	exit 2
{
	cat "$package/DEBIAN/control"
	echo "Filename: ./kashim.deb"
	echo "Size: $(stat -c %s "$host/srv/kashim.deb")"
	echo "SHA256: $(sha256sum <"$host/srv/kashim.deb" | cut -d ' ' -f 1)"
} >"$host/srv/Packages"
echo 'deb [trusted=yes] file:/srv ./' >"$host/etc/apt/sources.list"

printf '[Service]\nExecStart=/usr/bin/sleep 600\n' \
	>"$host/etc/systemd/system/played.service"
printf '[Unit]\nDefaultDependencies=no\n' \
	>"$host/etc/systemd/system/timers.target"

# What the administrator has: the examples, hosts with what they get, and rules.
site=$host/root/site
cp -r "$root/conf/ansible" "$site"
cat >"$site/hosts" <<'END'
[kashim]
host ansible_connection=local ansible_python_interpreter=/usr/bin/python3
END
mkdir "$site/group_vars"
cat >"$site/group_vars/kashim.yml" <<'END'
kashim_services: [played]
kashim_timers: [kashim-metrics.timer]
END
echo 'rule agent { port = 6001 idle = 301 }' >"$site/kashim.conf"
systemd_boot || exit 1
holds 'the repository' systemd_run apt-get -q update
holds 'a service that runs' systemd_run systemctl start played

# play NAME STATUS [OPTION...]: its output is the file NAME. The recap is shown.
play() {
	name=$1 expected=$2
	shift 2
	systemd_run env HOME=/root LC_ALL=C.UTF-8 sh -c 'cd /root/site &&
		exec ansible-playbook -i hosts "$@" kashim.yml' sh "$@" \
		>"$name" 2>&1
	status=$?
	printf '%s: %s\n' "$name" "$(grep -E '^host  *:|^ERROR' "$name")"
	same "$name: status" $status "$expected"
}

# state: all that a play may change.
state() {
	(cd "$host" && find etc/kashim* etc/systemd usr/local/bin usr/local/lib \
		var/cache/kashim -type l -print -o -type f \
		-printf '%p %m ' -exec md5sum {} \; 2>/dev/null | sort)
	systemd_run systemctl list-timers --all --no-legend 'kashim-*' |
		grep -o 'kashim-.*'
}

# in_force GENERATION IDLE: that is published.
in_force() {
	systemd_run /usr/local/bin/kashim doctor played >checked
	in_file "$name: generation $1" checked "generation $1"
	systemd_run /usr/local/bin/kashim match 192.0.2.1 6001 >matched 2>&1
	in_file "$name: idle $2 s" matched "TCP_KEEPIDLE      $2 s"
	holds "$name: no warning" fails grep warning matched
}

state >before
play dry 0 --check --diff
in_file 'dry: what would change' dry '+rule agent'
state >now
holds 'dry: nothing has changed' diff before now
play first 0
in_file 'first: the package, file, service, timer, and a reload' first \
	' changed=5 '
in_force 1 301
in_file 'first: a service that was not restarted' first \
	'the preload is NOT in effect'
in_file 'first: the connections' first '# 0 connections'
same 'first: for everybody' "$(stat -c '%a %U' "$host/etc/kashim.conf")" \
	'644 root'
holds 'first: the timer' until_true 10 \
	test -e "$host/var/lib/prometheus/node-exporter/kashim.prom"
same 'first: the timer, at the next boot' \
	"$(systemd_run systemctl is-enabled kashim-metrics.timer)" enabled
holds 'first: a restart' systemd_run systemctl restart played

state >after
play again 0
in_file 'again: no changes' again ' changed=0 '
state >now
holds 'again: nothing has changed' diff after now
in_file 'again: the service' again 'played.service: the preload takes effect'
play there 0 -e kashim_package=
in_file 'there: the package manager is not asked' there ' skipped=1 '

{
	echo 'rule agent { port = 6001 idle = 302 }'
	echo 'rule other { idel = 303 }'
} >"$site/kashim.conf"
play mistake 2
in_file 'mistake: the play fails' mistake ' failed=1 '
sed -n 's/.*stderr_lines": \["\(.*\)"\], "stdout".*/mistake: \1/p' mistake
in_file 'mistake: kashim says where' mistake 'source:2: unknown key'
state >now
holds 'mistake: nothing has changed' diff after now

echo 'rule agent { port = 6001 idle = 304 }' >"$site/kashim.conf"
play rules 0
in_file 'rules: the file, and a reload' rules ' changed=2 '
in_force 2 304

echo 'rule agent { port = 6001 idle = 305 }' >"$site/kashim.conf"
play service 2 -e '{"kashim_services": ["other"]}'
in_file 'service: the play fails' service ' failed=1 '
in_force 3 305

play back 0 -e kashim_state=absent
in_file 'back: the timer, service, package, and files' back ' changed=4 '
state >now
holds 'back: as it was before' diff before now
holds 'back: no metrics' fails \
	test -e "$host/var/lib/prometheus/node-exporter/kashim.prom"
play 'back again' 0 -e kashim_state=absent
in_file 'back again: no changes' 'back again' ' changed=0 '

# docs/FLEET, from its first command to its last, on a network of one host. What
# takes the network there is, and minutes, is not for this test.
if ! found command:promtool docs/FLEET; then
	finish
	exit
fi
awk 'function end() { if (file) print "END"; file = "" }
	/^\t\$ kashim probe/ { next }
	/^\t\$ / { end(); print substr($0, 4); next }
	/^\t/ && name {
		file = name
		name = ""
		print "cat >" file " <<\"END\""
	}
	/^(\t|$)/ && file { print substr($0, 2); next }
	/[a-z]\.(conf|yml):$/ { name = $NF; sub(/:$/, "", name) }
	/^[^\t]/ { end() }' "$root/docs/FLEET" |
	sed 's/:200\]/:001]/' >"$host/root/commands"
same 'docs/FLEET: commands' "$(grep -c 'ansible-playbook' \
	"$host/root/commands")" 3
mkdir -p "$host/root/bin" "$host/etc/prometheus" \
	"$host/etc/grafana/provisioning/dashboards" \
	"$host/usr/local/share/doc/kashim"
cp -r "$root/conf" "$host/usr/local/share/doc/kashim/examples"
cp "$build/kashim" "$host/root/bin"
printf '#!/bin/sh\nexec "$@"\n' >"$host/root/bin/sudo"
chmod 755 "$host/root/bin/sudo"
echo 'rule_files: [kashim.rules.yml]' >"$host/etc/prometheus/prometheus.yml"
printf '[Service]\nType=oneshot\nRemainAfterExit=yes\n%s\n%s\n' \
	ExecStart=/bin/true ExecReload=/bin/true \
	>"$host/etc/systemd/system/prometheus.service"
cp "$host/etc/systemd/system/prometheus.service" \
	"$host/etc/systemd/system/grafana-server.service"
mv "$host/etc/systemd/system/played.service" \
	"$host/etc/systemd/system/backup-agent.service"
systemd_run systemctl daemon-reload
holds 'docs/FLEET: Prometheus' systemd_run systemctl start prometheus
state >before
systemd_run env HOME=/root LC_ALL=C.UTF-8 ANSIBLE_TRANSPORT=local \
	PATH=/root/bin:/usr/bin:/usr/sbin \
	sh -c 'cd && exec sh -ex commands' >said 2>&1
status=$?
sed -n 's/^db001[^:]*:/docs\/FLEET:/p' said
[ $status -eq 0 ] || fail 'docs/FLEET: all commands succeed' said
same 'docs/FLEET: its plays' "$(grep -c 'unreachable=0 *failed=0' said)" 3
state >now
holds 'docs/FLEET: back' diff before now

finish
