#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Draws conf/grafana/kashim.json, as SVG on standard output, in its own layout,
from what the Prometheus at URL answers of SECONDS, the last ones:
picture.py URL SECONDS. It is no picture of Grafana.
"""
import html
import json
import math
import sys
import time

import dashboard

COLUMN, ROW, GAP = 50, 32, 4
COLOURS = {
    "green": "#2e8b57",
    "red": "#c4372b",
    "orange": "#e08a1e",
    "purple": "#7b52ab",
    "text": "#888888",
    "blue": "#3a6ea5",
}
PALETTE = ["#c4372b", "#3a6ea5", "#e08a1e", "#2e8b57", "#7b52ab", "#888888"]


def text(x, y, words, size=12, **attributes):
    more = "".join(
        f' {k.replace("_", "-")}="{v}"' for k, v in attributes.items()
    )
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}"{more}>'
        f"{html.escape(words)}</text>"
    )


def rectangle(x, y, w, h, colour):
    return (
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{w}" height="{h}"'
        f' fill="{colour}"/>'
    )


def value_text(panel, value):
    if panel["fieldConfig"]["defaults"]["unit"] != "s":
        return f"{value:g}"
    return f"{value / 60:.1f} min" if value >= 60 else f"{value:.1f} s"


def stat(panel, answers, x, y, w, h):
    result = answers[0]["result"]
    if not result:
        yield text(x + w / 2, y + h / 2, "no data", text_anchor="middle")
        return
    value = float(result[0]["value"][1])
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    step = [s for s in steps if s["value"] is None or value >= s["value"]][-1]
    yield rectangle(x, y + 26, w, h - 26, COLOURS[step["color"]])
    yield text(
        x + w / 2,
        y + h / 2 + 24,
        value_text(panel, value),
        28,
        text_anchor="middle",
        fill="white",
    )


def colour_of(panel, name, number):
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"]["options"] == name:
            return COLOURS[override["properties"][0]["value"]["fixedColor"]]
    return PALETTE[number % len(PALETTE)]


def lines(panel, answers, x, y, w, h, begin, end):
    legend = panel["targets"][0]["legendFormat"]
    series = {}
    for one in answers[0]["result"]:
        name = legend
        for label, value in one["metric"].items():
            name = name.replace("{{%s}}" % label, value)
        series[name] = [(t, float(v)) for t, v in one["values"]]
    top = max([v for points in series.values() for _, v in points] or [1])
    step = 10 ** math.floor(math.log10(max(top, 1)))
    step = next(s for s in (step / 2, step, 2 * step, 5 * step) if top / s <= 5)
    step = max(step, 1)
    top = step * math.ceil(top / step)
    left, right, upper, lower = x + 40, x + w - 10, y + 32, y + h - 42

    def place(at, value):
        return (
            left + (right - left) * (at - begin) / (end - begin),
            lower - (lower - upper) * value / top,
        )

    for i in range(int(top / step) + 1):
        _, at = place(begin, i * step)
        yield f'<path d="M{left} {at:.0f}H{right}" stroke="#ddd"/>'
        yield text(left - 6, at + 4, f"{i * step:g}", 11, text_anchor="end")
    for second in range(0, int(end - begin), 30):
        at, _ = place(begin + second, 0)
        yield text(at, lower + 15, f"{second} s", 11, text_anchor="middle")
    for number, (name, points) in enumerate(sorted(series.items())):
        colour = colour_of(panel, name, number)
        path, last = "", None
        for at, value in points:
            where = "%.0f %.0f" % place(at, value)
            path += ("M" if last is None or at - last > 5 else "L") + where
            last = at
        yield f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        at = left + (right - left) * number / len(series)
        yield rectangle(at, lower + 24, 10, 10, colour)
        yield text(at + 15, lower + 33, name, 12)


def table(panel, answers, x, y, w, h):
    options = panel["transformations"][-1]["options"]
    rows, columns = {}, []
    for target, answer in zip(panel["targets"], answers):
        value = "Value" if len(answers) == 1 else f"Value #{target['refId']}"
        for one in answer["result"]:
            cells = rows.setdefault(json.dumps(one["metric"], sort_keys=True), {})
            cells.update(one["metric"])
            cells[value] = value_text(panel, float(one["value"][1]))
            columns += [c for c in sorted(one["metric"]) if c not in columns]
        columns += [value]
    columns = [c for c in columns if not options["excludeByName"].get(c)]
    if not rows:
        columns = []
        yield text(x + 10, y + 45, panel["fieldConfig"]["defaults"]["noValue"])
    texts = []
    for column in columns:
        name = options["renameByName"].get(column, column)
        texts.append([name] + [row.get(column, "") for row in rows.values()])
    wide = [2 + max(len(cell) for cell in column) for column in texts]
    at = x + 10
    for column, width in zip(texts, wide):
        yield text(at, y + 42, column[0], fill="#777")
        for number, cell in enumerate(column[1:]):
            yield text(at, y + 62 + 18 * number, cell)
        at += (w - 20) * width / sum(wide)


def draw(board, url, seconds):
    end = time.time()
    begin = end - seconds
    grids = [panel["gridPos"] for panel in board["panels"]]
    width = dashboard.COLUMNS * COLUMN
    height = ROW * max(grid["y"] + grid["h"] for grid in grids)
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        f' font-family="sans-serif" fill="#222">'
    )
    yield rectangle(0, 0, width, height, "#eef0f2")
    for panel, grid in zip(board["panels"], grids):
        x, y = grid["x"] * COLUMN + GAP, grid["y"] * ROW + GAP
        w, h = grid["w"] * COLUMN - 2 * GAP, grid["h"] * ROW - 2 * GAP
        yield rectangle(x, y, w, h, "white")
        size = 13 if panel["type"] != "stat" else 10
        yield text(x + 6, y + 18, panel["title"], size, font_weight="bold")
        expr = [dashboard.expression(board, t, []) for t in panel["targets"]]
        if panel["type"] == "timeseries":
            span = {"start": begin, "end": end, "step": 2}
            answers = [
                dashboard.get(url, "query_range", query=e, **span) for e in expr
            ]
            yield from lines(panel, answers, x, y, w, h, begin, end)
        else:
            answers = [dashboard.get(url, "query", query=e) for e in expr]
            form = stat if panel["type"] == "stat" else table
            yield from form(panel, answers, x, y, w, h)
    yield "</svg>"


if __name__ == "__main__":
    with open(dashboard.FILE, encoding="utf-8") as file:
        print("\n".join(draw(json.load(file), sys.argv[1], int(sys.argv[2]))))
