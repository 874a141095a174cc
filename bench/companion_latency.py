#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Feed record acknowledged -> output readable at 500 rec/s, exactly once: companion against Kafka Streams; bare loop and Python beside."""
import contextlib
import statistics

from _companion import WARM_UP, bare, companion, model, python, streams
from _fetch import Unavailable
from _side import LONGER, Broker, not_measured, report_rows, row

RATE, SECONDS, PAIRS = 500, 5 * LONGER, 3
AGAINST = "Kafka Streams 3.9.1 exactly once, java.net.http"


def main():
    with Broker() as kafka, model() as port, contextlib.ExitStack() as all_sides:
        sides, why = {}, {}
        for make in (companion, bare, streams, python):
            try:
                sides[make.__name__] = all_sides.enter_context(make(kafka.address, port))
            except Unavailable as error:
                why[make.__name__] = str(error)
        for side in sides.values():
            side.pace(RATE, WARM_UP / len(sides))
        took = [{name: side.pace(RATE, SECONDS) for name, side in sides.items()} for _ in range(PAIRS)]
        rows = []
        for what, goal in (("p50", "<= 0.35"), ("p99", "<= 0.5")):
            title = f"feed record to output at {RATE} rec/s, {what}"
            rows.append(row(title, AGAINST, goal, [t["companion"][f"{what}_ms"] / t["streams"][f"{what}_ms"] for t in took])
                        if "streams" in sides else not_measured(title, AGAINST, goal, why["streams"]))
        report_rows("companion_latency", rows, {
            "runs": took, "not_measured": why,
            "median_p50_ms": {name: statistics.median(t[name]["p50_ms"] for t in took) for name in sides}})


main()
