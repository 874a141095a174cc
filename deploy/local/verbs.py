#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev build, test, lint, format, bench and chaos. Runs in the private root."""
import argparse
import os
import pathlib
import subprocess
import sys
import time

from builder import RUNTIME, build, configure, say
from layout import BUILD, CHECKOUT, Refused
import kafka_jars
import lint

SANITIZERS = "asan-ubsan"


def arguments(verb, words, *options):
    parser = argparse.ArgumentParser(prog=f"./dev {verb}", add_help=False, allow_abbrev=False)
    for names, settings in options:
        parser.add_argument(*names, **settings)

    def fault(message):
        raise Refused(f"{message} (see ./dev {verb} --help)")
    parser.error = fault
    return parser.parse_args(words)


def build_verb(words):
    given = arguments("build", words, (["--preset"], {"default": "release", "choices": ["release", SANITIZERS, "tsan"]}),
                      (["targets"], {"nargs": "*"}))
    began = time.monotonic()
    folder = build(given.preset, given.targets)
    say(f"built after {time.monotonic() - began:.0f} s: {folder.relative_to(CHECKOUT)}/bin")
    return 0


def test(words):
    given = arguments("test", words, (["-R"], {"default": ""}), (["-L"], {"default": ""}), (["--fast"], {"action": "store_true"}))
    part = bool(given.R or given.L or given.fast)
    began = time.monotonic()
    kafka_jars.fetch(say)
    folder = build("release", [], "cold about 15 minutes on two cores")
    os.environ["OUTRIGGER_LANES"] = "" if part else "1"
    if not part:
        build_lane()
    say(f"built after {time.monotonic() - began:.0f} s; testing (about ten minutes in all)")
    selection = ["-L", "unit|contract|regression"] if given.fast else []
    selection += ["-R", given.R] if given.R else []
    selection += ["-L", given.L] if given.L else []
    os.environ.setdefault("CTEST_OUTPUT_ON_FAILURE", "1")
    sys.stdout.flush()
    return subprocess.run(["ctest", "--test-dir", str(folder), "--output-on-failure", "--no-tests=error", "-j2", *selection],
                          stdin=subprocess.DEVNULL, check=False).returncode


def build_lane():
    """The sanitizers' build. If it fails, its test says so in the summary; the other tests run."""
    say("building the libraries and their tests with sanitizers (cold about ten minutes)")
    try:
        build(SANITIZERS, [])
    except Refused as error:
        say(str(error))


def format_verb(words):
    given = arguments("format", words, (["files"], {"nargs": "*"}))
    files = [str(pathlib.Path(f).resolve()) for f in given.files] or [str(f) for f in lint.cpp_files()]
    for i in range(0, len(files), 50):
        done = subprocess.run(["clang-format-19", "-i", *files[i:i + 50]], check=False)
        if done.returncode:
            return 1
    say(f"formatted {len(files)} files")
    return 0


def lint_verb(words):
    given = arguments("lint", words, (["--tidy"], {"action": "store_true"}))
    faults = lint.check_all(say)
    if given.tidy:
        faults += lint.tidy(configure("tidy"), say)
    for fault in faults:
        print(fault)
    say(f"{len(faults)} faults" if faults else "nothing to complain about")
    return 1 if faults else 0


def bench(words):
    folder = CHECKOUT / "bench"
    programs = {p.stem: p for p in sorted(folder.glob("*.py")) if not p.stem.startswith("_")}
    given = arguments("bench", words, (["name"], {"nargs": "?"}), (["--longer"], {"type": float, "default": 1}),
                      (["--list"], {"action": "store_true"}))
    if given.list:
        print("\n".join(programs))
        return 0
    if given.name and given.name not in programs:
        raise Refused(f"no bench {given.name!r}; there are: {', '.join(programs)}")
    if BUILD == "build/release":
        build("release", [])
    os.environ["OUTRIGGER_BENCH_LONGER"] = str(given.longer)
    program = programs[given.name] if given.name else folder / "_all.py"
    return subprocess.run([sys.executable, "-B", str(program)], check=False).returncode


def chaos(words):
    if BUILD == "build/release":
        build("release", (*RUNTIME, "preload_shifted_clock"))
    return subprocess.run([sys.executable, "-B", str(CHECKOUT / "tests/flows/chaos.py"), *words], check=False).returncode


def main():
    verbs = {"build": build_verb, "test": test, "lint": lint_verb, "format": format_verb, "bench": bench, "chaos": chaos}
    try:
        return verbs[sys.argv[1]](sys.argv[2:])
    except (Refused, kafka_jars.JarsUnavailable) as error:
        say(str(error))
        return 1
    except OSError as error:
        say(f"{error.filename or 'this machine'}: {error.strerror}")
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 130


if __name__ == "__main__":
    sys.exit(main())
