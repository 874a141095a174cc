#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Records a second of a companion whose model takes batches, against a librdkafka loop that only consumes the same feed."""
from _companion import companion, model
from _side import LONGER, Broker, ask, report

RECORDS, PAIRS = int(100_000 * LONGER), 3


def main():
    with Broker() as kafka, model() as port, companion(kafka.address, port) as ours:
        written = 0

        def ours_once(count):
            nonlocal written
            ours.state("pause")
            written += count
            return ours.job(count, lambda: ours.state("run"))["per_second"]

        def floor():
            return ask("bare", "consume", kafka.address, ours.feed, written)["per_second"]

        for _ in range(3):  # the broker compiles its own code meanwhile
            ours_once(RECORDS)
        floor()
        pairs = [(ours_once(RECORDS), floor()) for _ in range(PAIRS)]
        report("companion_throughput", ">= 0.5", [a / b for a, b in pairs],
               {"records_a_second": [{"companion": a, "consume loop": b} for a, b in pairs],
                "rows_a_request": round(ours.metric("outrigger_companion_rows_total") / ours.metric("outrigger_companion_requests_total"), 1)},
               "a librdkafka loop that only consumes")


main()
