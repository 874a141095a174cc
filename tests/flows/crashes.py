#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""model_api is killed all along deploy and withdraw: afterwards each model is ACTIVE or DRAFT, and nothing is orphaned."""
import os
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from flow import Flow, NoAnswer, Refusal, now, run, until

ROUNDS = int(os.environ.get("OUTRIGGER_ROUNDS") or 4)  # of a deploy and a withdraw each
SEED = int(os.environ.get("OUTRIGGER_SEED") or random.randrange(10**6))


def settled(flow, name, states, within=120):
    def look():
        try:
            return flow.state(name)
        except (NoAnswer, Refusal):
            return None
    return until(f"{name} in {' or '.join(states)}", look, within, ok=lambda state: state in states)


def press(flow, name, verb):
    """The request; an answer that never came is unknown, so it is asked again after the restart."""
    try:
        flow.client.api("POST", f"/models/{name}/{verb}")
    except (NoAnswer, Refusal):
        pass


def deploy_and_withdraw_survive_kills_at_any_moment():
    print(f"  OUTRIGGER_SEED={SEED}")
    chance = random.Random(SEED)
    with Flow("crashes") as flow:
        flow.image("double")
        flow.robot_arms("X1", "X2")
        flow.submit(flow.manifest("watch-arms", "double"), flow.sides(assetType="robot-arm"))
        began = time.monotonic()
        flow.deploy("watch-arms")
        length = {"deploy": time.monotonic() - began}
        began = time.monotonic()
        flow.withdraw("watch-arms")
        length["withdraw"] = time.monotonic() - began
        kills = 0
        for number in range(ROUNDS):
            for verb, other in (("deploy", "DRAFT"), ("withdraw", "ACTIVE")):
                aim = "ACTIVE" if verb == "deploy" else "DRAFT"
                before = flow.state("watch-arms")
                press(flow, "watch-arms", verb)
                time.sleep(chance.uniform(0, length[verb]))
                flow.kill("model_api")
                kills += 1
                time.sleep(chance.uniform(0, 0.5))
                if chance.random() < 0.4:  # once more while it recovers
                    flow.kill("model_api")
                    kills += 1
                until("model_api ready", lambda: flow.ready("model_api"), 60)
                state = settled(flow, "watch-arms", ("ACTIVE", "DRAFT"))
                if state == other and before == other:  # it was killed before it had taken the request, or the saga undid itself
                    flow.client.operation(flow.client.api("POST", f"/models/watch-arms/{verb}"))
                    settled(flow, "watch-arms", (aim,))
                if aim == "DRAFT":
                    flow.expect_nothing_left("watch-arms")
                else:
                    until("one process of the model", lambda: flow.models("watch-arms"), ok=lambda m: len(m) == 1)
                    ms = now()
                    flow.send("X1", {ms: 7.0})
                    flow.expect_scores("X1", {ms: 7.0})
        feeds = [t for t in flow.topics() if t.startswith("feed.")]
        assert not feeds, feeds
        assert not list((flow.dir / "models").glob("*/*/lock")) and not flow.models(), "something of a model is left"
        assert sum(1 for r in flow.client.api("GET", "/models", limit=1000)["items"]) == 1
        flow.remove("watch-arms")
        print(f"  {kills} kills of model_api in {2 * ROUNDS} sagas")


if __name__ == "__main__":
    run(deploy_and_withdraw_survive_kills_at_any_moment)
