# SPDX-License-Identifier: Apache-2.0
"""Runs every bench of this folder, one after another, and prints one table of them."""
import datetime
import json
import os
import pathlib
import subprocess
import sys
import time

from _side import TOP, machine

HERE = pathlib.Path(__file__).resolve().parent
BY_NAME_ONLY = ("growth",)  # prints a table of its own
LIMIT = 1800  # seconds for one


def version(*words):
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except OSError:
        return "none"
    return next(iter((done.stdout + done.stderr).splitlines()), "").strip()


def facts():
    here = machine()
    memory = next(line.split()[1] for line in open("/proc/meminfo") if line.startswith("MemTotal"))
    librdkafka = version("dpkg-query", "-W", "-f", "${Version}", "librdkafka1")
    return [f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC, commit {version('git', '-C', str(TOP), 'describe', '--always', '--dirty')}",
            f"{here['cores']} cores of {here['cpu']}, {int(memory) // 2**20} GiB, Linux {here['kernel']}, load before {os.getloadavg()[0]:.1f}",
            f"{version('g++', '--version')}; librdkafka {librdkafka}; {version('java', '-version')}; Kafka 3.9.1; "
            f"{version('/usr/lib/postgresql/17/bin/postgres', '--version')}; {version('nginx', '-v')}; Python {sys.version.split()[0]}"]


def run(script):
    """The rows of one bench; of one that failed a row that says so."""
    began = time.monotonic()
    print(f"bench: {script.stem} …", file=sys.stderr, flush=True)
    try:
        done = subprocess.run([sys.executable, "-B", str(script)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=LIMIT, check=False)
        said, faults, code = done.stdout, done.stderr, done.returncode
    except subprocess.TimeoutExpired:
        said, faults, code = "", f"it did not end within {LIMIT} s", 1
    took = time.monotonic() - began
    lines = said.strip().splitlines()
    if code or not lines:
        own = [line for line in faults.splitlines() if line.startswith(("bench", "SystemExit")) or "Error" in line]
        why = (own or faults.splitlines() or ["it said nothing"])[-1]
        rows = [{"row": script.stem, "against": "", "goal": "", "why": why[:200]}]
    else:
        rows = json.loads(lines[-1])["rows"]
    print(f"bench: {script.stem}: {took:.0f} s", file=sys.stderr, flush=True)
    for row in rows:
        print(f"bench:   {cells(script.stem, row)}", file=sys.stderr, flush=True)
    return [cells(script.stem, row) for row in rows]


def cells(bench, row):
    if "why" in row:
        measured, met = f"not measured: {row['why']}", ""
    else:
        measured = f"{row['median']:g} ({row['lowest']:g} to {row['highest']:g})"
        met = {True: "yes", False: "**no**", None: ""}[row["met"]]
    text = "" if row["row"] == bench else f": {row['row']}"
    return f"| `{bench}`{text} | {row['against']} | {row['goal']} | {measured} | {met} |"


def main():
    header, began = facts(), time.monotonic()
    scripts = [p for p in sorted(HERE.glob("*.py")) if not p.stem.startswith("_") and p.stem not in BY_NAME_ONLY]
    lines = [line for script in scripts for line in run(script)]
    print("\n".join(["", *(f"{fact}  " for fact in header), "", "| bench | against | goal | measured | met |", "|---|---|---|---|---|",
                     *lines, "", f"All of it took {(time.monotonic() - began) / 60:.0f} minutes."]))


main()
