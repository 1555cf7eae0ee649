# shellcheck shell=sh disable=SC2154 # what lib.sh and the caller have
# SPDX-License-Identifier: ISC
#
# fleet: hosts, each in namespaces of its own, with programs that have real
# connections, and a Prometheus that asks the node_exporter of each for what
# "kashim status --openmetrics" wrote there. To be sourced behind lib.sh and
# begin, by a script in namespaces of processes and network, with which all of
# it ends. The rules are those in $work/kashim.conf.

fleet_python=/usr/bin/python3
fleet_url=http://127.0.0.1:9090
fleet_hosts=

# fleet_host NAME
fleet_host() {
	mkdir "$1" "$1/cache" "$1/textfiles"
	unshare --net --pid --mount --fork --kill-child --mount-proc \
		sleep infinity &
	until_true 20 pgrep -P $! && pgrep -P $! >"$1/pid" || exit 2
	fleet_hosts="$fleet_hosts $1"
	fleet_in "$1" ip link set lo up || exit 2
}

# fleet_in NAME COMMAND...: there, as root.
fleet_in() {
	in_=$1
	shift
	nsenter -t "$(cat "$work/$in_/pid")" --net --pid --mount -- \
		env KASHIM_CONFIG="$work/kashim.conf" \
		KASHIM_CACHE="$work/$in_/cache" "$@"
}

# fleet_program HOST NAME LIBRARY ARGUMENT...: starts a program of this name,
# with connections as tcp_host.py makes them, under the library or not (''). It
# is in $work/HOST/NAME, and ends with the file NAME.in.
fleet_program() {
	host_=$1 name_=$2 library_=$3
	shift 3
	cp -n "$fleet_python" "$host_/$name_" && mkfifo "$host_/$name_.in" ||
		exit 2
	sleep infinity >"$host_/$name_.in" &
	fleet_in "$host_" env LD_PRELOAD="$library_" "$work/$host_/$name_" \
		"$here/tcp_host.py" "$@" <"$host_/$name_.in" \
		>"$host_/$name_.out" 2>&1 &
	until_true 40 grep -q '^ready' "$host_/$name_.out" ||
		fail "$host_: $name_ does not start" "$host_/$name_.out"
}

# fleet_collect HOST: what kashim-metrics.service does.
fleet_collect() {
	fleet_in "$1" "$build/kashim" status --openmetrics \
		--state="$work/$1/seen" >"$1/kashim.tmp" 2>"$1/said" || [ $? -eq 1 ] &&
		mv "$1/kashim.tmp" "$1/textfiles/kashim.prom"
}

# fleet_watch: the exporters, and Prometheus, which asks each second.
fleet_watch() {
	ip link set lo up
	port_=9100
	{
		printf '%s\n' 'global: {scrape_interval: 1s, evaluation_interval: 1s}' \
			'rule_files: [kashim.rules.yml]' 'scrape_configs:' \
			'- job_name: node' '  static_configs:'
		for host_ in $fleet_hosts; do
			port_=$((port_ + 1))
			prometheus-node-exporter --collector.disable-defaults \
				--collector.textfile \
				--collector.textfile.directory="$host_/textfiles" \
				--web.listen-address=127.0.0.1:$port_ \
				>"$host_/exporter.log" 2>&1 &
			printf '  - targets: ["127.0.0.1:%s"]\n    labels: {instance: %s}\n' \
				$port_ "$host_"
		done
	} >prometheus.yml
	cp "$root/conf/prometheus/kashim.rules.yml" .
	prometheus --config.file=prometheus.yml --storage.tsdb.path=data \
		--web.listen-address="${fleet_url#http://}" \
		>prometheus.log 2>&1 &
}

# fleet_ask QUERY: Prometheus's answer, "HOST VALUE" a line.
fleet_ask() {
	promtool query instant "$fleet_url" "$1" |
		sed -n 's/.*instance="\([^"]*\)".* => \([^ ]*\) @.*/\1 \2/p' | sort
}

# fleet_is_asked: Prometheus has what was written last.
fleet_is_asked() {
	for host_ in $fleet_hosts; do
		printf '%s ' "$host_"
		sed -n 's/^kashim_run_timestamp_seconds //p' \
			"$host_/textfiles/kashim.prom"
	done | sort >written
	fleet_ask kashim_run_timestamp_seconds | cmp -s - written
}
