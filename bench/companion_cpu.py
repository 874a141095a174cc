#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""CPU seconds a million records, exactly once: companion, bare librdkafka loop, Kafka Streams, Python. Each posts as it does by
itself: the companion what piled up together, the others a record a request."""
import contextlib

from _companion import bare, companion, model, python, streams
from _fetch import Unavailable
from _side import LONGER, Broker, not_measured, report_rows, row

PAIRS = 3
SIDES = {"companion": (companion, 100_000), "bare": (bare, 100_000), "streams": (streams, 8_000), "python": (python, 5_000)}
GOALS = (("bare", "a bare librdkafka loop, 16 in flight", "<= 2"), ("streams", "Kafka Streams 3.9.1 with java.net.http", "<= 0.07"),
         ("python", "Python, confluent-kafka with httpx", "<= 0.035"))


def main():
    with Broker() as kafka, model() as port, contextlib.ExitStack() as all_sides:
        sides, why = {}, {}
        for name, (make, _) in SIDES.items():
            try:
                sides[name] = all_sides.enter_context(make(kafka.address, port))
            except Unavailable as error:
                why[name] = str(error)
        for name, side in sides.items():
            side.job(int(SIDES[name][1] * (2 if name == "streams" else 1)))
        took = [{name: side.job(int(SIDES[name][1] * LONGER)) for name, side in sides.items()} for _ in range(PAIRS)]
        rows = []
        for name, against, goal in GOALS:
            title = f"CPU seconds a million records, {name}"
            if name not in sides:
                rows.append(not_measured(title, against, goal, why[name]))
                continue
            rows.append(row(title, against, goal, [t["companion"]["cpu_seconds_a_million"] / t[name]["cpu_seconds_a_million"] for t in took]))
        ours = sides["companion"]
        report_rows("companion_cpu", rows, {
            "runs": took,
            "rows_a_request": round(ours.metric("outrigger_companion_rows_total") / ours.metric("outrigger_companion_requests_total"), 1)})


main()
