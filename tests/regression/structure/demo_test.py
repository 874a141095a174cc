#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The demo's own judgement: what counts as warned, missed and false; recordings and labels as people write them."""
import json
import pathlib
import re
import sys
import tempfile
import unittest

CHECKOUT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(CHECKOUT / "deploy/demo"))
import page
import replay
from session import Refused
from simulator import ARMS, Arm, Computer, faults_for
from verdict import Verdict, episodes


def levels(text):
    """'..ww.c' -> one reading a second."""
    names = {".": "NORMAL", "w": "WARNING", "c": "CRITICAL"}
    return [[i * 1000, names[letter]] for i, letter in enumerate(text)]


class Judgement(unittest.TestCase):
    def test_episodes_are_unbroken_runs_above_normal(self):
        self.assertEqual(episodes(levels("..wwc..w")), [(2000, 4000), (7000, 7000)])
        self.assertEqual(episodes(levels("....")), [])

    def test_a_fault_is_warned_of_by_the_first_reading_above_normal_within_it(self):
        verdict = Verdict([("wear", "X2", 2000, 6000)], {"X2": levels("....ww....")})
        self.assertEqual(verdict.rows[0][4], 4000)
        self.assertEqual((verdict.missed(), verdict.false), ([], []))

    def test_a_fault_without_a_warning_is_missed_and_a_warning_without_a_fault_is_false(self):
        verdict = Verdict([("wear", "X2", 2000, 4000)], {"X2": levels(".......ww."), "X1": levels("w.........")})
        self.assertEqual(len(verdict.missed()), 1)
        self.assertEqual(verdict.false, [("X2", 7000, 8000), ("X1", 0, 0)])
        self.assertEqual((verdict.flagged, verdict.readings), (3, 20))

    def test_the_way_back_to_normal_is_no_false_warning(self):
        verdict = Verdict([("wear", "X2", 2000, 4000)], {"X2": levels("...wwww...w")}, grace=2000)
        self.assertEqual(verdict.false, [("X2", 10000, 10000)])

    def test_the_table_names_every_fault_and_the_sums(self):
        verdict = Verdict([("wear", "X2", 2000, 6000), ("heat", "Y1", 1000, 2000)], {"X2": levels("....ww....")})
        text = "\n".join(verdict.table(lambda ms: f"{ms / 1000:.0f} s", lambda ms: f"{ms / 1000:.0f} s"))
        self.assertRegex(text, r"wear +X2 +2 s +4 s +2 s")
        self.assertRegex(text, r"heat +Y1 +1 s +missed")
        self.assertIn("missed: 1 of 2   false warnings: 0   flagged: 2 of 10", text)


class Recordings(unittest.TestCase):
    def written(self, text, suffix=".csv"):
        file = tempfile.NamedTemporaryFile("w", suffix=suffix, delete=False)
        self.addCleanup(pathlib.Path(file.name).unlink)
        with file:
            file.write(text)
        return file.name

    def test_times_may_be_dates_or_unix_seconds_or_milliseconds(self):
        moment = 1385932500000
        for text in ("2013-12-01 21:15:00", "2013-12-01T21:15:00Z", "2013-12-01T22:15:00+01:00", "1385932500", "1385932500000"):
            self.assertEqual(replay.read_moment(text), moment, text)

    def test_a_header_is_skipped_and_a_bad_line_is_named(self):
        self.assertEqual(replay.read_recording(self.written("timestamp,value\n1385932500,1.5\n")), [(1385932500000, 1.5)])
        with self.assertRaisesRegex(Refused, ":3: 'oops'"):
            replay.read_recording(self.written("timestamp,value\n1385932500,1\noops\n"))
        with self.assertRaisesRegex(Refused, "no line"):
            replay.read_recording(self.written("timestamp,value\n"))
        with self.assertRaisesRegex(Refused, "cannot read"):
            replay.read_recording("/nowhere.csv")

    def test_labels_are_pairs_or_pairs_by_file_name(self):
        pairs = [["2013-12-15 17:50:00.000000", "2013-12-17 17:00:00.000000"]]
        plain = replay.read_windows(self.written(json.dumps(pairs), ".json"), "a.csv")
        named = replay.read_windows(self.written(json.dumps({"other/b.csv": [], "known/a.csv": pairs}), ".json"), "/x/a.csv")
        self.assertEqual(plain, named)
        self.assertEqual(len(plain), 1)
        none = replay.read_windows(self.written(json.dumps({"known/a.csv": [], "b.csv": pairs}), ".json"), "/x/a.csv")
        self.assertEqual(none, [])
        for missing in ({}, {"known/ba.csv": pairs}):
            with self.assertRaisesRegex(Refused, "no windows of a.csv"):
                replay.read_windows(self.written(json.dumps(missing), ".json"), "a.csv")
        with self.assertRaises(Refused):
            replay.read_windows(self.written('[["inf", "1e400"]]', ".json"), "a.csv")


class Simulator(unittest.TestCase):
    def test_each_fault_shows_in_its_reading_and_two_arms_stay_well(self):
        faults = faults_for(100)
        arms = {name: Arm(name, faults) for name in ARMS}
        seen = {name: [arm.read(i / 4) for i in range(400)] for name, arm in arms.items()}
        well = {f.arm for f in faults}
        self.assertEqual(len(well), 3)
        self.assertGreater(max(r["Vibration"] for r in seen["X2"]), 6)
        self.assertGreater(max(r["Temperature"] for r in seen["Y1"]), 70)
        stuck = [r["Rotation"] for r in seen["Z1"][220:340]]
        self.assertEqual(len(set(stuck)), 1)
        self.assertLess(max(r["Vibration"] for r in seen["A2"]), 3.5)

    def test_this_computer_has_load_and_memory(self):
        values = Computer().read()
        self.assertLessEqual({"CPU Load", "Memory"}, set(values))


class Page(unittest.TestCase):
    def test_it_needs_nothing_from_elsewhere_and_escapes_what_it_is_told(self):
        card = page.Card("<X1>", "arm & co", 0, 10_000, str)
        card.curve("Temperature", [(i, i % 7) for i in range(0, 10_000, 2)], "var(--data)")
        card.levels(page.runs(levels("..ww")))
        card.fault("wear", 2000, 4000)
        target = pathlib.Path(tempfile.mkdtemp(), "page.html")
        verdict = Verdict([("wear", "<X1>", 2000, 4000)], {"<X1>": levels("..ww")})
        page.write(target, "a page", "note", verdict, [card], str, str)
        text = target.read_text()
        self.assertNotIn("<X1>", text)
        self.assertEqual(re.findall(r"(?:src|href|url)\s*[=(]", text), [])
        self.assertNotRegex(text, r"https?://")

    def test_thinning_keeps_every_peak(self):
        points = [(i, 0.0) for i in range(20_000)]
        points[12_345] = (12_345, 9.0)
        thinned = page.thin(points)
        self.assertIn((12_345, 9.0), thinned)
        self.assertLessEqual(len(thinned), 1_802)


if __name__ == "__main__":
    unittest.main(verbosity=2)
