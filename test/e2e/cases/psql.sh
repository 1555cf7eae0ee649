#!/bin/sh
# SPDX-License-Identifier: ISC
#
# psql with a real PostgreSQL server: an idle database session. With
# keepalives=0 psql sets nothing; by default libpq switches keepalive on, with
# the kernel's 7200 s, and with keepalives_idle it sets a time of its own: here
# the rule has to win. The server always switches keepalive on.

e2e=$(dirname "$0")/..
# shellcheck source=/dev/null
. "$e2e/case.sh"
case_begin "$0" psql psql

bin=
for dir in /usr/bin /usr/lib/postgresql*/bin /usr/lib/postgresql/*/bin; do
	[ -x "$dir/initdb" ] && bin=$dir
done
[ -n "$bin" ] || rig_skip "psql: the PostgreSQL server is not installed"

# It refuses root.
as_user=$(rig_as_user)
mkdir -m 700 data
rig_give_user data
# shellcheck disable=SC2086
rig_in server $as_user "$bin/initdb" -N -U postgres -A trust \
	-D "$RIG_DIR/data" >initdb.out 2>&1 ||
	die "initdb: $(tail -n 3 initdb.out)"
echo "host all all all trust" >>data/pg_hba.conf
cp -a data data.accept

server() {
	start_as_user server "$1" "$2" \
		"$bin/postgres" -D "$RIG_DIR/$1" -p "$3" \
		-c listen_addresses='*' -c unix_socket_directories= \
		-c autovacuum=off
}
server data - 5432
server data.accept kashim.conf 5433
wait_listening 5432 5433

flow_open() {
	keepalives=keepalives=0
	policy=-
	case $1 in
	connect*) policy=kashim.conf ;;
	esac
	case $1 in
	*default) keepalives=keepalives=1 ;;
	*own) keepalives=keepalives_idle=7000 ;;
	esac
	start client "$1" $policy psql -At "hostaddr=$2 port=$3 user=postgres
		dbname=postgres sslmode=disable gssencmode=disable $keepalives"
}

flow_ask() {
	echo "select 'answer ' || $2;" >"$1.in"
}

flow_answered() {
	grep -q "^answer $2\$" "$1.out"
}

flow plain "$(rig_address 1)" 5432 dies - none 7200 \
	without kashim
flow connect "$(rig_address 2)" 5432 lives client "$CASE_IDLE" 7200 \
	with kashim, connecting side
flow accept "$(rig_address 3)" 5433 lives server none "$CASE_IDLE" \
	with kashim, accepting side
flow plain-default "$(rig_address 4)" 5432 dies - 7200 7200 \
	libpq\'s default of 7200 s, without kashim
flow connect-default "$(rig_address 5)" 5432 lives client "$CASE_IDLE" 7200 \
	libpq\'s default of 7200 s, with kashim
flow plain-own "$(rig_address 6)" 5432 dies - 7000 7200 \
	own time of 7000 s, without kashim
flow connect-own "$(rig_address 7)" 5432 lives client "$CASE_IDLE" 7200 \
	own time of 7000 s, with kashim
case_run
case_end
