#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The main job: from a manifest to scores in the history of its own arms, and away again without a trace."""
import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from flow import CHECKOUT, DOUBLE, SERVICES, Flow, Refusal, environment, now, run, until, working_directory
import monitoring

SECRET = "registry-password-5f1c9a"

WITH_COMMENTS = """{
  // as a data scientist writes it
  "manifest": {
    "name": "watch-arms", "description": "see https://example.org // no comment /* nor this */",
    "model": {"type": "http", "scoreEndpoint": "/score", "healthCheckEndpoint": "/health", "hosted": "internal",
      "container": {"image": "double", "tag": "1", /* private */
        "customRegistry": {"registry": "imageregistry.com", "username": "user", "password": "%s"}}},
    "trigger": {"type": "REAL_TIME"},
    "inputs": [{"dataColumnName": "temperature", "readAsString": false}],
    "outputs": [{"dataColumnName": "anomalyScore", "readAsString": false}, {"dataColumnName": "warningLevel", "readAsString": true}]
  }
}""" % SECRET

YAML = """
name: watch-one
model:
  type: http
  scoreEndpoint: /score
  healthCheckEndpoint: /health
  hosted: internal
  container: {image: traced, tag: "1"}
trigger: {type: REAL_TIME}
inputs: [{dataColumnName: temperature, readAsString: false}]
outputs:
  - {dataColumnName: anomalyScore, readAsString: false}
  - {dataColumnName: warningLevel, readAsString: true}
"""

# Keeps the traces it was asked with in its folder.
TRACED = DOUBLE + '''
def answer_score(handler, body):
    with open("traces", "a") as file:
        file.write(handler.headers["traceparent"] + "\\n")
    handler.reply(200, score(json.loads(body)))
'''
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def expect_one_trace_from_the_sender_to_the_model_and_back(flow, asset, model, ms):
    sample = {"asset": asset, "time": ms, "values": {"Temperature": 7}}
    headers = {"Authorization": f"Bearer {flow.client.token}", "Content-Type": "application/json", "traceparent": f"00-{TRACE}-{SPAN}-01"}
    status, _, _ = flow.client.request("data_collector", "POST", "/api/v1/telemetry", json.dumps(sample).encode(), headers)
    assert status == 202, status
    flow.expect_scores(asset, {ms: 7})

    asked = [line for line in pathlib.Path(working_directory(flow.models(model)[0]), "traces").read_text().split() if TRACE in line]
    assert len(asked) == 1 and re.fullmatch(f"00-{TRACE}-[0-9a-f]{{16}}-01", asked[0]) and SPAN not in asked[0], asked
    said = [headers for _, headers, value in flow.records("out.default") if value["assetId"] == asset and ms in value["time"]]
    assert [headers["traceparent"] for headers in said] == asked, said
    made = [headers for _, headers, value in flow.records("telemetry") if value["asset"] == asset and value["time"] == ms]
    assert [(headers.get("model"), headers["traceparent"]) for headers in made] == [(None, f"00-{TRACE}-{SPAN}-01"), (model, asked[0])], made


def expect_every_metric_that_is_watched(flow):
    answered = "".join(flow.service_metrics(service) for service in SERVICES)
    dashboard = json.loads((CHECKOUT / "deploy/local/grafana/outrigger.json").read_text())
    wanted = monitoring.named("".join(text for _, text in monitoring.expressions(dashboard)) + monitoring.ALERTS.read_text())
    missing = wanted - set(re.findall(r"^# TYPE (\w+) ", answered, re.MULTILINE)) - {"outrigger_http_refused_total"}  # none was
    assert len(wanted) > 30 and not missing, missing


def refused(flow, status, method, path, document=None):
    try:
        answer = flow.client.api(method, path, document)
    except Refusal as refusal:
        assert refusal.status == status, refusal
        return refusal.document
    raise AssertionError(f"expected {status} for {method} {path}, got {answer}")


def a_model_by_type_and_one_by_asset_score_every_sample_once():
    with Flow("main-job") as flow:
        flow.image("double")
        flow.image("traced", TRACED)
        flow.robot_arms("X1", "X2", "Y1")
        flow.robot_arms("M1", type="mill")
        flow.robot_arms("L1", type="lathe")
        flow.submit(flow.manifest("watch-edge", "edge-runtime", container={"image": "edge-runtime", "tag": "latest"}), flow.sides(assetType="lathe"))
        flow.client.api("POST", "/models", WITH_COMMENTS)
        flow.client.api("PUT", "/models/watch-arms/mappings", flow.sides(assetType="robot-arm"))
        flow.client.api("POST", "/models", YAML, type="application/yaml")
        flow.client.api("PUT", "/models/watch-one/mappings", flow.sides(asset="M1"))
        for name in ("watch-arms", "watch-one", "watch-edge"):
            flow.deploy(name)
        assert flow.client.model("watch-arms")["status"]["assets"] == 3

        base = now() - 3_600_000
        sent = {asset: {base + i * 1000: 20.5 + n + i / 4 for i in range(150)} for n, asset in enumerate(("X1", "X2", "Y1", "M1"))}
        for asset, points in sent.items():
            flow.send(asset, points)
        flow.send("X1", sent["X1"])  # a repeat is not a new cause

        for asset, points in sent.items():
            flow.expect_scores(asset, points)
        rows = flow.out_rows("watch-arms") + flow.out_rows("watch-one")
        assert len(rows) == len({(asset, ms) for asset, ms, _ in rows}) == 600, len(rows)
        assert all(c["anomalyScore"] == sent[a][ms] * 2 + 1 and c["warningLevel"] == ("WARNING" if sent[a][ms] > 50 else "NORMAL")
                   for a, ms, c in rows)
        items = until("450 outputs in the table", lambda: flow.client.outputs("watch-arms", base, base + 150_000), ok=lambda i: len(i) == 450)
        assert {item["assetId"] for item in items} == {"X1", "X2", "Y1"}
        latest = flow.client.latest("X2")
        assert latest["Anomaly Score"] == {"time": base + 149_000, "value": sent["X2"][base + 149_000] * 2 + 1}, latest

        before = flow.client.model("watch-arms")
        assert "ACTIVE" in str(refused(flow, 409, "DELETE", "/models/watch-arms"))
        refused(flow, 409, "PUT", "/models/watch-arms/mappings", flow.sides(assetType="robot-arm"))
        refused(flow, 409, "POST", "/models/watch-arms/deploy")
        after = flow.client.model("watch-arms")
        assert {k: after[k] for k in ("generation", "manifest", "mappings")} == {k: before[k] for k in ("generation", "manifest", "mappings")}
        assert SECRET not in str(after)

        expect_one_trace_from_the_sender_to_the_model_and_back(flow, "M1", "watch-one", base + 500_000)
        expect_every_metric_that_is_watched(flow)
        assert "outrigger_edge_rows_total" in flow.metrics("http://127.0.0.1:" + environment(flow.models("watch-edge")[0])["PORT"])
        assert 'model="watch-arms"' in flow.service_metrics("data_companion")

        for name in ("watch-arms", "watch-one", "watch-edge"):
            flow.withdraw(name)
            flow.expect_nothing_left(name)
            until(f"no series of {name}", lambda: f'model="{name}"' not in flow.service_metrics("data_companion"))
        flow.send("X1", {base + 999_000: 30.0})
        states = [row["to"] for row in flow.client.api("GET", "/models/watch-arms/state-history")["items"]]
        assert states == ["DRAFT", "WITHDRAWING", "ACTIVE", "DEPLOYING", "DRAFT"], states
        until("the late sample in history", lambda: flow.read("X1", "Temperature", base + 999_000, base + 999_001))
        assert not flow.read("X1", "Anomaly Score", base + 999_000, base + 999_001)
        for name in ("watch-arms", "watch-one", "watch-edge"):
            flow.remove(name)
        for path in flow.dir.rglob("*"):
            if path.is_file() and path.exists():
                assert SECRET.encode() not in path.read_bytes(), f"the registry's password stands in {path}"


if __name__ == "__main__":
    run(a_model_by_type_and_one_by_asset_score_every_sample_once)
