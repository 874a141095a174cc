# SPDX-License-Identifier: Apache-2.0
"""What the benches of history share: a backlog in Kafka while PostgreSQL is away, and statements past the services."""
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request

from _side import TOP

sys.path.insert(0, str(TOP / "deploy/local"))
from processes import Process, descendants

ASSETS = 100


def rows_of(first, count):
    """(asset, time, value): a millisecond apart, the assets in turn."""
    return ((f"m{i % ASSETS}", first + i, i % 977 / 8) for i in range(count))


def backlog(system, first, count):
    """Writes samples to Kafka past the collector; returns when they are acknowledged."""
    lines = "".join(f"default/{asset}\t{json.dumps({'asset': asset, 'time': at, 'values': {'Temperature': value}})}\n"
                    for asset, at, value in rows_of(first, count))
    subprocess.run(["kcat", "-b", system.env["OUTRIGGER_KAFKA"], "-P", "-t", "telemetry", "-K", "\t", "-H", "tenant=default",
                    "-X", "linger.ms=20"], input=lines.encode(), check=True)


def archived(system):
    """Records of `telemetry` that the archive has committed."""
    with urllib.request.urlopen(system.env["OUTRIGGER_ADMIN_DATA_PUSHER"] + "/metrics", timeout=10) as answer:
        found = re.search(r'^outrigger_pusher_archived_total\{archive="telemetry"\} (\S+)', answer.read().decode(), re.MULTILINE)
    return float(found.group(1)) if found else 0.0


@contextlib.contextmanager
def frozen_postgres(system):
    leader = json.loads((system.dir / "run/status.json").read_text())["parts"]["postgres"]["pid"]
    held = [Process.of(leader), *descendants(leader)]
    for process in held:
        process.send(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in held:
            process.send(signal.SIGCONT)


def psql(system, *statements):
    """Runs statements as the owner of the schema; the text of what they yield."""
    words = [word for statement in statements for word in ("-c", statement)]
    done = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", system.env["OUTRIGGER_POSTGRES"], *words], check=True,
                          capture_output=True, text=True, env=os.environ | {"LC_ALL": "C"})
    return done.stdout.strip()
