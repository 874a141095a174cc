# SPDX-License-Identifier: Apache-2.0
"""Judges warnings against what really happened: when each fault was warned of, what was missed, what was false."""

CALM = "NORMAL"


def episodes(levels):
    """Unbroken runs of readings above NORMAL: [(first ms, last ms)] of [[ms, level]] in order of time."""
    found, open_ = [], None
    for ms, level in levels:
        if level != CALM:
            open_ = (open_[0], ms) if open_ else (ms, ms)
        elif open_:
            found.append(open_)
            open_ = None
    return found + ([open_] if open_ else [])


class Verdict:
    """faults: [(label, series, began ms, ended ms)]; levels: {series: [[ms, level]]}.

    A fault is warned of by the first reading above NORMAL between its begin and its end. An episode that touches no
    fault of its series, nor the `grace` ms after one (the way back to normal), is a false warning.
    """

    def __init__(self, faults, levels, grace=0):
        self.rows, self.false = [], []
        for label, series, began, ended in faults:
            warned = next((ms for ms, level in levels.get(series, []) if began <= ms <= ended and level != CALM), None)
            self.rows.append((label, series, began, ended, warned))
        for series, readings in levels.items():
            mine = [(began, ended + grace) for _, of, began, ended in faults if of == series]
            self.false += [(series, first, last) for first, last in episodes(readings)
                           if not any(first <= ended and last >= began for began, ended in mine)]
        self.readings = sum(len(readings) for readings in levels.values())
        self.flagged = sum(level != CALM for readings in levels.values() for _, level in readings)

    def missed(self):
        return [row for row in self.rows if row[4] is None]

    def table(self, moment, span):
        """Lines of text. moment(ms) and span(ms) say times and durations."""
        head = ("fault", "asset", "began", "warned", "delay")
        cells = [head] + [(label, series, moment(began), moment(warned) if warned else "missed", span(warned - began) if warned else "–")
                          for label, series, began, _, warned in self.rows]
        widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
        lines = ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in cells]
        lines.insert(1, "  " + "  ".join("─" * width for width in widths))
        share = 100 * self.flagged / self.readings if self.readings else 0
        return lines + ["", f"  missed: {len(self.missed())} of {len(self.rows)}   false warnings: {len(self.false)}   "
                            f"flagged: {self.flagged} of {self.readings} readings ({share:.2f} %)"]
