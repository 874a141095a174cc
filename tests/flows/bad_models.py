#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Models that answer 500, nonsense, NaN, another asset's id, too much, too slowly or never: each cause ends in a dead
letter (or a late success), and the neighbours do not notice."""
import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from flow import DOUBLE, Background, Flow, now, run, until

# name -> (behaviour, what becomes of a sample: "dead" or "scored")
BEHAVIOURS = {
    "fails": ("def answer_score(handler, body): handler.reply(500, {'error': 'out of order'})", "dead"),
    "refuses": ("def answer_score(handler, body): handler.reply(422, {'error': 'no'})", "dead"),
    "babbles": ("def answer_score(handler, body): handler.reply(200, b'<html>hello</html>')", "dead"),
    "says-nan": ("def row(asset, c): return {'anomalyScore': float('nan'), 'warningLevel': 'NORMAL'}", "dead"),
    "says-text": ("def row(asset, c): return {'anomalyScore': 'high', 'warningLevel': 'NORMAL'}", "dead"),
    "forgets": ("def row(asset, c): return {'anomalyScore': 1.0}", "dead"),
    "invents": ("def row(asset, c): return {'anomalyScore': 1.0, 'warningLevel': 'NORMAL', 'mood': 'good'}", "dead"),
    "names-another": ("""
def answer_score(handler, body):
    reply = score(json.loads(body))
    for part in reply['outputs']: part['assetId'] = 'X1'
    handler.reply(200, reply)
""" + DOUBLE, "dead"),
    "says-too-much": ("""
def answer_score(handler, body):
    handler.send_response(200)
    handler.send_header('Content-Type', 'application/json')
    handler.send_header('Content-Length', str(40 << 20))
    handler.end_headers()
    for _ in range(40): handler.wfile.write(b' ' * (1 << 20))
""", "dead"),
    "never-answers": ("def answer_score(handler, body): time.sleep(3600)", "dead"),
    "hangs-up": ("def answer_score(handler, body): handler.close_connection = True", "dead"),
    "fails-twice": (DOUBLE + """
seen = {}
def answer_score(handler, body):
    request = json.loads(body)
    key = request['data'][0]['seq'][0]
    seen[key] = seen.get(key, 0) + 1
    handler.reply(200, score(request)) if seen[key] > 2 else handler.reply(503, {'error': 'busy'}, [('Retry-After', '0')])
""", "scored"),
    "is-slow": (DOUBLE + """
def answer_score(handler, body):
    time.sleep(1.5)
    handler.reply(200, score(json.loads(body)))
""", "scored"),
}


def waits(flow, asset, telemetry, base, numbers):
    """Sends one sample after the other, each when the one before is seen; (the longest wait, what was sent)."""
    longest, sent = 0.0, {}
    for i in numbers:
        ms, value = base + i, 30.0 + i % 50
        flow.send(asset, {ms: value})
        began = time.monotonic()
        until(f"{telemetry} of {asset}", lambda: flow.read(asset, telemetry, ms, ms + 1), 60, every=0.02)
        longest, sent[ms] = max(longest, time.monotonic() - began), value
    return longest, sent


class Witness:
    """Samples that no model wants, back to back: what the machine itself makes everybody wait."""

    def __init__(self, flow, base):
        self.longest, self.ended = 0.0, threading.Event()

        def watch():
            number = 0
            while not self.ended.is_set():
                self.longest = max(self.longest, waits(flow, "witness", "Temperature", base, [number])[0])
                number += 1

        self.thread = Background(watch)

    def wait(self):
        self.ended.set()
        self.thread.finish(120)
        return self.longest


def a_mended_model_scores_its_dead_letters(flow, name, sent):
    flow.withdraw(name)
    flow.image(name)
    flow.deploy(name)
    answer = flow.client.api("POST", f"/models/{name}/dead-letters/replay", {"all": True})
    assert answer == {"replayed": len(sent), "more": False}, answer
    flow.expect_scores(f"arm-{name}", sent, within=60)
    until(f"the ends of {name}'s dead letters", lambda: flow.client.api("GET", f"/models/{name}/dead-letters")["items"], 60,
          ok=lambda items: len(items) == len(sent) and all((item["replay"] or {}).get("end") == "scored" for item in items))


def bad_models_end_in_dead_letters_and_their_neighbour_does_not_notice():
    with Flow("bad-models") as flow:
        flow.robot_arms("X1", "witness")
        flow.image("double")
        flow.submit(flow.manifest("neighbour", "double"), flow.sides(asset="X1"))
        flow.deploy("neighbour")
        for name, (behaviour, _) in BEHAVIOURS.items():
            flow.image(name, behaviour)
            flow.client.api("POST", "/assets", {"id": f"arm-{name}", "name": name, "type": "robot-arm", "attributes": {}})
            flow.submit(flow.manifest(name, name, timeout=2000, retry={"tries": 3, "maxBackoff": 300}), flow.sides(asset=f"arm-{name}"))
            flow.deploy(name)

        base = now() - 100_000
        _, steady = waits(flow, "X1", "Anomaly Score", base, range(20))
        witness = Witness(flow, base)
        for name in BEHAVIOURS:
            flow.send(f"arm-{name}", {base + i: 10.0 + i for i in range(3)})
        beside, more = waits(flow, "X1", "Anomaly Score", base, range(20, 80))
        machine = witness.wait()
        flow.expect_scores("X1", steady | more)
        # A host that waits for a bad model (2 s a call, a dozen of them) would keep the neighbour and not the witness.
        assert beside < 3 + 3 * machine, f"the neighbour waited {beside:.1f} s beside bad models, the witness {machine:.1f} s"

        for name, (_, fate) in BEHAVIOURS.items():
            if fate == "scored":
                flow.expect_scores(f"arm-{name}", {base + i: 10.0 + i for i in range(3)}, within=60)
                continue
            letters = until(f"3 dead letters of {name}", lambda: flow.client.api("GET", f"/models/{name}/dead-letters")["items"],
                            90, ok=lambda items: len(items) >= 3)
            assert len(letters) == 3 and all(letter["cause"] for letter in letters), letters
            assert not flow.read(f"arm-{name}", "Anomaly Score", base, base + 10)
        a_mended_model_scores_its_dead_letters(flow, "refuses", {base + i: 10.0 + i for i in range(3)})
        rows = [(a, ms) for a, ms, _ in flow.out_rows("names-another")]
        assert not rows, rows
        print(f"  the longest wait beside bad models: {beside * 1000:.0f} ms of the neighbour, {machine * 1000:.0f} ms of the witness")


if __name__ == "__main__":
    run(bad_models_end_in_dead_letters_and_their_neighbour_does_not_notice)
