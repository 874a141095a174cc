#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL gone for 20 s: scoring goes on. Kafka gone for 20 s: no false acknowledgement. Then everything is there."""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from flow import Flow, NoAnswer, Refusal, now, run, until

SECONDS = 20


def prepared(flow):
    flow.image("double")
    flow.robot_arms("X1", "X2")
    flow.submit(flow.manifest("watch-arms", "double"), flow.sides(assetType="robot-arm"))
    flow.deploy("watch-arms")
    first = {now(): 20.0}
    flow.send("X1", first)
    flow.expect_scores("X1", first)
    return now() + 1000


def without_postgres_samples_go_on_being_scored_and_history_catches_up():
    with Flow("no-postgres") as flow:
        base, sent, scored_meanwhile = prepared(flow), {}, 0
        with flow.frozen("postgres"):
            ends = time.monotonic() + SECONDS
            while time.monotonic() < ends:
                ms = base + len(sent) * 10
                flow.send("X1", {ms: float(len(sent) % 90)})
                sent[ms] = float(len(sent) % 90)
                time.sleep(0.05)
            scored_meanwhile = len([r for r in flow.out_rows("watch-arms") if r[1] in sent])
        assert len(sent) > 100, f"only {len(sent)} samples were taken in while PostgreSQL was gone"
        assert scored_meanwhile >= len(sent) - 50, f"{scored_meanwhile} of {len(sent)} scored while PostgreSQL was gone"
        flow.expect_scores("X1", sent, within=90)
        rows = [(a, ms) for a, ms, _ in flow.out_rows("watch-arms") if ms in sent]
        assert len(rows) == len(set(rows)) == len(sent), (len(rows), len(sent))
        until("the stored temperatures", lambda: flow.read("X1", "Temperature", base, base + 10**6), ok=lambda p: p and len(p) == len(sent))
        until("all services ready", lambda: all(map(flow.ready, ("model_api", "data_collector", "data_pusher", "data_companion"))), 60)
        flow.withdraw("watch-arms")


def without_kafka_nothing_is_acknowledged_and_then_all_goes_on():
    with Flow("no-kafka") as flow:
        base, taken, refusals = prepared(flow), {}, 0
        with flow.frozen("kafka"):
            ends, number = time.monotonic() + SECONDS, 0
            while time.monotonic() < ends:
                number += 1
                try:
                    flow.client.send([{"asset": "X2", "time": base + number, "values": {"Temperature": float(number)}}], timeout=15)
                    taken[base + number] = float(number)
                except Refusal as refusal:
                    assert refusal.status == 503, refusal
                    refusals += 1
                except NoAnswer:
                    refusals += 1
            health = {service: flow.client.request("admin_" + service, "GET", "/livez", timeout=2)[0]
                      for service in ("model_api", "data_collector", "data_pusher", "data_companion")}
        assert not taken, f"{len(taken)} samples were acknowledged without Kafka"
        assert refusals, "nothing was refused"
        assert set(health.values()) == {200}, health
        sent = {base + i: 20.0 + i for i in range(200)}
        flow.send("X1", sent)
        flow.expect_scores("X1", sent, within=90)
        # What was refused may have arrived all the same (its outcome was unknown), but then once and with the right score.
        rows = [(a, ms, c["anomalyScore"]) for a, ms, c in flow.out_rows("watch-arms") if a == "X2"]
        assert len(rows) == len({ms for _, ms, _ in rows}), rows
        assert all(score == (ms - base) * 2 + 1 for _, ms, score in rows), rows[:5]
        flow.withdraw("watch-arms")


if __name__ == "__main__":
    run(without_postgres_samples_go_on_being_scored_and_history_catches_up, without_kafka_nothing_is_acknowledged_and_then_all_goes_on)
