#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The checker of `./dev chaos` sees each way in which a sample can go wrong, and nothing where none does."""
import copy
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "flows"))
import chaos

ACKNOWLEDGED = {"X1": {1: 20.0, 2: 30.0, 3: 60.0}, "P1": {4: 20.0, 5: 70.0}, "Q1": {6: chaos.POISON, 7: 40.0}}


def said(value):
    return {"anomalyScore": value * 2 + 1, "warningLevel": "WARNING" if value > 50 else "NORMAL"}


class CheckerTest(unittest.TestCase):
    def setUp(self):
        self.outputs = {asset: [(ms, said(value)) for ms, value in points.items() if value != chaos.POISON]
                        for asset, points in ACKNOWLEDGED.items()}
        self.dead = {"X1": [], "P1": [], "Q1": [6]}

    def sees(self, words):
        with self.assertRaisesRegex(AssertionError, words):
            chaos.check(copy.deepcopy(ACKNOWLEDGED), self.outputs, self.dead)

    def test_what_went_right_is_right(self):
        chaos.check(ACKNOWLEDGED, self.outputs, self.dead)

    def test_an_asset_without_order_may_change_it(self):
        self.outputs["P1"].reverse()
        chaos.check(ACKNOWLEDGED, self.outputs, self.dead)

    def test_a_lost_output(self):
        self.outputs["X1"].pop(1)
        self.sees("1 of 3 lost")

    def test_a_doubled_output(self):
        self.outputs["X1"].append(self.outputs["X1"][2])
        self.sees("ended more than once")

    def test_two_outputs_of_an_ordered_asset_swapped(self):
        self.outputs["X1"][0], self.outputs["X1"][1] = self.outputs["X1"][1], self.outputs["X1"][0]
        self.sees("out of order")

    def test_a_forgotten_dead_letter(self):
        self.dead["Q1"] = []
        self.sees("lost")

    def test_a_doubled_dead_letter(self):
        self.dead["Q1"].append(6)
        self.sees("ended more than once")

    def test_a_good_sample_that_became_a_dead_letter(self):
        self.outputs["X1"].pop(0)
        self.dead["X1"].append(1)
        self.sees("differ from the poison")

    def test_a_wrong_score(self):
        self.outputs["X1"][0][1]["anomalyScore"] += 1
        self.sees("wrong outputs")

    def test_a_wrong_level(self):
        self.outputs["X1"][0][1]["warningLevel"] = "WARNING"
        self.sees("wrong outputs")

    def test_an_output_of_a_sample_that_nobody_sent(self):
        self.outputs["X1"].append((9, said(1.0)))
        self.sees("nobody sent")


if __name__ == "__main__":
    unittest.main()
