#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Dashboard and alerts: what promtool says of them, and that each rule about them catches its fault."""
import copy
import json
import pathlib
import sys
import tempfile

CHECKOUT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(CHECKOUT / "deploy/local"))
import monitoring

PROMETHEUS = CHECKOUT / "deploy/local/prometheus"
DASHBOARD = json.loads((CHECKOUT / "deploy/local/grafana/outrigger.json").read_text())


def what_there_is_has_no_fault():
    assert not (faults := monitoring.check_monitoring()), faults
    assert len(list(monitoring.expressions(DASHBOARD))) > 30
    assert not (said := monitoring.expression_faults(DASHBOARD)), said
    assert not (said := monitoring.promtool("check", "rules", monitoring.ALERTS)), said
    assert not (said := monitoring.promtool("test", "rules", monitoring.ALERT_TESTS)), said
    assert not (said := monitoring.promtool("check", "config", "--syntax-only", PROMETHEUS / "prometheus.yml")), said


def a_broken_expression_is_caught():
    broken = copy.deepcopy(DASHBOARD)
    next(monitoring.panels(broken))["targets"][0]["expr"] = "sum(rate(outrigger_pusher_fed_total[5m])"
    assert "parse error" in monitoring.expression_faults(broken)


def a_dashboard_that_names_what_is_not_there_is_caught():
    def refused(change, why):
        dashboard = copy.deepcopy(DASHBOARD)
        change(dashboard, list(monitoring.panels(dashboard)))
        faults = list(monitoring.dashboard_faults(dashboard))
        assert any(why in fault for fault in faults), (why, faults)

    refused(lambda d, p: p[0]["targets"][0].update(expr="outrigger_no_such_total"), "no outrigger_no_such_total")
    refused(lambda d, p: p[0]["targets"][0].update(expr="outrigger_companion_lag_bucket"), "no outrigger_companion_lag_bucket")
    refused(lambda d, p: p[0]["targets"][0].update(expr="outrigger_companion_lag{model=~\"$modle\"}"), "nobody fills in")
    refused(lambda d, p: p[0].update(description=""), "no description")
    refused(lambda d, p: p[1].update(id=p[0]["id"]), "taken")
    refused(lambda d, p: p[1].update(gridPos=p[0]["gridPos"]), "taken")
    refused(lambda d, p: d["templating"]["list"].pop(), "no variable model")


def an_alert_without_runbook_metric_or_test_is_caught():
    rules, tests = monitoring.ALERTS.read_text(), monitoring.ALERT_TESTS.read_text()

    def refused(why, new_rules=rules, new_tests=tests):
        assert (new_rules, new_tests) != (rules, tests), f"nothing was changed for {why}"
        faults = list(monitoring.alert_faults(new_rules, new_tests))
        assert any(why in fault for fault in faults), (why, faults)

    refused("LagGrows: its runbook", rules.replace("runbook: docs/runbooks/lag-grows.md", "runbook: docs/runbooks/none.md"))
    refused("LagGrows: its runbook", rules.replace("          runbook: docs/runbooks/lag-grows.md\n", ""))
    refused("no outrigger_companion_leg", rules.replace("(outrigger_companion_lag)", "(outrigger_companion_leg)"))
    refused("BrokerGone: no test in which it keeps quiet", new_tests=tests.replace("BrokerGone keeps quiet", "BrokerGone sleeps"))
    refused("there are no alerts", "groups: []")


def an_alert_that_never_fires_and_one_that_always_does_are_caught():
    rules = monitoring.ALERTS.read_text()
    for right, wrong in (("(outrigger_companion_lag) > 1000", "(outrigger_companion_lag) > 1000000"),
                         ("[10m])) > 0\n        for: 10m", "[10m])) >= 0\n        for: 10m")):
        assert right in rules, right
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "alerts.yml").write_text(rules.replace(right, wrong))
            tests = pathlib.Path(folder, "alerts_test.yml")
            tests.write_text(monitoring.ALERT_TESTS.read_text())
            assert "LagGrows" in monitoring.promtool("test", "rules", tests), wrong


for test in (what_there_is_has_no_fault, a_broken_expression_is_caught, a_dashboard_that_names_what_is_not_there_is_caught,
             an_alert_without_runbook_metric_or_test_is_caught, an_alert_that_never_fires_and_one_that_always_does_are_caught):
    test()
    print(f"{test.__name__.replace('_', ' ')}: holds")
