#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lane_test.py asan-ubsan|clang-tidy: the long lanes of ./dev test, as tests, so that ctest's summary tells of them.

Skipped (77) unless ./dev test asked for them with OUTRIGGER_LANES=1. clang-tidy looks at the pure libraries here, at all
sources by ./dev lint --tidy.
"""
import os
import pathlib
import subprocess
import sys

CHECKOUT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(CHECKOUT / "deploy/local"))
import lint
from builder import configure


def asan_ubsan():
    folder = CHECKOUT / "build/asan-ubsan"
    if subprocess.run(["ninja", "-C", str(folder)], check=False).returncode:
        return 1
    environment = os.environ | {"ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1",
                                "UBSAN_OPTIONS": "print_stacktrace=1", "CTEST_OUTPUT_ON_FAILURE": "1"}
    return subprocess.run(["ctest", "--test-dir", str(folder), "-j2", "--no-tests=error"], env=environment, check=False).returncode


def clang_tidy():
    faults = lint.tidy(configure("tidy"), print, lint.tidy_sample())
    print("\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    if not os.environ.get("OUTRIGGER_LANES"):
        print("skipped: a lane of ./dev test")
        sys.exit(77)
    sys.exit({"asan-ubsan": asan_ubsan, "clang-tidy": clang_tidy}[sys.argv[1]]())
