#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev up with the real services: two side by side, up on what is half up, models that outlive their supervisor."""
import os
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from flow import Flow, Process, now, run, until


def watched(flow, value):
    flow.image("double")
    flow.robot_arms("X1")
    flow.submit(flow.manifest("watch-arms", "double"), flow.sides(assetType="robot-arm"))
    flow.deploy("watch-arms")
    score(flow, value)


def score(flow, value):
    points = {now(): value}
    flow.send("X1", points)
    flow.expect_scores("X1", points)


def two_run_side_by_side_and_do_not_meet():
    with Flow("side-a") as a, Flow("side-b") as b:
        watched(a, 11.0)
        watched(b, 22.0)
        assert a.client.env["OUTRIGGER_TOKEN"] != b.client.env["OUTRIGGER_TOKEN"]
        a.dev("down")
        assert not a.processes(), a.processes()
        score(b, 23.0)


def up_on_what_is_half_up_heals_it_and_models_go_on():
    with Flow("half-up") as flow:
        watched(flow, 1.0)
        before, model = flow.client.refresh(), flow.models("watch-arms")
        os.kill(int((flow.dir / "run/supervisor.lock").read_text().split()[0]), signal.SIGKILL)
        for service in ("data_pusher", "data_companion"):
            flow.kill(service)

        flow.up()

        after = flow.client.env
        changed = {key for key in before if before[key] != after[key]}
        assert changed == {"OUTRIGGER_PID_DATA_PUSHER", "OUTRIGGER_PID_DATA_COMPANION"}, changed
        assert flow.models("watch-arms") == model
        score(flow, 2.0)


def down_and_up_again_brings_an_active_model_back():
    with Flow("again") as flow:
        watched(flow, 3.0)
        addresses = {k: v for k, v in flow.client.env.items() if "PID" not in k}
        flow.dev("down")
        assert not flow.processes(), flow.processes()

        flow.up()

        assert addresses == {k: v for k, v in flow.client.env.items() if "PID" not in k}
        until("the model ACTIVE again", lambda: flow.state("watch-arms"), 90, ok=lambda state: state == "ACTIVE")
        score(flow, 4.0)


if __name__ == "__main__":
    run(two_run_side_by_side_and_do_not_meet, up_on_what_is_half_up_heals_it_and_models_go_on, down_and_up_again_brings_an_active_model_back)
