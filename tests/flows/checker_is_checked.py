#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A product that is broken on purpose (tests/support/preload/broken_records.cc) is caught by the checker of chaos, each time
by the fault that it has; before and after, the same checker finds nothing."""
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import chaos
from flow import DOUBLE, Flow, now, run, until

# break: what the checker says of it
BREAKS = {"": None, "drop": "lost", "repeat": "ended more than once", "swap": "out of order", "forget-letter": "lost", "lose-park": "lost",
          "still-whole": None}
# Refuses poison, and twice whatever is above 1000: its rows wait for their next try for seconds.
MODEL = DOUBLE + f"""
tries = {{}}
def answer_score(handler, body):
    request = json.loads(body)
    values = [v for part in request["data"] for v in part["columns"]["temperature"]]
    if {chaos.POISON} in values:
        return handler.reply(422, {{"error": "poison"}})
    late = max(values)
    tries[late] = tries.get(late, 0) + 1
    if late > 1000 and tries[late] <= 2:
        return handler.reply(503, {{"error": "not now"}}, [("Retry-After", "3")])
    handler.reply(200, score(request))
"""


def stream(flow, asset, base):
    """Forty samples, one by one; one of them poison, one that the model refuses twice."""
    points = {base + i: 20.0 + i for i in range(40)} | {base + 10: chaos.POISON, base + 30: 1001.0 + base % 1000}
    for ms, value in points.items():
        flow.send(asset, {ms: value})
    return points


def parked(flow):
    return flow.metric("data_companion", "outrigger_companion_parked_rows")


def caught(flow, broken, name, words):
    asset, base = f"arm-{name or 'whole'}", now()
    broken(name)
    points = stream(flow, asset, base)
    until(f"parked rows of {asset}", lambda: parked(flow))
    broken("")
    if name == "lose-park":
        flow.kill("data_companion")
    last = base + 100  # behind all others of its asset, and nothing is broken any more
    flow.send(asset, {last: 20.0})
    points[last] = 20.0
    until(f"the end of the last sample of {asset}", lambda: chaos.ends_of(flow)[0][asset][-1:], 90, every=0.5,
          ok=lambda rows: rows and rows[0][0] == last)
    outputs, dead = chaos.ends_of(flow)
    try:
        chaos.check({asset: points}, outputs, dead, ordered={asset})
    except AssertionError as fault:
        assert words and words in str(fault), f"{name or 'nothing broken'}: the checker says {fault}"
        print(f"  {name}: {fault}", flush=True)
        return
    assert words is None, f"{name} was not caught"


def each_break_is_caught():
    with tempfile.NamedTemporaryFile("w", prefix="outrigger-break-") as wish:
        preload = {"data_companion": ("broken_records", {"OUTRIGGER_BREAK_FILE": wish.name})}

        def broken(how):
            wish.seek(0)
            wish.truncate()
            wish.write(how)
            wish.flush()

        with Flow("broken", preload=preload) as flow:
            flow.robot_arms(*(f"arm-{name or 'whole'}" for name in BREAKS))
            flow.image("breakable", MODEL)
            flow.submit(flow.manifest("breakable", "breakable", stateful=True, retry={"tries": 30, "maxBackoff": 500}),
                        flow.sides(assetType="robot-arm"))
            flow.deploy("breakable")
            for name, words in BREAKS.items():
                caught(flow, broken, name, words)


if __name__ == "__main__":
    run(each_break_is_caught)
