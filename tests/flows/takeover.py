#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two hosts share the models of a tenant: one freezes and the other goes on with all of them; woken up, it can commit
nothing; killed or stopped, the same. Each sample is scored once."""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from flow import Background, Flow, now, run, until

HOSTS = ("data_companion", "data_companion_2")
MODELS = [f"m{i}" for i in range(8)]


def shards(flow, host):
    return flow.metric(host, "outrigger_companion_shards")


class Stream:
    """Sends each arm a sample 20 times a second until told to end."""

    def __init__(self, flow):
        self.flow, self.ended, self.sent, self.base = flow, False, {name: {} for name in MODELS}, now()
        self.thread = Background(self.work)

    def work(self):
        number = 0
        while not self.ended:
            ms = self.base + number * 50
            self.flow.deliver([{"asset": f"arm-{name}", "time": ms, "values": {"Temperature": float(number % 90)}} for name in MODELS])
            for name in MODELS:
                self.sent[name][ms] = float(number % 90)
            number += 1
            time.sleep(0.05)

    def newest(self):
        return self.base + max(ms - self.base for ms in self.sent[MODELS[-1]]) if self.sent[MODELS[-1]] else self.base

    def end(self):
        self.ended = True
        self.thread.finish(120)


def all_score(flow, since, within=60):
    """Waits until every model has scored a sample of `since` or later; seconds it took."""
    began = time.monotonic()
    for name in MODELS:
        until(f"{name} to score", lambda: flow.read(f"arm-{name}", "Anomaly Score", since, since + 10**7), within, every=0.05)
    return time.monotonic() - began


def both_share(flow):
    until("both hosts to share", lambda: [shards(flow, h) for h in HOSTS], 60, ok=lambda n: None not in n and min(n) >= 8 and sum(n) == 32)


def two_hosts_share_models_and_each_takes_the_other_s_over():
    with Flow("takeover", replicas="data_companion=2") as flow:
        flow.image("double")
        flow.robot_arms(*(f"arm-{name}" for name in MODELS))
        for name in MODELS:
            flow.submit(flow.manifest(name, "double"), flow.sides(asset=f"arm-{name}"))
            flow.deploy(name)
        both_share(flow)
        stream = Stream(flow)
        all_score(flow, stream.base)
        until("models on both hosts", lambda: [flow.metric(h, "outrigger_companion_rows_total") for h in HOSTS], ok=all)

        before = flow.pid(HOSTS[0])
        with flow.frozen(HOSTS[0]):
            frozen = all_score(flow, stream.newest() + 1000)
            until("one host to run all", lambda: shards(flow, HOSTS[1]), ok=lambda n: n == 32)
        until("the frozen host to end and come back", lambda: flow.pid(HOSTS[0]), 60, ok=lambda pid: pid not in (0, before))
        assert "exit code 4" in (flow.dir / "logs/supervisor.log").read_text(), "the host that woke up was not fenced"
        both_share(flow)

        killed = 0.0
        for host in (HOSTS[1], HOSTS[0], HOSTS[1]):
            flow.kill(host)
            killed = max(killed, all_score(flow, stream.newest() + 1000))
        both_share(flow)
        stream.end()
        for name in MODELS:
            flow.expect_scores(f"arm-{name}", stream.sent[name])
            rows = [ms for _, ms, _ in flow.out_rows(name)]
            assert sorted(rows) == sorted(stream.sent[name]), f"{name}: {len(rows)} outputs, {len(set(rows))} of them different, for {len(stream.sent[name])} samples"
            assert rows == sorted(rows), f"{name}: outputs out of order"
        letters = sum(len(flow.client.api("GET", f"/models/{name}/dead-letters")["items"]) for name in MODELS)
        assert letters == 0, f"{letters} dead letters"
        for name in MODELS:
            flow.withdraw(name)
        print(f"  {sum(map(len, stream.sent.values()))} samples; all models scored again {frozen - 1:.1f} s after a freeze, {killed - 1:.1f} s after a kill")


if __name__ == "__main__":
    run(two_hosts_share_models_and_each_takes_the_other_s_over)
