#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/reference, made from the programs' own tables of settings: `reference.py FOLDER_OF_PROGRAMS [--write]`.

Without --write it compares, and says which page is stale.
"""
import pathlib
import subprocess
import sys

PAGES = pathlib.Path(__file__).resolve().parents[2] / "docs/reference"
PROGRAMS = ("model_api", "data_collector", "data_pusher", "data_companion", "edge_runtime")


def page(folder, program):
    text = subprocess.run([folder / program, "--help"], capture_output=True, text=True, check=True, timeout=10).stdout
    purpose, _, settings = text.partition("\n\n")
    return (f"# Settings of {purpose}\n\nA setting is taken from its default, `--config FILE` (lines `key=value`), the environment, and the command line, the\n"
            f"later the stronger. `--check-config` and `--print-config` show what is in force.\n\n{settings}")


def main():
    folder = pathlib.Path(sys.argv[1])
    stale = 0
    for program in PROGRAMS:
        made, kept = page(folder, program), PAGES / f"{program}.md"
        if "--write" in sys.argv:
            kept.write_text(made)
        elif not kept.exists() or kept.read_text() != made:
            print(f"docs/reference/{program}.md is stale: run ./dev exec python3 deploy/local/reference.py build/release/bin --write")
            stale += 1
    return 1 if stale else 0


sys.exit(main())
