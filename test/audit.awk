# SPDX-License-Identifier: ISC
# For audit.sh: which outer symbols can be reached from the functions in
# "roots", through the relocations of object files as "readelf -S -s -r -W"
# shows them. It walks from section to section, so every function and table
# has to have one of its own to be told apart. It does not go past "gates".

# Where a symbol is: a section's own, a local one, one of any object, or "".
function place(file, symbol) {
	if ((file, symbol) in section)
		return file SUBSEP symbol
	if ((file, symbol) in local)
		return local[file, symbol]
	return symbol in global ? global[symbol] : ""
}

function visit(node) {
	if (!(node in seen)) {
		seen[node] = 1
		todo[++last] = node
	}
}

/^File: / { file = $2; part = "" }
/^Section Headers:/ { part = "sections" }
/^Relocation section / {
	part = "relocations"
	from = $3
	gsub(/'/, "", from)
	sub(/^\.rela?/, "", from)
}
/^Symbol table / { part = "symbols" }

part == "sections" && /^ *\[ *[0-9]+\] [._a-zA-Z]/ {
	sub(/^ *\[ */, "")
	number = $1 + 0
	name[file, number] = $2
	section[file, $2] = 1
}

part == "symbols" && $1 ~ /^[0-9]+:$/ && NF >= 8 && $7 ~ /^[0-9]+$/ {
	node = file SUBSEP name[file, $7 + 0]
	if ($5 == "LOCAL")
		local[file, $8] = node
	else
		global[$8] = node
	if ($4 == "FUNC")
		function_at[$8] = node
}

part == "relocations" && $3 ~ /^R_/ {
	count++
	edge_file[count] = file
	edge_from[count] = file SUBSEP from
	edge_to[count] = $5
}

END {
	for (i = 1; i <= count; i++)
		edges[edge_from[i]] = edges[edge_from[i]] " " i
	n = split(gates, gate, " ")
	for (i = 1; i <= n; i++)
		if (gate[i] in function_at)
			closed[function_at[gate[i]]] = gate[i]
	n = split(roots, root, " ")
	for (i = 1; i <= n; i++)
		if (root[i] in global)
			visit(global[root[i]])
	for (at = 1; at <= last; at++) {
		n = split(edges[todo[at]], list, " ")
		split(todo[at], half, SUBSEP)
		who = half[2]
		sub(/^\.text\./, "", who)
		for (i = 1; i <= n; i++) {
			to = place(edge_file[list[i]], edge_to[list[i]])
			if (to == "")
				print edge_to[list[i]] " " who
			else if (to in closed)
				print "gate " closed[to]
			else
				visit(to)
		}
	}
}
