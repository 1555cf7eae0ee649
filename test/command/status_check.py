#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Judges what kashim status printed. status_check.py WHAT ARGUMENT...

schema SCHEMA JSON          is JSON what SCHEMA describes, and consistent
options JSON HOST...        has each socket the options that its own program
                            told: HOST is the output of tcp_host.py
ss JSON SS                  the same connections, states and timers as SS, the
                            output of ss -tnoH
list JSON LIST              the same connections as in LIST, for awk
openmetrics JSON TEXT       right for a strict parser, and the same counts
exported JSON METRICS       does METRICS, from node_exporter, have them too
silent JSON DIRECTION S     has a connection that way been silent for S seconds
rows JSON                   prints "NAME REMOTE VERDICT RULE DIRECTION"

Prints what is wrong; the exit status is 1 then.
"""
import collections
import json
import re
import sys

problems = []


def wrong(*what):
    problems.append(" ".join(map(str, what)))


def text(end):
    host, port = end["address"], end["port"]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def ends(connection):
    return text(connection["local"]), text(connection["remote"])


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def schema(path, output):
    import jsonschema

    rules, data = load(path), load(output)
    # Before jsonschema 4 there is no newer one; what we use is in both.
    draft = getattr(jsonschema, "Draft202012Validator",
                    jsonschema.Draft7Validator)
    draft.check_schema(rules)
    for error in draft(rules).iter_errors(data):
        wrong(list(error.absolute_path), error.message)
    summary, rows = data["summary"], data["connections"]
    if summary["connections"] != len(rows):
        wrong("summary: connections")
    for verdict in ("ok", "differs", "off", "no rule", "unknown"):
        count = sum(row["verdict"] == verdict for row in rows)
        if summary[verdict.replace(" ", "_")] != count:
            wrong("summary:", verdict)
    for row in rows:
        have, rule, differs = row["options"], row["rule"], []
        if have and rule and rule["options"]:
            differs = [
                name
                for name, value in rule["options"].items()
                if value is not None and have[name] != value
            ]
        verdict = row["verdict"]
        if verdict in ("differs", "off") and not row["differs"]:
            wrong(ends(row), verdict, "but nothing does")
        if not set(row["differs"]) <= set(differs):
            wrong(ends(row), row["differs"], "is not", differs)
        if verdict == "off" and have["enabled"]:
            wrong(ends(row), "is off and on")
        if (verdict == "no rule") != (rule is None) and verdict != "unknown":
            wrong(ends(row), verdict, rule)
        if (verdict == "unknown") != (row["reason"] is not None):
            wrong(ends(row), verdict, row["reason"])


def options(output, *hosts):
    rows = collections.defaultdict(list)
    for row in load(output)["connections"]:
        have = row["options"]
        if have:
            rows[ends(row)].append([int(value) for value in have.values()])
    for host in hosts:
        with open(host, encoding="utf-8") as file:
            told = [line.split() for line in file]
        for line in told:
            if len(line) != 8 or line[2] == "-":
                continue
            values = [int(value) for value in line[3:]]
            if values not in rows[line[1], line[2]]:
                wrong(line[1], line[2], values, rows[line[1], line[2]])


def seconds(words):
    # Of 2.248 seconds ss says "2.248ms".
    words = re.sub(r"(\d\.\d+)ms", r"\1sec", words)
    units = {"ms": 0.001, "sec": 1, "min": 60, "hour": 3600, "day": 86400}
    return sum(
        float(number) * units[unit]
        for number, unit in re.findall(r"([\d.]+)(ms|sec|min|hour|day)", words)
    )


def plain(end):
    return re.sub(r"^\[::ffff:([\d.]+)\]", r"\1", end)


def ss(output, path):
    names = {"established": "ESTAB"}
    rows = {ends(row): row for row in load(output)["connections"]}
    seen = set()
    with open(path, encoding="utf-8") as file:
        for line in file:
            state, _, _, local, remote, *more = line.split()
            pair = plain(local), plain(remote)
            row = rows.get(pair)
            seen.add(pair)
            if not row:
                wrong("only ss knows", pair)
                continue
            if names.get(row["state"], row["state"].upper()) != state:
                wrong(pair, state, row["state"])
            timer = re.search(r"timer:\((\w+),([^,]*),(\d+)\)", " ".join(more))
            if timer and timer[1] == "keepalive":
                # Nothing is sent here, so that the timer says it; from an
                # hour on, without seconds.
                off = abs(seconds(timer[2]) - row["next_probe_s"])
                if off > (5 if "sec" in timer[2] else 65):
                    wrong(pair, timer[0], row["next_probe_s"])
                if int(timer[3]) != row["unanswered_probes"]:
                    wrong(pair, timer[0], row["unanswered_probes"])
            elif row["next_probe_s"] is not None:
                wrong(pair, "no timer", row["next_probe_s"])
            if bool(timer) != (row["next_packet_s"] is not None):
                wrong(pair, timer, row["next_packet_s"])
    for pair in set(rows) - seen:
        wrong("ss does not know", pair)
    if not seen:
        wrong("ss knows nothing")


def looked_after(row):
    by = row["looked_after_by"]
    return "-" if by is None else ",".join(by) or "nobody"


def listing(output, path):
    def word(name):
        return "".join(
            chr(byte) if 32 < byte < 127 and byte != 92 else f"\\{byte:03o}"
            for byte in name.encode()
        )

    def number(value):
        return "-" if value is None else f"{value:g}"

    lines, header = collections.Counter(), None
    with open(path, encoding="ascii") as file:
        for line in file:
            words = line.split()
            if header is None:
                header = words
            elif not line.startswith("#"):
                if len(words) != len(header):
                    wrong("columns:", line)
                lines[tuple(words[:11] + words[14:])] += 1
    for row in load(output)["connections"]:
        process, have, rule = row["process"], row["options"], row["rule"]
        values = ["-"] * 5
        if have:
            values = [
                "on" if have["enabled"] else "off",
                number(have["idle_s"]),
                number(have["interval_s"]),
                number(have["count"]),
                number(have["user_timeout_ms"] / 1000),
            ]
        words = (
            word(process["name"]) if process else "-",
            number(process["pid"]) if process else "-",
            row["direction"] or "-",
            *ends(row),
            row["state"],
            *values,
            row["verdict"].replace(" ", "-"),
            word(rule["name"]) if rule else "-",
            looked_after(row),
        )
        # What is no UTF-8 in its name, JSON cannot have.
        if process and "\ufffd" in process["name"]:
            words = next((line for line in lines if line[1] == words[1]), words)
        if not lines[words]:
            wrong("not in the list:", words)
        lines[words] -= 1
    if sum(lines.values()):
        wrong("only in the list:", +lines)


def expected(output):
    """What the metrics have to be, as {(name, labels): value}."""
    data = load(output)
    summary = data["summary"]
    counts = collections.Counter()
    lost = collections.Counter()
    kept = collections.Counter()
    by = collections.Counter()
    for row in data["connections"]:
        program = ""
        if row["process"] and row["verdict"] != "unknown":
            program = row["process"]["name"]
        rule = row["rule"]["name"] if row["rule"] else ""
        key = ("program", program), ("rule", rule)
        counts[key + (("verdict", row["verdict"]),)] += 1
        lost[key] += row["unanswered_probes"] or 0
        timeout = row["rule"] and row["rule"]["firewall_timeout_s"]
        if row["rule"] and row["rule"]["action"] == "keepalive":
            by.update(looked_after(row).split(","))
        kept[key] += bool(
            timeout
            and row["rule"]["action"] == "keepalive"
            and row["time_left_s"] > 0
            and row["data_silence_s"] > timeout
        )
    samples = {("kashim_connections", key): n for key, n in counts.items()}
    for key, n in lost.items():
        samples["kashim_unanswered_probes", key] = n
    for key, n in kept.items():
        samples["kashim_connections_kept_alive", key] = n
    if summary["kept_alive"] != sum(kept.values()):
        wrong("kept_alive", summary["kept_alive"], "not", kept)
    for name in (
        "listeners_without_options",
        "processes_not_permitted",
        "namespaces_not_listed",
    ):
        samples["kashim_" + name, ()] = summary[name]
    for name in "library", "supervisor", "kernel", "nobody", "unknown":
        key = (("by", name),)
        samples["kashim_connections_looked_after", key] = by[
            name if name != "unknown" else "-"
        ]
    groups = data["attached"]
    samples["kashim_attached_not_known", ()] = int(groups is None)
    if groups is not None:
        left = [group for group in groups if not group["gone"]]
        name = "kashim_attached_control_groups"
        samples[name, ()] = len(groups)
        samples[name + "_gone", ()] = len(groups) - len(left)
        samples[name + "_incomplete", ()] = sum(
            group["incomplete"] for group in left
        )
        samples[name + "_with_older_policy", ()] = sum(
            group["in_force"] is not True for group in left
        )
        samples.update(counters(left))
    samples["kashim_covered", ()] = int(summary["covered"])
    samples["kashim_build_info", (("version", data["kashim"]),)] = 1
    return samples


def counters(groups):
    """The samples of what was counted for control groups."""
    samples = {}
    for group in groups:
        counts = group["counts"] or {}
        name = group["cgroup"]
        if not name or "\ufffd" in name:
            name = f"control group {group['number']}"
        where = ("cgroup", name)
        for key, value in counts.items():
            if key == "held":
                name, labels = "settings_held", (where,)
            elif key == "failed":
                name, labels = "failures", (where,)
            else:
                result = ("result", key.replace("_", " "))
                name, labels = "connections", (where, result)
            samples["kashim_attached_" + name + "_total", labels] = value
    return samples


def compare(output, samples):
    probes = "kashim_unanswered_probes"
    for (name, labels), value in expected(output).items():
        got = samples.pop((name, labels), None)
        # Between two runs one more may have gone out.
        if got is None or (got != value and name != probes):
            wrong(name, labels, value, "but", got)
    for name, labels in samples:
        if name not in (
            "kashim_data_silence_seconds",
            "kashim_firewall_timeout_seconds",
            "kashim_firewall_timeout_left_seconds",
            "kashim_policy_older_than_text",
            "kashim_processes_with_older_policy",
            "kashim_run_timestamp_seconds",
        ):
            wrong("unexpected", name, labels)


def labels_of(labels):
    return tuple(sorted((k, v) for k, v in labels.items()))


def openmetrics(output, path):
    from prometheus_client.openmetrics import parser

    samples = {}
    with open(path, encoding="utf-8", newline="") as file:
        content = file.read()
    for family in parser.text_string_to_metric_families(content):
        if not family.documentation:
            wrong(family.name, "without HELP")
        for sample in family.samples:
            if sample.name.endswith("_total") != (family.type == "counter"):
                wrong(sample.name, "is a", family.type)
            samples[sample.name, labels_of(sample.labels)] = sample.value
    compare(output, samples)


def exported(output, path):
    from prometheus_client import parser

    samples = {}
    with open(path, encoding="utf-8") as file:
        for family in parser.text_string_to_metric_families(file.read()):
            for sample in family.samples:
                key = sample.name, labels_of(sample.labels)
                if sample.name.startswith("kashim_"):
                    samples[key] = sample.value
                if sample.name == "node_textfile_scrape_error":
                    if sample.value != 0:
                        wrong("node_textfile_scrape_error", sample.value)
                    samples["error", ()] = 0
    if samples.pop(("error", ()), None) is None:
        wrong("no node_textfile_scrape_error")
    compare(output, samples)


def silent(output, direction, least):
    for row in load(output)["connections"]:
        if row["direction"] == direction and row["silence_s"] >= float(least):
            return
    wrong("none is silent for", least)


def rows(output):
    for row in load(output)["connections"]:
        print(
            row["process"]["name"] if row["process"] else "-",
            text(row["remote"]),
            row["verdict"].replace(" ", "-"),
            row["rule"]["name"] if row["rule"] else "-",
            row["direction"] or "-",
        )


CHECKS = {
    "schema": schema,
    "options": options,
    "ss": ss,
    "list": listing,
    "openmetrics": openmetrics,
    "exported": exported,
    "silent": silent,
    "rows": rows,
}
CHECKS[sys.argv[1]](*sys.argv[2:])
print("\n".join(problems), end="\n" if problems else "")
sys.exit(1 if problems else 0)
