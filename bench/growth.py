#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What grows with what: CPU and memory of each service at three sizes each of samples/s, models, assets and tenants."""
import json
import pathlib
import threading
import time

from _side import BIN, LONGER, System, cpu_seconds, until

SERVICES = ("MODEL_API", "DATA_COLLECTOR", "DATA_PUSHER", "DATA_COMPANION")
SECONDS, REST = 6 * LONGER, 4
BASE = {"samples/s": 100, "models": 1, "assets": 100, "tenants": 1}
SIZES = {"samples/s": (100, 400, 1600), "models": (1, 4, 16), "assets": (100, 1000, 10_000), "tenants": (1, 4, 16)}


class World:
    """A system that grows: types, assets, models and tenants are only ever added."""

    def __init__(self, system):
        self.system, self.models, self.assets, self.tenants = system, 0, 0, 1
        folder = system.dir / "images/quick/1"
        folder.mkdir(parents=True)
        (folder / "run").write_bytes((BIN / "bench_model").read_bytes())
        (folder / "run").chmod(0o755)
        for name in ("machine", "idle"):
            system.call("POST", "/asset-types", {"id": name, "name": name, "telemetries": [
                {"name": "Temperature", "type": "number"}, *({"name": f"Score {i}", "type": "number"} for i in range(SIZES["models"][-1]))]})

    def grow(self, models, assets, tenants):
        while self.assets < assets:
            ids = range(self.assets, min(assets, self.assets + 500))
            self.system.call("POST", "/assets", [{"id": f"m{i}", "name": f"m{i}", "type": "machine", "attributes": {}} for i in ids])
            self.assets = ids.stop
        while self.models < models:
            self.deploy(self.models)
            self.models += 1
        while self.tenants < tenants:
            self.system.call("POST", "/tenants", {"id": f"tenant-{self.tenants}"})
            self.tenants += 1

    def deploy(self, number):
        name, call = f"model-{number}", self.system.call
        call("POST", "/models", {"name": name, "model": {
            "type": "http", "scoreEndpoint": "/score", "healthCheckEndpoint": "/health", "hosted": "internal",
            "container": {"image": "quick", "tag": "1"}}, "trigger": {"type": "REAL_TIME"},
            "inputs": [{"dataColumnName": "t"}], "outputs": [{"dataColumnName": "score"}]})
        call("PUT", f"/models/{name}/mappings", {"inputs": {"t": {"assetType": "machine", "telemetry": "Temperature"}},
                                                 "outputs": {"score": {"assetType": "machine", "telemetry": f"Score {number}"}}})
        call("POST", f"/models/{name}/deploy")
        until(f"{name} being ACTIVE", lambda: call("GET", f"/models/{name}")["status"]["state"] == "ACTIVE", 60)

    def send(self, rate, stop):
        turn, began = 0, time.monotonic()
        while not stop.is_set():
            now = int(time.time() * 1000)
            batch = [{"asset": f"m{(turn * rate // 10 + i) % self.assets}", "time": now + i // self.assets,
                      "values": {"Temperature": 20 + i % 7}} for i in range(rate // 10)]
            self.system.call("POST", "/telemetry", batch, "DATA_COLLECTOR")
            turn += 1
            stop.wait(max(0, began + turn / 10 - time.monotonic()))

    def measure(self, rate):
        pids = [int(self.system.env[f"OUTRIGGER_PID_{service}"]) for service in SERVICES]
        stop = threading.Event()
        sender = threading.Thread(target=self.send, args=(rate, stop), daemon=True)
        sender.start()
        time.sleep(REST)
        before, began = [cpu_seconds(pid) for pid in pids], time.monotonic()
        time.sleep(SECONDS)
        took = time.monotonic() - began
        found = [((cpu_seconds(pid) - was) / took * 100, resident(pid)) for pid, was in zip(pids, before)]
        stop.set()
        sender.join(30)
        return found


def resident(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def main():
    results = []
    with System() as system:
        world = World(system)
        world.grow(BASE["models"], BASE["assets"], BASE["tenants"])
        world.measure(BASE["samples/s"])  # the broker compiles its own code meanwhile
        for what, sizes in SIZES.items():  # what was grown before stays: each block begins where the last one ended
            for size in sizes:
                now = {key: getattr(world, key) for key in ("models", "assets", "tenants")}
                if what in now:
                    now[what] = size
                world.grow(**now)
                results.append((what, size, world.measure(size if what == "samples/s" else BASE["samples/s"])))
    print("| grown | to | " + " | ".join(s.lower() for s in SERVICES) + " |\n|---|---|" + "---|" * len(SERVICES))
    for what, size, found in results:
        print(f"| {what} | {size:,} | " + " | ".join(f"{cpu:.1f} %, {memory:.0f} MiB" for cpu, memory in found) + " |")
    print("\nPer cent of one core and resident memory. Blocks follow one another: models stay when assets grow.")
    print(json.dumps({"bench": "growth", "rows": [], "figures": [{"grown": w, "to": s, "services": f} for w, s, f in results]}))


main()
