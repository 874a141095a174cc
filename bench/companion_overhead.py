#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a companion adds at 1,000 rec/s, feed record acknowledged -> output readable, over a bare loop of the same delivery."""
from _companion import WARM_UP, bare, companion, model
from _side import LONGER, Broker, report_rows, row

RATE, SECONDS, PAIRS = 1000, 6 * LONGER, 3


def main():
    with Broker() as kafka, model() as port, companion(kafka.address, port) as ours, bare(kafka.address, port) as floor:
        for _ in range(2):
            ours.pace(RATE, WARM_UP / 4), floor.pace(RATE, WARM_UP / 4)
        pairs = [(ours.pace(RATE, SECONDS), floor.pace(RATE, SECONDS)) for _ in range(PAIRS)]
        floor_is = "librdkafka and sockets, 16 in flight, transactions when drained or at 100 ms"
        report_rows("companion_overhead",
                    [row(f"companion at {RATE} rec/s, ms over the floor, p50", floor_is, "<= 0.1 ms", [a["p50_ms"] - b["p50_ms"] for a, b in pairs]),
                     row(f"companion at {RATE} rec/s, ms over the floor, p99", floor_is, "<= 1 ms", [a["p99_ms"] - b["p99_ms"] for a, b in pairs])],
                    [{"companion": a, "bare": b} for a, b in pairs])


main()
