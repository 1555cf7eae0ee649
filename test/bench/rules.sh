# shellcheck shell=sh
# SPDX-License-Identifier: ISC
#
# rules N SETTINGS: a policy of N rules, an address each, of which the last is
# ours; all of them have the settings, too. To be sourced.
rules() {
	awk -v n="$1" -v settings="$2" 'BEGIN {
		for (i = 0; i < n - 1; i++)
			printf "rule r%d { destination = \"10.%d.%d.%d\" " \
				"idle = %d %s }\n", i, i / 65536, \
				i / 256 % 256, i % 256, i % 3000 + 1, settings
		printf "rule last { port = \"1-65535\" idle = 300 %s }\n", \
			settings
	}'
}
