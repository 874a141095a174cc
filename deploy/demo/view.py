# SPDX-License-Identifier: Apache-2.0
"""The live view of the demo: a small table that redraws itself in a terminal, plain lines anywhere else."""
import shutil
import sys
import threading
import time

from session import NoAnswer, Refusal

BARS = "▁▂▃▄▅▆▇█"
COLORS = {"WARNING": "\x1b[33m", "CRITICAL": "\x1b[31m", "NORMAL": "\x1b[32m"}


class View:
    """Asks for the latest values in a thread of its own, so that a slow answer never delays a reading."""

    def __init__(self, client, faults, start, arms):
        self.client, self.faults, self.start, self.assets = client, faults, start, (*arms, "this-computer")
        columns = shutil.get_terminal_size().columns
        self.live, self.recent = sys.stdout.isatty() and columns >= 100, max(6, min(24, columns - 94))
        self.latest, self.trail = {}, {name: "" for name in self.assets}
        self.levels, self.events, self.told = {}, [], set()
        self.lines, self.drawn_at = 0, -10.0
        self.ending = threading.Event()
        self.asking = threading.Thread(target=self.ask, daemon=True)

    def __enter__(self):
        self.asking.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.asking.join(5)

    def ask(self):
        while not self.ending.wait(0.4):
            for name in self.assets:
                try:
                    values = self.client.latest(name)
                except (NoAnswer, Refusal):
                    continue
                self.latest[name] = values
                score = values.get("Anomaly Score", {}).get("value")
                if score is not None:
                    self.trail[name] = (self.trail[name] + BARS[min(7, int(score * 8))])[-self.recent:]
                self.notice(name, values.get("Warning Level"))

    def notice(self, name, level):
        """A change of level is an event."""
        if not level or level["time"] < self.start:
            return
        before, self.levels[name] = self.levels.get(name, "NORMAL"), level["value"]
        if before != level["value"]:
            self.events.append(f"{(level['time'] - self.start) / 1000:6.1f} s  {name}: {before} → {level['value']}")

    def show(self, seconds, ms):
        for fault in self.faults:
            for moment, word in ((fault.began, "begins"), (fault.ended, "is repaired")):
                if seconds >= moment and (fault, word) not in self.told:
                    self.told.add((fault, word))
                    self.events.append(f"{moment:6.1f} s  {fault.arm}: {fault.kind} {word} (only the simulator knows)")
        if self.live and seconds - self.drawn_at >= 0.5:
            self.drawn_at = seconds
            self.draw(seconds)
        elif not self.live:
            while self.events:
                print("   " + self.events.pop(0), flush=True)
            if seconds - self.drawn_at >= 10:
                self.drawn_at = seconds
                print(f"   {seconds:6.1f} s  " + "  ".join(self.brief(name) for name in self.assets), flush=True)

    def brief(self, name):
        score = self.latest.get(name, {}).get("Anomaly Score", {}).get("value")
        return f"{name} " + ("–" if score is None else f"{score:.2f}")

    def draw(self, seconds):
        rows = [f"   {seconds:5.0f} s   {'':10}value{'':49}score  {'recent':{self.recent}}  level"]
        for name in self.assets:
            values = self.latest.get(name, {})
            readings = "  ".join(f"{t.lower()} {v['value']:6.2f}" for t, v in values.items() if isinstance(v["value"], (int, float)) and t != "Anomaly Score")
            score, level = values.get("Anomaly Score", {}).get("value"), self.levels.get(name, "")
            shown = "  – " if score is None else f"{score:.2f}"
            rows.append(f"   {name:8.8}  {readings:48.48} {shown}  {self.trail[name]:24} {COLORS.get(level, '')}{level}\x1b[0m")
        rows += ["", *(f"   {event}" for event in self.events[-6:])]
        out = f"\x1b[{self.lines}A" if self.lines else ""
        sys.stdout.write(out + "".join(f"\r\x1b[K{row}\n" for row in rows) + "\x1b[J")
        sys.stdout.flush()
        self.lines = len(rows)
