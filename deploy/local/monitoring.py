#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What watches Outrigger, held against what there is: the dashboard's and the alerts' metrics, runbooks and expressions.

monitoring.py targets DIR prints the services of a running directory as targets for Prometheus (file_sd).
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.parse

from layout import CHECKOUT

DASHBOARDS = CHECKOUT / "deploy/local/grafana"
ALERTS = CHECKOUT / "deploy/local/prometheus/alerts.yml"
ALERT_TESTS = CHECKOUT / "deploy/local/prometheus/alerts_test.yml"
METRICS_PAGE = CHECKOUT / "docs/metrics.md"
SERVICES = ("model_api", "data_collector", "data_pusher", "data_companion")


def documented():
    """{name: kind} of docs/metrics.md."""
    return dict(re.findall(r"^\| `(outrigger_\w+)` \| (\w+)", METRICS_PAGE.read_text(), re.MULTILINE))


def named(text):
    """The metrics that an expression names; a histogram's series by the histogram's name."""
    kinds, names = documented(), set()
    for name in re.findall(r"\boutrigger_\w+", text):
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        names.add(base if kinds.get(base) == "histogram" else name)
    return names


def panels(dashboard):
    """All panels but rows, those inside collapsed rows too."""
    for panel in dashboard["panels"]:
        yield from panels(panel) if panel["type"] == "row" else [panel]


def expressions(dashboard):
    """[(where, PromQL)] with Grafana's variables filled in as Grafana would."""
    found = [(panel["title"], target["expr"]) for panel in panels(dashboard) for target in panel["targets"]]
    fill = {"$__rate_interval": "5m", "$__interval": "1m", "$__range": "1h"} | {"$" + v["name"]: ".*" for v in dashboard["templating"]["list"]}
    for where, text in found:
        for name in sorted(fill, key=len, reverse=True):
            text = text.replace(name, fill[name])
        yield where, text


def dashboard_faults(dashboard):
    seen, cells = set(), set()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        covered = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        if panel["id"] in seen or covered & cells or at["x"] + at["w"] > 24:
            yield f"{panel['title']}: its id or its place is taken"
        seen.add(panel["id"])
        cells |= covered
    for panel in panels(dashboard):
        if not panel.get("description"):
            yield f"{panel['title']}: no description"
    wanted = {"tenant", "model"} - {variable["name"] for variable in dashboard["templating"]["list"]}
    if wanted:
        yield f"no variable {', '.join(sorted(wanted))}"
    queries = [(v["name"], v["definition"]) for v in dashboard["templating"]["list"] if "definition" in v]
    for where, text in [*expressions(dashboard), *queries]:
        if "$" in text.replace("$tenant", ""):
            yield f"{where}: a variable that nobody fills in: {text}"
        for name in sorted(named(text) - set(documented())):
            yield f"{where}: docs/metrics.md has no {name}"


def alert_faults(text, tests):
    """Rules are read line by line: they are written so, and Python has no YAML of its own."""
    blocks = re.split(r"^ +- alert: ", text, flags=re.MULTILINE)[1:]
    for block in blocks:
        name = block.split("\n", 1)[0].strip()
        runbook = re.search(r"^ +runbook: (\S+)$", block, re.MULTILINE)
        if not runbook or not re.match(r"docs/runbooks/[\w-]+\.md$", runbook[1]) or not (CHECKOUT / runbook[1]).is_file():
            yield f"{name}: its runbook is no page of docs/runbooks"
        for metric in sorted(named(block) - set(documented())):
            yield f"{name}: docs/metrics.md has no {metric}"
        for what in ("fires", "keeps quiet"):
            if not re.search(rf"^ +- name: {name} {what}$", tests, re.MULTILINE):
                yield f"{name}: no test in which it {what}"
    if not blocks:
        yield "there are no alerts"


def check_monitoring():
    """Dashboard and alerts name metrics and runbooks that there are, and each alert is tested."""
    faults = [f"deploy/local/prometheus/alerts.yml: {why}" for why in alert_faults(ALERTS.read_text(), ALERT_TESTS.read_text())]
    for file in sorted(DASHBOARDS.glob("*.json")):
        faults += [f"deploy/local/grafana/{file.name}: {why}" for why in dashboard_faults(json.loads(file.read_text()))]
    return faults


def promtool(*words, stdin=None):
    """What promtool complains about; empty: nothing."""
    done = subprocess.run(["promtool", *map(str, words)], input=stdin, capture_output=True, text=True, timeout=120, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def expression_faults(dashboard):
    """The expressions as recording rules, for promtool to parse."""
    rules = [{"record": f"panel:{number}", "expr": text} for number, (_, text) in enumerate(expressions(dashboard))]
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "rules.yml")
        file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))  # JSON is YAML
        return promtool("check", "rules", file)


def targets(directory):
    from client import read_endpoints
    env = read_endpoints(directory)
    return [{"targets": [urllib.parse.urlsplit(env[f"OUTRIGGER_ADMIN_{service.upper()}"]).netloc], "labels": {"job": service}}
            for service in SERVICES]


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] != "targets":
        sys.exit(__doc__)
    print(json.dumps(targets(sys.argv[2]), indent=1))
