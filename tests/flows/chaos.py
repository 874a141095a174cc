#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Faults by seed for as long as asked, against four models on two companion hosts and two pushers, the clock of one of
them a minute off; a checker that shares no code with the product.

Each acknowledged sample ends once: as one output with the right value, or, if it is poison, as one dead letter; outputs of
an ordered asset come in order. `./dev chaos --minutes N --seed S`.
"""
import argparse
import collections
import pathlib
import random
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from flow import DOUBLE, SERVICES, Background, Flow, Process, now, run, until

PACE = 60  # samples a second
POISON = 13.0
FROZEN_SECONDS = 14  # longer than a consumer's session (6 s) and a transaction (10 s)

# Fails one request in ten for no reason, and refuses each that holds poison.
FLAKY = DOUBLE + f"""
import random
def answer_score(handler, body):
    request = json.loads(body)
    if any({POISON} in part["columns"]["temperature"] for part in request["data"]):
        return handler.reply(422, {{"error": "poison"}})
    if random.random() < 0.1:
        return handler.reply(500, {{"error": "out of order"}})
    handler.reply(200, score(request))
"""
SLOW = DOUBLE + """
def answer_score(handler, body):
    time.sleep(0.03)
    handler.reply(200, score(json.loads(body)))
"""

# model: (image, behaviour, assets, mapped by type, ordered)
MODELS = {
    "steady": ("double", DOUBLE, ("X1", "X2", "Y1"), True, True),
    "one-asset": ("double", DOUBLE, ("M1",), False, True),
    "slow-unordered": ("slow", SLOW, ("P1", "P2"), True, False),
    "flaky": ("flaky", FLAKY, ("Q1", "Q2", "Q3"), True, True),
}
VICTIMS = (*SERVICES, "data_companion_2", "data_pusher_2")
FAULTS = {"kill": 14, "kill model": 3, "freeze": 5, "freeze store": 1, "kill store": 1, "slow store": 1, "cut": 2}


def can_cut():
    """Whether this machine closes other processes' connections (ss -K needs root and INET_DIAG_DESTROY)."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        cut(server.getsockname()[1])
        client.settimeout(0.2)
        try:
            client.recv(1)
        except TimeoutError:
            return False
        except OSError:
            return True
    return True


def cut(port):
    subprocess.run(["ss", "-K", "dport", "=", f":{port}"], capture_output=True, timeout=10, check=False)


class Faults:
    def __init__(self, flow, seed, minutes, most):
        self.flow, self.chance, self.minutes, self.most = flow, random.Random(seed), minutes, most
        self.faults = {name: weight for name, weight in FAULTS.items() if name != "cut" or can_cut()}
        self.counted, self.done, self.freezing = collections.Counter(), threading.Event(), []

    def run(self):
        ends = time.monotonic() + self.minutes * 60
        names, weights = zip(*self.faults.items())
        while time.monotonic() < ends and self.counted.total() < self.most:
            time.sleep(self.chance.uniform(0.2, 2.0))
            [name] = self.chance.choices(names, weights)
            self.counted[getattr(self, name.replace(" ", "_"))()] += 1
        for freeze in self.freezing:
            freeze.finish(60)
        self.done.set()

    def kill(self):
        victim = self.chance.choice(VICTIMS)
        until(f"{victim} alive", lambda: Process.of(self.flow.pid(victim)), 60)
        self.flow.kill(victim)
        return f"{victim} killed"

    def kill_model(self):
        name = self.chance.choice(list(MODELS))
        process = Process.of(until(f"a running {name}", lambda: self.flow.models(name), 120)[0])
        if process:
            process.send(signal.SIGKILL)
        return "model killed"

    def freeze(self):
        """One of the services for longer than its sessions last, or shorter; others go on meanwhile and may be hurt, too."""
        victim = self.chance.choice(VICTIMS)
        seconds = FROZEN_SECONDS if self.chance.random() < 0.6 else 3

        def hold():
            with self.flow.frozen(victim):
                time.sleep(seconds)
        self.freezing = [freeze for freeze in self.freezing if freeze.is_alive() or freeze.finish(1)]
        if len(self.freezing) >= 2:
            self.freezing.pop(0).finish(60)
        self.freezing.append(Background(hold))
        return f"{victim} frozen"

    def freeze_store(self):
        victim = self.chance.choice(("kafka", "postgres"))
        with self.flow.frozen(victim):
            time.sleep(self.chance.uniform(1, 8))
        return f"{victim} frozen"

    def slow_store(self):
        """It runs a tenth of the time, as on a disk that is slow."""
        victim = self.chance.choice(("kafka", "postgres"))
        ends = time.monotonic() + self.chance.uniform(2, 6)
        while time.monotonic() < ends:
            with self.flow.frozen(victim):
                time.sleep(0.09)
            time.sleep(0.01)
        return f"{victim} slow"

    def cut(self):
        """All connections to it, at once."""
        victim = self.chance.choice(("kafka", "postgres"))
        cut(self.flow.port(victim))
        return f"{victim} cut off"

    def kill_store(self):
        victim = self.chance.choice(("kafka", "postgres"))
        leader = until(f"{victim} alive", lambda: self.flow.parts(victim)[0], 60)
        leader.send(signal.SIGKILL)
        until(f"another {victim}", lambda: self.flow.parts(victim)[0] not in (None, leader), 90)
        return f"{victim} killed"


def prepare(flow):
    for name, (image, behaviour, assets, by_type, ordered) in MODELS.items():
        flow.image(image, behaviour)
        flow.robot_arms(*assets, type=f"type-{name}")
        flow.submit(flow.manifest(name, image, stateful=ordered, retry={"tries": 30, "maxBackoff": 1000},
                                  health={"quiet": 1000, "tries": 1000}),
                    flow.sides(assetType=f"type-{name}") if by_type else flow.sides(asset=assets[0]))
        flow.deploy(name)


def stream(flow, faults, breaking, chance):
    """Sends until the faults end; returns what was acknowledged: {asset: {ms: value}}."""
    acknowledged = {asset: {} for _, _, assets, _, _ in MODELS.values() for asset in assets}
    poisoned = set(MODELS["flaky"][2])
    base, number = now() - 3_600_000, 0
    while not faults.done.is_set():
        assert breaking.error is None, breaking.error
        began = time.monotonic()
        burst = []
        for asset in acknowledged:
            number += 1
            poison = asset in poisoned and chance.random() < 0.01
            burst.append({"asset": asset, "time": base + number, "values": {
                "Temperature": POISON if poison else round(chance.uniform(20, 100), 6)}})
        flow.deliver(burst, within=300)
        for sample in burst:
            acknowledged[sample["asset"]][sample["time"]] = sample["values"]["Temperature"]
        time.sleep(max(0, len(burst) / PACE - (time.monotonic() - began)))
    return acknowledged


def ends_of(flow):
    """What came of the samples, in the topics' own order: outputs {asset: [(ms, columns)]}, dead letters {asset: [ms]}."""
    outputs, dead = collections.defaultdict(list), collections.defaultdict(list)
    for _, _, value in flow.records("out.default"):
        columns = value["columns"]
        outputs[value["assetId"]] += [(ms, {c: v[i] for c, v in columns.items()}) for i, ms in enumerate(value["time"])]
    if "dead.default" in flow.topics():
        for asset, _, value in flow.records("dead.default"):
            dead[asset].append(value["time"])
    return outputs, dead


def check(acknowledged, outputs, dead, ordered=None):
    ordered = ordered or {asset for _, _, assets, _, in_order in MODELS.values() if in_order for asset in assets}
    for asset, points in acknowledged.items():
        said = collections.Counter(ms for ms, _ in outputs[asset])
        letters = collections.Counter(dead[asset])
        poison = {ms for ms, value in points.items() if value == POISON}
        lost = [ms for ms in points if not said[ms] and not letters[ms]]
        assert not lost, f"{asset}: {len(lost)} of {len(points)} lost, first {lost[:3]}"
        more = [ms for ms in points if said[ms] + letters[ms] > 1]
        assert not more, f"{asset}: {len(more)} ended more than once, first {more[:3]}"
        assert set(letters) == poison, f"{asset}: dead letters {sorted(set(letters) ^ poison)[:3]} differ from the poison"
        assert set(said) | set(letters) == set(points), f"{asset}: ends of samples that nobody sent"
        wrong = [(ms, c) for ms, c in outputs[asset] if abs(c["anomalyScore"] - (points[ms] * 2 + 1)) > 1e-9
                 or c["warningLevel"] != ("WARNING" if points[ms] > 50 else "NORMAL")]
        assert not wrong, f"{asset}: wrong outputs {wrong[:3]}"
        times = [ms for ms, _ in outputs[asset]]
        assert asset not in ordered or times == sorted(times), f"{asset}: out of order"


def faults_by_seed_lose_double_and_reorder_nothing():
    chance = random.Random(OPTIONS.seed + 2)
    late, shift = chance.choice(VICTIMS), chance.choice((-60, 60))
    print(f"  ./dev chaos --minutes {OPTIONS.minutes:g} --seed {OPTIONS.seed}  (the clock of {late} is {shift:+} s off)", flush=True)
    clock = {late: ("shifted_clock", {"OUTRIGGER_CLOCK_SHIFT_S": str(shift)})}
    with Flow("chaos", replicas="data_companion=2,data_pusher=2", preload=clock) as flow:
        prepare(flow)
        faults = Faults(flow, OPTIONS.seed, OPTIONS.minutes, OPTIONS.faults)
        breaking = Background(faults.run)
        acknowledged = stream(flow, faults, breaking, random.Random(OPTIONS.seed + 1))
        breaking.finish(100)
        total = sum(map(len, acknowledged.values()))

        def ended():
            outputs, dead = ends_of(flow)
            return sum(map(len, outputs.values())) + sum(map(len, dead.values()))
        until(f"{total} ends", ended, 300, every=3, ok=lambda n: n >= total)
        outputs, dead = ends_of(flow)
        check(acknowledged, outputs, dead)
        for asset, points in acknowledged.items():
            scored = {ms: value for ms, value in points.items() if value != POISON}
            until(f"history of {asset}", lambda: flow.read(asset, "Anomaly Score", min(points), max(points) + 1), 300, every=1,
                  ok=lambda found: found is not None and len(found) >= len(scored))
            flow.expect_scores(asset, scored)
        check(acknowledged, *ends_of(flow))  # nothing ended again meanwhile
        print(f"  {total} samples: 0 lost, 0 doubled, 0 out of order; {sum(map(len, dead.values()))} dead letters, all of them poison")
        print(f"  {faults.counted.total()} faults: " + ", ".join(f"{name} {count}" for name, count in sorted(faults.counted.items())))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--faults", type=int, default=10**9, help="end after so many")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    OPTIONS = parser.parse_args()
    del sys.argv[1:]
    run(faults_by_seed_lose_double_and_reorder_nothing)
