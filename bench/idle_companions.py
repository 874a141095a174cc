#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What 299 more idle companions cost a host that has one: resident memory and threads of data_companion."""
import pathlib
import time

from _companion import TENANT, companion, model
from _side import Broker, ask, report_rows, row, until

MORE, REST = 299, 10  # seconds: health is polled, journals are written


def status(pid):
    lines = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    return {"KiB": int(lines["VmRSS"].split()[0]), "threads": int(lines["Threads"])}


def main():
    with Broker() as kafka, model() as port, companion(kafka.address, port) as side:
        side.pace(100, 5)  # what is made on first use is there
        time.sleep(REST)
        before, cpu = status(side.process.pid), side.cpu()
        time.sleep(REST)
        one = (side.cpu() - cpu) / REST
        ask("control", kafka.address, "deploy", TENANT, "m", MORE, port, "run")
        until("all companions", lambda: len(side.metrics("outrigger_companion_lag")) > MORE, 90)
        time.sleep(REST)
        after, cpu = status(side.process.pid), side.cpu()
        time.sleep(REST)
        rows = [row("an idle companion, KiB", "a host with one", "<= 64", [(after["KiB"] - before["KiB"]) / MORE]),
                row("an idle companion, threads", "a host with one", "<= 0", [(after["threads"] - before["threads"]) / MORE])]
        report_rows("idle_companions", rows, {"with one": before, f"with {MORE + 1}": after,
                                              "cores with one": one, f"cores with {MORE + 1}": (side.cpu() - cpu) / REST})


main()
