# SPDX-License-Identifier: Apache-2.0
"""Robot arms with faults, and this computer: where the demo's readings come from.

The faults are the ground truth: the simulator knows when each began and ended, the model does not.
"""
import math
import pathlib
import random

ARMS = ("X1", "X2", "Y1", "Z1", "A2")
TYPE = {"id": "robot-arm", "name": "Robot arm", "attributes": [{"name": "hall", "type": "string"}],
        "telemetries": [{"name": "Vibration", "type": "number", "unit": "mm/s"}, {"name": "Temperature", "type": "number", "unit": "Cel"},
                        {"name": "Rotation", "type": "number", "unit": "/min"},
                        {"name": "Anomaly Score", "type": "number"}, {"name": "Warning Level", "type": "string"}]}


class Fault:
    """What is wrong with one arm between two moments (seconds of the stream)."""

    def __init__(self, kind, arm, began, ended):
        self.kind, self.arm, self.began, self.ended = kind, arm, began, ended

    def touches(self, values, elapsed, before):
        if self.kind == "bearing wear":  # grows until the bearing is changed
            values["Vibration"] += min(0.25 * elapsed, 6.0) * (1 + 0.1 * math.sin(9 * elapsed))
        elif self.kind == "overheating":
            values["Temperature"] += min(1.2 * elapsed, 30.0)
        elif self.kind == "stuck sensor" and before:
            values["Rotation"] = before["Rotation"]


def faults_for(seconds):
    """Three faults on three arms, overlapping in time; X1 and A2 stay well."""
    return [Fault("bearing wear", "X2", 0.15 * seconds, 0.50 * seconds), Fault("overheating", "Y1", 0.35 * seconds, 0.65 * seconds),
            Fault("stuck sensor", "Z1", 0.55 * seconds, 0.85 * seconds)]


class Arm:
    """Readings of one arm: a working cycle, the warmth of the day, and noise."""

    def __init__(self, name, faults=()):
        self.name, self.random = name, random.Random(name)
        self.faults = [fault for fault in faults if fault.arm == name]
        self.phase, self.pace, self.before = self.random.uniform(0, 6), self.random.uniform(0.9, 1.1), None

    def read(self, seconds):
        """The values at this moment of the stream; negative: what the arm had stored before."""
        noise, turn = self.random.gauss, 2 * math.pi * self.pace * seconds + self.phase
        values = {"Vibration": 2.0 + 0.25 * math.sin(turn / 3.1) + noise(0, 0.12),
                  "Temperature": 46.0 + 1.5 * math.sin(turn / 37) + noise(0, 0.25),
                  "Rotation": 120.0 + 6.0 * math.sin(turn / 2.3) + noise(0, 1.5)}
        active = [fault for fault in self.faults if fault.began <= seconds < fault.ended]
        for fault in active:
            fault.touches(values, seconds - fault.began, self.before)
        if not any(fault.kind == "stuck sensor" for fault in active) or not self.before:
            self.before = dict(values)
        return {name: round(value, 3) for name, value in values.items()}


class Computer:
    """This computer: its load, its memory and, where a sensor is, its temperature."""

    def __init__(self):
        zones = [*pathlib.Path("/sys/class/thermal").glob("thermal_zone*/temp"), *pathlib.Path("/sys/class/hwmon").glob("hwmon*/temp1_input")]
        self.sensor = next((zone for zone in zones if self.celsius(zone) is not None), None)
        self.busy, self.total = self.ticks()

    @staticmethod
    def celsius(zone):
        try:
            value = int(zone.read_text()) / 1000
            return value if -50 < value < 150 else None
        except (OSError, ValueError):
            return None

    @staticmethod
    def ticks():
        fields = [int(word) for word in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        return sum(fields) - fields[3] - fields[4], sum(fields)

    def telemetries(self):
        """{telemetry: unit}"""
        return {"CPU Load": "%", "Memory": "%"} | ({"Temperature": "Cel"} if self.sensor else {})

    def read(self):
        busy, total = self.ticks()
        load = 100 * (busy - self.busy) / max(1, total - self.total)
        self.busy, self.total = busy, total
        memory = dict(line.split(":") for line in pathlib.Path("/proc/meminfo").read_text().splitlines())
        kib = {name: int(memory[name].split()[0]) for name in ("MemTotal", "MemAvailable")}
        values = {"CPU Load": round(load, 2), "Memory": round(100 * (1 - kib["MemAvailable"] / kib["MemTotal"]), 3)}
        if self.sensor and (celsius := self.celsius(self.sensor)) is not None:
            values["Temperature"] = celsius
        return values
