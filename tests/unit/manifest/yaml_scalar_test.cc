// SPDX-License-Identifier: Apache-2.0
// Scalars of YAML by the core schema.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "documents.h"

namespace outrigger::manifest {
namespace {

TEST(YamlScalar, IsReadByTheCoreSchema) {
  const auto provenance = [](std::string_view lines) {
    const ParseOutcome outcome =
        ParseManifest("manifest:\n  provenance:\n" + std::string(lines) + "  " +
                          "model: {type: http, scoreEndpoint: /s, healthCheckEndpoint: /h, hosted: "
                          "internal, container: {image: m, tag: a}}\n"
                          "  trigger: {type: REAL_TIME}\n  inputs: [{dataColumnName: a}]\n  "
                          "outputs: [{dataColumnName: b}]\n",
                      Format::kYaml);
    return outcome.manifest ? *outcome.manifest->provenance : Json(outcome.faults.front().detail);
  };

  EXPECT_EQ(provenance("    a: yes\n    b: No\n    c: on\n"),
            Json({
                {"a", "yes"},
                {"b", "No" },
                {"c", "on" }
  }));
  EXPECT_EQ(provenance("    a: true\n    b: False\n    c: TRUE\n"),
            Json({
                {"a", true },
                {"b", false},
                {"c", true }
  }));
  EXPECT_EQ(provenance("    a: ~\n    b:\n    c: Null\n"),
            Json({
                {"a", nullptr},
                {"b", nullptr},
                {"c", nullptr}
  }));
  EXPECT_EQ(provenance("    a: 0o17\n    b: 0x1F\n    c: 017\n    d: +5\n    e: -5\n"),
            Json({
                {"a", 15},
                {"b", 31},
                {"c", 17},
                {"d", 5 },
                {"e", -5}
  }));
  EXPECT_EQ(provenance("    a: 1.\n    b: .5\n    c: 1e3\n    d: -2.5E-1\n    e: 1e-999\n"),
            Json({
                {"a", 1.0   },
                {"b", 0.5   },
                {"c", 1000.0},
                {"d", -0.25 },
                {"e", 0.0   }
  }));
  EXPECT_EQ(
      provenance("    a: '5'\n    b: \"true\"\n    c: 1_000\n    d: 12:30\n    e: 2026-11-21\n"),
      Json({
          {"a", "5"         },
          {"b", "true"      },
          {"c", "1_000"     },
          {"d", "12:30"     },
          {"e", "2026-11-21"}
  }));
  EXPECT_EQ(provenance("    a: +-5\n    b: 0x\n    c: '-'\n    d: 1e\n    e: '.'\n"),
            Json({
                {"a", "+-5"},
                {"b", "0x" },
                {"c", "-"  },
                {"d", "1e" },
                {"e", "."  }
  }));
  EXPECT_EQ(provenance("    1: a\n    true: b\n    <<: c\n"),
            Json({
                {"1",    "a"},
                {"true", "b"},
                {"<<",   "c"}
  }));
  EXPECT_EQ(provenance("    a: 18446744073709551616\n"), Json({
                                                             {"a", 18446744073709551616.0}
  }));
  EXPECT_EQ(provenance("    a: |\n      two\n      lines\n    b: >-\n      one\n      line\n"),
            Json({
                {"a", "two\nlines\n"},
                {"b", "one line"    }
  }));
}

}  // namespace
}  // namespace outrigger::manifest
