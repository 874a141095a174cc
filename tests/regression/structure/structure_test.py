#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""structure_test.py RULE: one rule of deploy/local/lint.py over the whole checkout; `faults`: each rule catches its fault."""
import pathlib
import subprocess
import sys

CHECKOUT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(CHECKOUT / "deploy/local"))
import lint


def rule_holds(name):
    faults = lint.CHECKS[name]()
    print("\n".join(faults) or f"{name}: ok")
    return 1 if faults else 0


def headers_compile_alone(build):
    return subprocess.run(["ninja", "-C", build, "all_verify_interface_header_sets"], check=False).returncode


def rules_catch_faults():
    """A rule that finds nothing anywhere would never fail: each is shown what it must refuse and what it must let pass."""
    refused = [
        ("libs/store/src/a.cc", "outrigger/http/server.h"), ("libs/base/include/outrigger/base/a.h", "outrigger/http/server.h"),
        ("libs/http/src/a.cc", "outrigger/messaging/kafka.h"), ("libs/manifest/src/a.cc", "outrigger/lifecycle/engine.h"),
        ("services/model_api/a.cc", "pqxx/pqxx"), ("libs/http/include/outrigger/http/a.h", "boost/beast.hpp"),
        ("libs/scoring/src/a.cc", "librdkafka/rdkafkacpp.h"), ("services/model_api/a.cc", "data_pusher/router.h"),
        ("libs/store/src/a.cc", "model_api/config.h"), ("libs/base/include/outrigger/base/a.h", "nlohmann/json.hpp"),
    ]
    allowed = [
        ("libs/store/src/a.cc", "outrigger/lifecycle/engine.h"), ("libs/store/src/a.cc", "pqxx/pqxx"),
        ("libs/http/src/a.cc", "boost/beast.hpp"), ("services/model_api/a.cc", "outrigger/http/server.h"),
        ("services/model_api/a.cc", "model_api/config.h"), ("libs/base/src/a.cc", "nlohmann/json.hpp"),
    ]
    wrong = [f"let pass: {file} includes {header}" for file, header in refused if not list(lint.include_faults(file.split("/"), header))]
    wrong += [f"refused: {file} includes {header}" for file, header in allowed if list(lint.include_faults(file.split("/"), header))]
    spans = [("libs/base/include/outrigger/base/result.h: Result", 0), ("libs/base/include/outrigger/base/result.h: NoSuchThing", 1),
             ("libs/base/no_such_file.h", 1), ("POST /models", 0)]
    wrong += [f"`{span}`: {expected} faults expected" for span, expected in spans if len(list(lint.doc_faults(span))) != expected]
    print("\n".join(wrong) or "every rule catches its fault")
    return 1 if wrong else 0


if __name__ == "__main__":
    rule = sys.argv[1]
    if rule == "faults":
        sys.exit(rules_catch_faults())
    if rule == "headers":
        sys.exit(headers_compile_alone(sys.argv[2]))
    sys.exit(rule_holds(rule))
