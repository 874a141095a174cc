#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""When parts are gone: PostgreSQL, model_api, Kafka, a model, data_pusher. What goes on goes on, what waits says so and
catches up, and nothing that was acknowledged is lost."""
import http.client
import json
import pathlib
import re
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from flow import DOUBLE, Flow, NoAnswer, Refusal, now, run, until

SERVICES = ("model_api", "data_collector", "data_pusher", "data_companion")
MOODY = DOUBLE + """
gate = os.environ['GATE']
def answer_health(handler, body):
    handler.reply(503 if os.path.exists(gate) else 200, {})
def answer_score(handler, body):
    handler.reply(*((500, {}) if os.path.exists(gate) else (200, score(json.loads(body)))))
"""


class Stream(threading.Thread):
    """A live stream of one asset: the times of each telemetry that were told."""

    def __init__(self, flow, asset):
        super().__init__(daemon=True)
        url = urllib.parse.urlsplit(flow.client.env["OUTRIGGER_DATA_PUSHER"])
        self.connection = http.client.HTTPConnection(url.hostname, url.port, timeout=300)
        self.connection.request("GET", f"/api/v1/telemetry/stream?asset={asset}", headers={"Authorization": f"Bearer {flow.client.token}"})
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200, self.answer.status
        self.told = {"Temperature": set(), "Anomaly Score": set(), "Warning Level": set()}
        self.answer.readline()  # the comment that says from where on
        self.start()

    def run(self):
        try:
            for line in self.answer:
                if line.startswith(b"data: {\"asset\""):
                    event = json.loads(line[6:])
                    for telemetry in event["values"]:
                        self.told[telemetry].add(event["time"])
        except (OSError, http.client.HTTPException, ValueError):
            pass  # it ended; what was told counts

    def expect(self, times, within=60):
        for telemetry in ("Temperature", "Anomaly Score"):
            until(f"{telemetry} in the live stream", lambda: times - self.told[telemetry], within, ok=lambda missing: not missing)


class Sender:
    """Samples of one asset at times of their own, acknowledged one batch after the other."""

    def __init__(self, flow, asset):
        self.flow, self.asset, self.next, self.sent = flow, asset, now(), {}

    def batch(self, count):
        points = {self.next + i: float((self.next + i) % 90) for i in range(count)}
        self.next += count
        return points

    def send(self, count=60):
        points = self.batch(count)
        self.flow.send(self.asset, points, batch=10)
        self.sent |= points
        return points

    def expect(self, within=90):
        """History has each sample and exactly one right score for it."""
        self.flow.expect_scores(self.asset, self.sent, within)
        low, high = min(self.sent), max(self.sent) + 1
        until(f"the temperatures of {self.asset}", lambda: dict(self.flow.read(self.asset, "Temperature", low, high) or ()), within,
              ok=lambda stored: stored == self.sent)


def refused(flow, service, method, path, body=None):
    """Whether it is answered 503, with a time to come back and words for a person."""
    status, headers, raw = flow.client.request(service, method, "/api/v1" + path, json.dumps(body) if body else None,
                                               {"Authorization": f"Bearer {flow.client.token}", "Content-Type": "application/json"})
    assert status == 503, (method, path, status, raw[:300])
    assert int(headers["Retry-After"]) > 0 and json.loads(raw)["detail"], (path, headers.items(), raw[:300])


def scored(flow, points):
    return {ms for _, ms, _ in flow.out_rows("watch-arms")} >= set(points)


def without_postgres(flow, arms):
    stream = Stream(flow, arms.asset)
    with flow.gone("postgres"):
        points = arms.send()
        until("scores in out while PostgreSQL is gone", lambda: scored(flow, points), 60)
        stream.expect(set(points))
        refused(flow, "data_pusher", "GET", f"/assets/{arms.asset}/telemetry/Temperature")
        refused(flow, "data_pusher", "GET", "/models/watch-arms/outputs")
        refused(flow, "model_api", "GET", "/models/watch-arms")
        refused(flow, "model_api", "PUT", "/models/watch-arms/mappings", flow.sides(assetType="robot-arm"))
        refused(flow, "model_api", "POST", "/models/watch-arms/withdraw")
        for service in ("data_collector", "data_pusher", "data_companion"):
            assert flow.ready(service), f"{service} is not ready, and does not need PostgreSQL"
        latest = flow.client.call("data_pusher", "GET", f"/assets/{arms.asset}/latest")
        assert latest["values"]["Temperature"]["time"] == max(points), latest
    arms.expect()


def without_model_api(flow, arms):
    stream = Stream(flow, arms.asset)
    with flow.frozen("model_api"):
        points = arms.send()
        before = flow.kill("data_companion")
        until("another companion host", lambda: flow.pid("data_companion"), 60, ok=lambda pid: pid != before)
        points |= arms.send()
        arms.expect()
        stream.expect(set(points))
    until("model_api to answer", lambda: flow.state("watch-arms"), 60, ok=lambda state: state == "ACTIVE")


def without_kafka(flow, arms):
    arms.send()  # acknowledged, and perhaps nowhere else yet
    attempts = []
    with flow.gone("kafka"):
        points = arms.batch(10)
        while not attempts or attempts[-1] != 503:  # a request that was under way may be in doubt
            try:
                flow.client.send([{"asset": arms.asset, "time": ms, "values": {"Temperature": v}} for ms, v in points.items()], timeout=60)
                raise AssertionError("samples were acknowledged without Kafka")
            except Refusal as refusal:
                attempts.append(refusal.status)
            except NoAnswer:
                attempts.append(0)
            assert len(attempts) < 20, attempts
        for service in SERVICES:
            assert flow.client.request("admin_" + service, "GET", "/livez", timeout=30)[0] == 200, service
        operation = flow.client.api("POST", "/models/late/deploy")
        waiting = until("a reason in the operation", lambda: flow.client.api("GET", f"/operations/{operation['operation']}"), 60,
                        ok=lambda o: o["status"] != "RUNNING" or any(step["error"] for step in o["steps"]))
        assert waiting["status"] == "RUNNING", waiting
    flow.send(arms.asset, points)  # as a careful device: again until it is acknowledged
    arms.sent |= points
    arms.expect()
    ended = flow.client.operation(operation)
    assert ended["status"] == "DONE", ended
    rows = [(asset, ms) for asset, ms, _ in flow.out_rows("watch-arms")]
    assert len(rows) == len(set(rows)), "a sample was scored twice"


def metric(flow, name, model):
    text = flow.client.request("admin_data_companion", "GET", "/metrics")[2].decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
               if re.match(rf"{name}{{.*model=\"{model}\"", line))


def without_the_model(flow, arms, press, gate):
    gate.touch()
    until("the model being found unwell", lambda: flow.state("moody"), 60, ok=lambda state: state == "RECOVERING")
    asked = metric(flow, "outrigger_companion_requests_total", "moody")
    press.send(200)
    arms.send()
    arms.expect()  # others go on
    until("the lag of the feed", lambda: metric(flow, "outrigger_companion_lag", "moody"), 60, ok=lambda lag: lag >= 200)
    assert metric(flow, "outrigger_companion_requests_total", "moody") == asked, "a try was spent on a model that is not healthy"
    assert not flow.read(press.asset, "Anomaly Score", min(press.sent), press.next)


def without_the_pusher(flow, arms, press, gate):
    """Begins with a feed that waits for its model, which comes back while the pusher is gone."""
    with flow.gone("data_pusher"):
        arms.send()
        gate.unlink()
        until("the feed drained", lambda: {ms for _, ms, _ in flow.out_rows("moody")} >= set(press.sent), 90)
        press.send()
        assert flow.ready("data_collector"), "data_collector does not need the pusher"
        assert flow.client.model("watch-arms")["status"]["state"] == "ACTIVE"
    arms.expect()
    press.expect()
    assert not flow.client.api("GET", "/models/moody/dead-letters")["items"]


def what_is_gone_holds_up_only_what_needs_it():
    with Flow("outages") as flow:
        gate = flow.dir / "gate"
        flow.image("double")
        flow.image("moody", MOODY)
        flow.robot_arms("X1", "X2")
        flow.robot_arms("P1", type="press")
        flow.submit(flow.manifest("watch-arms", "double"), flow.sides(assetType="robot-arm"))
        flow.submit(flow.manifest("moody", "moody", env={"GATE": str(gate)}, retry={"tries": 2, "maxBackoff": 100},
                                  health={"interval": 500, "timeout": 5000, "failures": 2, "startTimeout": 60000, "tries": 1000}),
                    flow.sides(assetType="press"))
        flow.robot_arms("L1", type="other")
        flow.submit(flow.manifest("late", "double"), flow.sides(asset="L1"))
        flow.deploy("watch-arms")
        flow.deploy("moody")
        arms, press = Sender(flow, "X1"), Sender(flow, "P1")
        arms.send()
        arms.expect()
        for row in (without_postgres, without_model_api, without_kafka):
            timed(row, flow, arms)
        timed(without_the_model, flow, arms, press, gate)
        timed(without_the_pusher, flow, arms, press, gate)
        until("all services ready", lambda: all(map(flow.ready, SERVICES)), 60)
        until("the moody model being ACTIVE", lambda: flow.state("moody"), 90, ok=lambda state: state == "ACTIVE")
        for model in ("watch-arms", "moody", "late"):
            flow.withdraw(model)


def timed(row, *parts):
    began = time.monotonic()
    row(*parts)
    print(f"  {row.__name__.replace('_', ' ')} ({time.monotonic() - began:.0f} s)", flush=True)


if __name__ == "__main__":
    run(what_is_gone_holds_up_only_what_needs_it)
