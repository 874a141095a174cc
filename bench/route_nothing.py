#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Routing a sample that no route wants with 20,000 routes in the catalog, against the same with 10."""
from _side import LONGER, ask, report

SAMPLES, PAIRS = int(1_000_000 * LONGER), 5


def main():
    pairs = [(ask("routes", 20_000, SAMPLES)["ns_a_sample"], ask("routes", 10, SAMPLES)["ns_a_sample"]) for _ in range(PAIRS)]
    report("route_nothing", "<= 1.1", [many / few for many, few in pairs],
           [{"ns with 20,000": many, "ns with 10": few} for many, few in pairs], "itself with 10 routes, CPU time a sample")


main()
