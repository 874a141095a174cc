#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A model that takes requests and never answers, while 2,000 samples a second come in: every queue comes to its bound and
no service grows beyond. The long form (`--minutes 10`) is run by hand; its figures stand in docs/reliability.md."""
import argparse
import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from flow import DOUBLE, SERVICES, Background, Flow, now, run, until

PACE, BATCH = 2_000, 500
ASSETS = [f"arm-{i}" for i in range(50)]
STANDS = DOUBLE + "def answer_score(handler, body): time.sleep(3600)"
# What a service may hold beyond twice its idle memory, in MiB: its queues as its README has them.
BOUNDS = {
    "data_collector": 64,  # librdkafka's queue: 100,000 records of about 600 bytes
    "data_companion": 56,  # 16 read ahead, 8 of rows, 32 of records that wait for their transaction
    "data_pusher": 320,  # three groups of readers 8 each, feeds, a batch of the archive; 4 million samples remembered are 200
    "model_api": 32,  # views of topics
}


def memory(flow):
    """MiB in RAM of each service."""
    used = {}
    for service in SERVICES:
        status = pathlib.Path(f"/proc/{flow.pid(service)}/status").read_text()
        used[service] = int(next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1]) / 1024
    return used


def send(flow, seconds, done):
    """Batches at the pace, or as fast as they are taken; how many samples were acknowledged."""
    sent, base, began = 0, now() - 86_400_000, time.monotonic()
    while time.monotonic() - began < seconds and not done.is_set():
        flow.deliver([{"asset": ASSETS[(sent + i) % len(ASSETS)], "time": base + (sent + i) // len(ASSETS), "values": {"Temperature": float(i % 90)}}
                      for i in range(BATCH)])
        sent += BATCH
        time.sleep(max(0.0, sent / PACE - (time.monotonic() - began)))
    return sent


def a_model_that_stands_still_makes_nobody_grow():
    with Flow("bounds") as flow:
        flow.image("stands", STANDS)
        flow.robot_arms(*ASSETS)
        flow.submit(flow.manifest("stands", "stands", timeout=60_000, retry={"tries": 1000, "maxBackoff": 1000}), flow.sides(assetType="robot-arm"))
        flow.deploy("stands")
        pids, idle = {s: flow.pid(s) for s in SERVICES}, memory(flow)
        most, ended, said = dict(idle), threading.Event(), []
        sender = Background(lambda: said.append(send(flow, OPTIONS.minutes * 60, ended)))
        try:
            while sender.is_alive():
                most = {s: max(most[s], used) for s, used in memory(flow).items()}
                over = {s: f"{most[s]:.0f} MiB, idle {idle[s]:.0f}" for s in SERVICES if most[s] > 2 * idle[s] + BOUNDS[s]}
                assert not over, f"beyond their bounds: {over}"
                sender.join(1)
        finally:
            ended.set()
        sender.finish(60)
        rows = until("the companion's rows at their bound", lambda: flow.metric("data_companion", "outrigger_companion_waiting_rows"), 60,
                     ok=lambda rows: rows is not None and rows >= min(5_000, said[0] / 2))
        assert rows <= 11_000, f"{rows} rows wait in memory"
        assert flow.metric("data_companion", "outrigger_companion_lag") >= said[0] / 2
        assert pids == {s: flow.pid(s) for s in SERVICES}, "a service did not live through it"
        flow.withdraw("stands")
        print(f"  {said[0]} samples in {OPTIONS.minutes:g} min; memory in MiB, idle and at most: "
              + ", ".join(f"{s} {idle[s]:.0f} {most[s]:.0f}" for s in SERVICES))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=0.5)
    OPTIONS = parser.parse_args()
    del sys.argv[1:]
    run(a_model_that_stands_still_makes_nobody_grow)
