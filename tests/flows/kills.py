#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every acknowledged sample has exactly one output, with the right value, whoever is killed or frozen meanwhile."""
import os
import pathlib
import random
import signal
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from flow import SERVICES, Background, Flow, NoAnswer, Process, Refusal, now, run, until

SAMPLES, PACE, KILLS = 3600, 40, 6
BY_TYPE, BY_ASSET = ("X1", "X2", "Y1"), "M1"
SEED = int(os.environ.get("OUTRIGGER_SEED") or random.randrange(10**6))


class Faults:
    """Kills each victim KILLS times in random order, and freezes twice for longer than session and transaction time-outs."""

    def __init__(self, flow, chance):
        self.flow, self.chance = flow, chance
        self.log, self.done = [], threading.Event()

    def run(self):
        victims = [*SERVICES, "model"] * KILLS
        self.chance.shuffle(victims)
        freezes = {len(victims) // 3: "data_companion", 2 * len(victims) // 3: "data_pusher"}
        for number, victim in enumerate(victims):
            if number in freezes:
                self.freeze(freezes[number])
            time.sleep(self.chance.uniform(0.2, 2.0))
            self.kill(victim)
        self.done.set()

    def kill(self, victim):
        if victim != "model":
            until(f"{victim} alive", lambda: Process.of(self.flow.pid(victim)), 60)
            self.log.append((victim, self.flow.kill(victim)))
            return
        pid = until("a running model", lambda: self.flow.models("watch-arms"), 90)[0]
        process = Process.of(pid)
        if process:
            process.send(signal.SIGKILL)
        self.log.append((victim, pid))

    def freeze(self, service):
        """Longer than a consumer's session (6 s) and a transaction (10 s)."""
        with self.flow.frozen(service):
            time.sleep(FROZEN_SECONDS)
        self.log.append((f"{service} frozen", 0))


FROZEN_SECONDS = 14


def kills_and_freezes_lose_and_double_nothing():
    print(f"  OUTRIGGER_SEED={SEED}")
    chance = random.Random(SEED)
    with Flow("kills") as flow:
        flow.image("double")
        flow.robot_arms(*BY_TYPE)
        flow.robot_arms(BY_ASSET, type="mill")
        flow.submit(flow.manifest("watch-arms", "double", health={"quiet": 1000, "tries": 50}), flow.sides(assetType="robot-arm"))
        flow.submit(flow.manifest("watch-one", "double"), flow.sides(asset=BY_ASSET))
        for name in ("watch-arms", "watch-one"):
            flow.deploy(name)

        base, acknowledged = now(), {asset: {} for asset in (*BY_TYPE, BY_ASSET)}
        faults = Faults(flow, random.Random(SEED + 1))
        breaking = Background(faults.run)
        number = 0
        while number < SAMPLES or not faults.done.is_set():
            began = time.monotonic()
            assert number < 20 * SAMPLES and breaking.error is None, breaking.error
            burst = [{"asset": asset, "time": base + (number + i) * 5, "values": {"Temperature": round(chance.uniform(0, 100), 6)}}
                     for i, asset in enumerate(acknowledged)]
            flow.deliver(burst, within=180)
            for sample in burst:
                acknowledged[sample["asset"]][sample["time"]] = sample["values"]["Temperature"]
            number += len(burst)
            time.sleep(max(0, len(burst) / PACE - (time.monotonic() - began)))
        breaking.finish(10)

        total = sum(map(len, acknowledged.values()))
        assert total >= 3000, total
        for asset, points in acknowledged.items():
            flow.expect_scores(asset, points, within=180)
        rows = flow.out_rows("watch-arms") + flow.out_rows("watch-one")
        counted = {}
        for asset, ms, columns in rows:
            counted.setdefault((asset, ms), []).append(columns)
        expected = {(asset, ms): value for asset, points in acknowledged.items() for ms, value in points.items()}
        missing, doubled = expected.keys() - counted.keys(), [key for key, said in counted.items() if len(said) > 1]
        assert not missing, f"{len(missing)} of {total} without output, first {sorted(missing)[:3]}"
        assert not doubled, f"{len(doubled)} with several outputs, first {doubled[:3]}"
        assert counted.keys() == expected.keys(), sorted(counted.keys() - expected.keys())[:3]
        wrong = [(key, said) for key, [said] in counted.items() if abs(said["anomalyScore"] - (expected[key] * 2 + 1)) > 1e-9
                 or said["warningLevel"] != ("WARNING" if expected[key] > 50 else "NORMAL")]
        assert not wrong, wrong[:3]
        dead = [headers for _, headers, _ in flow.records("dead.default")] if "dead.default" in flow.topics() else []
        assert not dead, dead[:3]
        kills = {victim: sum(name == victim for name, _ in faults.log) for victim in (*SERVICES, "model")}
        print(f"  {total} samples, kills {kills}, {sum('frozen' in name for name, _ in faults.log)} freezes")


if __name__ == "__main__":
    run(kills_and_freezes_lose_and_double_nothing)
