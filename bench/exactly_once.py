#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Throughput of a companion, against the same program with its transactions turned into flushes (bench/no_transactions.cc):
the product has no other mode, and a loop of our own would measure that loop."""
from _companion import companion, model
from _side import BIN, LONGER, Broker, report

RECORDS, PAIRS = int(100_000 * LONGER), 3


def main():
    with Broker() as kafka, model() as port:
        def once(preload=None):
            """Each companion alone: two hosts would share the deployments."""
            with companion(kafka.address, port, preload) as side:
                rates = []
                for _ in range(2):
                    side.state("pause")
                    rates.append(side.job(RECORDS, lambda: side.state("run"))["per_second"])
                side.state("stop")
                return rates[-1]

        once(), once()  # the broker compiles its own code meanwhile
        pairs = [(once(), once(BIN / "bench_no_transactions.so")) for _ in range(PAIRS)]
        report("exactly_once", ">= 0.9", [a / b for a, b in pairs],
               [{"exactly once": a, "at least once": b} for a, b in pairs], "itself at least once: flushes in place of transactions")


main()
