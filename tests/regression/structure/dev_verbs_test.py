#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev as somebody meets it who has never seen it: help everywhere, one clear line for each mistake."""
import pathlib
import subprocess
import tempfile
import unittest

CHECKOUT = pathlib.Path(__file__).resolve().parents[3]
VERBS = ("demo", "test", "up", "down", "build", "bench", "chaos", "lint", "format")


def dev(*words, cwd="/"):
    done = subprocess.run([str(CHECKOUT / "dev"), *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=cwd,
                          timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


class Dev(unittest.TestCase):
    def test_without_arguments_it_prints_help_that_names_every_verb(self):
        code, out, _ = dev()
        self.assertEqual(code, 0)
        for verb in VERBS:
            self.assertIn(f"\n  {verb} ", out)

    def test_every_verb_has_help(self):
        for verb in (*VERBS, "exec"):
            code, out, err = dev(verb, "--help")
            self.assertEqual((code, err), (0, ""), verb)
            self.assertTrue(out.startswith(f"usage: ./dev {verb}"), verb)
            self.assertEqual(out, dev("help", verb)[1])

    def test_mistakes_get_one_line_that_says_what_to_do(self):
        for words, names in [(["fly"], "./dev lists them"), (["up", "--engine", "podman"], "--engine podman"),
                             (["up", "--with", "mqtt"], "--with mqtt"), (["up", "--fast"], "./dev up --help"),
                             (["down", "now"], "./dev down --help"), (["up", "--dir", "/proc/nowhere"], "--dir"),
                             (["bench", "nothing-of-the-kind"], "nothing-of-the-kind"),
                             (["build", "--preset", "fast"], "./dev build --help")]:
            code, out, err = dev(*words)
            self.assertNotEqual(code, 0, words)
            self.assertEqual(out, "", words)
            self.assertEqual(len(err.strip().splitlines()), 1, (words, err))
            self.assertIn(names, err, words)

    def test_somebody_elses_folder_is_left_alone(self):
        with tempfile.TemporaryDirectory() as folder:
            kept = pathlib.Path(folder, "kafka", "thesis.tex")
            kept.parent.mkdir()
            kept.write_text("years of work")
            for words in (["--dir", folder], [f"--dir={folder}"]):
                code, _, err = dev("up", *words)
                self.assertEqual(code, 1)
                self.assertEqual(err, f"dev: {folder} holds kafka of somebody else: choose an empty folder with --dir DIR\n")
            self.assertEqual(kept.read_text(), "years of work")

    def test_down_where_nothing_is_up_is_fine(self):
        self.assertEqual(dev("down", "--dir", "/tmp/outrigger-never-was")[0], 0)
        self.assertFalse(pathlib.Path("/tmp/outrigger-never-was").exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
