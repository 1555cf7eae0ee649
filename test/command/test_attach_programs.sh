#!/bin/sh
# SPDX-License-Identifier: ISC
#
# kashim attach, of rules that name programs. BUILD names the build directory.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
all_needs bpf-loop
apart --mount --net
begin
# shellcheck source=test/command/cgroup.sh
. "$here/cgroup.sh"
own_cgroup kashim-test.

# Numbers that hang on this run.
plain() {
	sed -e "s|$own|OWN|g; s|$work|WORK|g; s|process [0-9][0-9]*|process N|"
}
export KASHIM_CONFIG="$work/conf" KASHIM_CACHE="$work"
mkfifo in

# What the kernel can't do is said.

long=$(printf '%064d' 0)
printf 'rule all { }\nrule one { program = { "nc" } }\nrule long { program = { "x", "%s" } }\n' \
	"$long" >programs
check 'a name that is too long' 2 \
	"$kashim" attach --cgroup "$own/a" --config programs <<END
! kashim: WORK/programs:3: rule long $too_long
END
sed -i 's/"00\(0*\)"/"[[:alpha:]]\1"/' programs
holds 'one that is not' \
	"$kashim" attach --cgroup "$own/a" --config programs --dry-run
# lists COUNT: as many rules, with a program each.
lists() {
	seq "$1" | sed 's/.*/rule r& { program = { "p&" } }/'
}
lists 62 >programs
holds '62 lists' "$kashim" attach --cgroup "$own/a" --config programs --dry-run
lists 63 >programs
check 'one more' 2 \
	"$kashim" attach --cgroup "$own/a" --config programs <<'END'
! kashim: WORK/programs:63: rule r63 names programs: the kernel tells no more than 62 lists of them apart
END

# Programs, by their names: of the file, and that they were started by.

cc -static -o attach_owner "$here/attach_owner.c" || exit 2
mkdir names && for name in client server other odd-name starts ends; do
	cp attach_owner names/$name
done
ln -s client names/linked
cat >names/script <<END
#!/usr/bin/python3
import os, socket
connection = socket.create_connection(("127.0.0.1", int(os.sys.argv[2])))
option = socket.IPPROTO_TCP, socket.TCP_KEEPIDLE
before = connection.getsockopt(*option)
connection.setsockopt(*option, 77)
theirs = connection.recv(32, socket.MSG_WAITALL).decode().rstrip("\\0")
print(before, connection.getsockopt(*option), "/", theirs)
END
chmod +x names/script
cat >conf <<'END'
rule client { program = { "clien[a-t]" } direction = connect idle = "11s" }
rule server { program = { "server" } direction = accept idle = "12s" }
rule ends   { program = { "x*", "*ds" } idle = "13s" app-settings = respect }
rule starts { program = { "star*" } idle = "14s" }
rule script { program = { "script" } idle = "15s" }
rule python { program = { "python3*" } idle = "16s" }
rule linked { program = { "linked" } idle = "17s" }
rule ignore { program = { "odd?name" } action = ignore }
rule rest   { idle = "20s" }
END
# serve NAME PORT: starts it, with the descriptor 9 as what ends it.
serve() {
	: >serving
	inside "$own/a" names/"$1" serve "$2" <in >serving 2>&1 &
	exec 9>in
	until_true 20 grep -q ready serving
}
served() {
	exec 9>&-
	wait
}
# by NAME [HOW [PROGRAM]]: what its connection has, and the listener's.
by() {
	inside "$own/a" names/"$1" "${2:-connect}" 7300 ${3:+"names/$3"}
}
serve server 7300
same 'before it is attached' "$(by client)" '7200 77 / 7200 77'
check 'rules with programs' 0 "$kashim" attach --cgroup "$own/a" <<'END'
OWN/a: the kernel has 9 rules of WORK/conf
  CONNECTION                                  BEFORE  AFTER       RULE
server, process N
  127.0.0.1:7300 listens                         off  12s/75s/9   server
1 socket changed, 0 were right
END
same 'an older listener' \
	"$(by client)" '11 11 / 12 12'
served
serve server 7300
same 'both sides' "$(by client)" '11 11 / 12 12'
same 'no rule of its own' "$(by other)" '20 20 / 12 12'
same 'ignored' "$(by odd-name)" '7200 77 / 12 12'
same 'a suffix, respect' "$(by ends)" '13 77 / 12 12'
same 'a prefix' "$(by starts)" '14 14 / 12 12'
same 'a script' "$(by script)" '15 15 / 12 12'
cp names/script names/no-rule
same 'its interpreter' "$(by no-rule)" '16 16 / 12 12'
same 'the first of two that match' "$(by linked)" '11 11 / 12 12'
same 'a child' "$(by starts fork)" '14 14 / 12 12'
same 'a socket that another one has made' \
	"$(by starts exec client)" '11 11 / 12 12'
same 'a socket that another one has' \
	"$(by starts keep client)" '14 14 / 12 12'
part=$(printf '%085d' 0)
mkdir -p "names/$part/$part"
cp attach_owner "names/$part/$part/starts"
same 'a long path' "$(by "$part/$part/starts")" '14 14 / 12 12'
cp attach_owner "names/x$part"
same 'a long name' "$(by "x$part")" '13 77 / 12 12'
cp attach_owner "names/xx$part"
same 'one that is too long' "$(by "xx$part")" '7200 77 / 12 12'
ln -s "xx$part" names/short
same 'the file alone has one' "$(by short)" '7200 77 / 12 12'
served
serve other 7300
same 'another one listens' "$(by client)" '11 11 / 20 20'
served
serve ends 7300
same 'one with respect' "$(by client)" '11 11 / 13 77'

# After a reload, what is remembered is the name and not the rule.

sed -i '/^rule client/d; s/13s/18s/; s/respect/override/; s/17s/19s/' conf
holds 'reload' "$kashim" reload
same 'the new rules, the old listener' "$(by client)" '20 20 / 18 18'
same 'by the name of the link' "$(by linked)" '19 19 / 18 18'
cat >conf <<'END'
app-settings = respect
rule client { program = { "client" } idle = "11s" app-settings = override }
rule rest   { idle = "20s" }
END
holds 'one rule holds' "$kashim" reload
same 'for its program' "$(by client)" '11 11 / 20 77'
same 'for no other' "$(by other)" '20 77 / 20 77'
sed -i 's/override/respect/' conf
holds 'none holds' "$kashim" reload
served
serve client 7300
same 'a listener then' "$(by other)" '20 77 / 11 77'
served
holds 'detach them' "$kashim" detach
finish
