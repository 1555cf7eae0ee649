#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What conf/grafana/kashim.json shows, for the tests and for its picture.

dashboard.py lint: prints what is wrong with its form.
dashboard.py ask URL [HOST...]: puts its queries to the Prometheus there, for
these hosts or for all, and prints the answers, a line for each value.
"""
import json
import pathlib
import re
import sys
import urllib.parse
import urllib.request

FILE = pathlib.Path(__file__).parents[2] / "conf/grafana/kashim.json"
COLUMNS = 24


def variable(board, name):
    return next(v for v in board["templating"]["list"] if v["name"] == name)


def fields(panel):
    """The names of fields that its transformations speak of."""
    for transformation in panel.get("transformations", []):
        for names in transformation["options"].values():
            yield from names


def lint(board):
    cells, ids, titles = set(), set(), set()
    variables = {v["name"] for v in board["templating"]["list"]}
    for panel in board["panels"]:
        title, grid = panel["title"], panel["gridPos"]
        place = {
            (x, y)
            for x in range(grid["x"], grid["x"] + grid["w"])
            for y in range(grid["y"], grid["y"] + grid["h"])
        }
        if place & cells or grid["x"] + grid["w"] > COLUMNS:
            yield f"{title}: its place"
        if panel["id"] in ids or title in titles:
            yield f"{title}: there is another one"
        if not panel["description"].endswith("."):
            yield f"{title}: no description"
        references = [t["refId"] for t in panel["targets"]]
        if len(set(references)) < len(references) or not references:
            yield f"{title}: refId"
        for it in [panel] + panel["targets"]:
            if it["datasource"] != {
                "type": "prometheus",
                "uid": "${datasource}",
            }:
                yield f"{title}: datasource"
        for target in panel["targets"]:
            used = set(re.findall(r"\$\{?(\w+)", target["expr"]))
            if used != {"instance"} or not used <= variables:
                yield f"{title}: variables: {used}"
            if panel["type"] != "timeseries" and not target["instant"]:
                yield f"{title}: not instant"
        cells |= place
        ids.add(panel["id"])
        titles.add(title)


def get(url, path, **parameters):
    query = urllib.parse.urlencode(parameters)
    with urllib.request.urlopen(f"{url}/api/v1/{path}?{query}") as answer:
        return json.load(answer)["data"]


def expression(board, target, hosts):
    """As Grafana fills it in: a regular expression where several can be."""
    value = "|".join(re.escape(host) for host in hosts)
    if len(hosts) > 1:
        value = f"({value})"
    value = value or variable(board, "instance")["allValue"]
    return target["expr"].replace("$instance", value.replace("\\", "\\\\"))


def missing(panel, target, labels):
    """What is to be shown of a series that has these labels, and is not there."""
    shown = set(re.findall(r"{{(\w+)}}", target.get("legendFormat", "")))
    values = {"Time", "Value"}
    if len(panel["targets"]) > 1:
        values = {"Time"} | {f"Value #{t['refId']}" for t in panel["targets"]}
    return (shown | set(fields(panel))) - values - set(labels)


def ask(board, url, *hosts):
    query = variable(board, "instance")["query"]["query"]
    metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", query).groups()
    names = get(url, f"label/{label}/values", **{"match[]": metric})
    yield f"$instance: {' '.join(names)}"
    for panel in board["panels"]:
        for target in panel["targets"]:
            title = f"{panel['title']}, {target['refId']}:"
            expr = expression(board, target, hosts)
            series = get(url, "query", query=expr)["result"]
            if not series:
                yield f"{title} no data"
            labels = {name for one in series for name in one["metric"]}
            if series and missing(panel, target, labels):
                yield f"{title} no {missing(panel, target, labels)}"
            for one in series:
                words = [f"{k}={v}" for k, v in sorted(one["metric"].items())]
                yield " ".join([title, *words, one["value"][1]])


if __name__ == "__main__":
    verbs = {"lint": lint, "ask": ask}
    with open(FILE, encoding="utf-8") as file:
        lines = verbs[sys.argv[1]](json.load(file), *sys.argv[2:])
    print("\n".join(lines))
