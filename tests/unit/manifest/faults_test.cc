// SPDX-License-Identifier: Apache-2.0
// Faults of members: each is told with its pointer and code, and costs nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "documents.h"

namespace outrigger::manifest {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

struct BadMember {
  std::string label;
  Json document;
  std::string pointer;
  std::string code;
};
void PrintTo(const BadMember& bad, std::ostream* out) { *out << bad.label; }

BadMember Bad(const Json& base, const std::string& pointer, Json value, const std::string& code,
              const std::string& at = {}) {
  const std::string label = pointer + " is " + value.dump().substr(0, 40);
  return {label, With(base, pointer, std::move(value)), at.empty() ? pointer : at, code};
}

BadMember Gone(const Json& base, const std::string& pointer) {
  return {pointer + " left out", Without(base, pointer), pointer, "missing"};
}

class BadManifest : public ::testing::TestWithParam<BadMember> {};

TEST_P(BadManifest, IsRefusedAtItsMember) {
  const BadMember& bad = GetParam();

  const ParseOutcome outcome = ParseManifest(bad.document.dump(), Format::kJson);

  EXPECT_FALSE(outcome.manifest.has_value());
  EXPECT_EQ(outcome.document, nullptr);
  const Fault* fault = FindFault(outcome.faults, bad.pointer, bad.code);
  ASSERT_NE(fault, nullptr) << ::testing::PrintToString(Pointers(outcome.faults)) << " "
                            << outcome.faults.front().code << ": " << outcome.faults.front().detail;
  EXPECT_THAT(fault->detail, HasSubstr("line 1, column "));
  EXPECT_EQ(outcome.faults.size(), 1u) << outcome.faults.back().detail;
}

// The same faults are found in YAML and in a document that was parsed before.
TEST_P(BadManifest, IsRefusedTheSameInEveryForm) {
  const BadMember& bad = GetParam();
  const auto expected = Pointers(ParseManifest(bad.document.dump(), Format::kJson).faults);

  EXPECT_EQ(Pointers(ParseManifest(
                         Json{
                             {"manifest", bad.document}
  }
                             .dump(),
                         Format::kJson)
                         .faults),
            expected);
  EXPECT_EQ(Pointers(ParseManifest(bad.document).faults), expected);
  if (!bad.document.dump().contains("\\u")) {
    EXPECT_EQ(Pointers(ParseManifest(bad.document.dump(1), Format::kYaml).faults), expected);
  }
}

INSTANTIATE_TEST_SUITE_P(Missing, BadManifest,
                         ::testing::ValuesIn(std::vector<BadMember>{
                             Gone(RealTime(), "/model"),
                             Gone(RealTime(), "/trigger"),
                             Gone(RealTime(), "/inputs"),
                             Gone(RealTime(), "/outputs"),
                             Gone(RealTime(), "/model/type"),
                             Gone(RealTime(), "/model/scoreEndpoint"),
                             Gone(RealTime(), "/model/healthCheckEndpoint"),
                             Gone(RealTime(), "/model/hosted"),
                             Gone(RealTime(), "/model/container"),
                             Gone(RealTime(), "/model/container/image"),
                             Gone(RealTime(), "/trigger/type"),
                             Gone(RealTime(), "/inputs/0/dataColumnName"),
                             Gone(RealTime(), "/outputs/1/dataColumnName"),
                             Gone(Window(), "/trigger/frequency"),
                             Gone(Window(), "/trigger/timeWindowSize"),
                             Bad(Without(RealTime(), "/model/container"), "/model/hosted",
                                 "external", "missing", "/model/externalUrl"),
                             Bad(RealTime(), "/model/artifact", Json::object(), "missing",
                                 "/model/artifact/uri"),
                             Bad(RealTime(), "/model/container/customRegistry", Json::object(),
                                 "missing", "/model/container/customRegistry/registry"),
                             Bad(RealTime(), "/model/container/customRegistry",
                                 {{"registry", "r.io"}, {"username", "u"}},
                                  "missing",
                                 "/model/container/customRegistry/password"),
                             Bad(RealTime(), "/model/container/customRegistry",
                                 {{"registry", "r.io"}, {"password", "p"}},
                                  "missing",
                                 "/model/container/customRegistry/username")
}));

INSTANTIATE_TEST_SUITE_P(
    OfTheWrongType, BadManifest,
    ::testing::ValuesIn(std::vector<BadMember>{
        Bad(RealTime(), "/model", "http", "type"),
        Bad(RealTime(), "/inputs", Json::object(), "type"),
        Bad(RealTime(), "/inputs/0", 7, "type"),
        Bad(RealTime(), "/inputs/0", nullptr, "type"),
        Bad(RealTime(), "/inputs/0/dataColumnName", 5, "type"),
        Bad(RealTime(), "/inputs/0/readAsString", "yes", "type"),
        Bad(RealTime(), "/inputs/0/readAsString", 0, "type"),
        Bad(RealTime(), "/inputs/0/unit", nullptr, "type"),
        Bad(RealTime(), "/description", {"x"           },
          "type"),
        Bad(RealTime(), "/description", nullptr, "type"),
        Bad(RealTime(), "/trigger", Json::array(), "type"),
        Bad(RealTime(), "/version", 5, "type"),
        Bad(RealTime(), "/name", true, "type"),
        Bad(RealTime(), "/provenance", {"x"           },
          "type"),
        Bad(RealTime(), "/provenance", nullptr, "type"),
        Bad(RealTime(), "/model/env", {{"A", 1}      },
          "type", "/model/env/A"),
        Bad(RealTime(), "/model/env", {{"A", nullptr}},
          "type", "/model/env/A"),
        Bad(RealTime(), "/model/env", {"A=1"         },
          "type"),
        Bad(RealTime(), "/model/stateful", "true", "type"),
        Bad(RealTime(), "/model/async", true, "type"),
        Bad(RealTime(), "/model/port", "8080", "type"),
        Bad(RealTime(), "/model/port", 80.5, "type"),
        Bad(RealTime(), "/model/resources", {{"cpu", 1}    },
          "type", "/model/resources/cpu"),
        Bad(Window(), "/trigger/frequency", 1.5, "type"),
        Bad(Window(), "/trigger/frequency", "5000", "type"),
        Bad(Window(), "/trigger/frequency", true, "type"),
        Bad(Window(), "/trigger/frequency", Json::object(), "type"),
        Bad(RealTime(), "/trigger/frequency", nullptr, "type"),
        Bad(RealTime(), "/model/container/tag", 1, "type")
}));

INSTANTIATE_TEST_SUITE_P(Unknown, BadManifest,
                         ::testing::ValuesIn(std::vector<BadMember>{
                             Bad(RealTime(), "/inptus", Json::array(), "unknown-field"),
                             Bad(RealTime(), "/trigger/frequencyMs", 5, "unknown-field"),
                             Bad(RealTime(), "/model/container/imagee", "x", "unknown-field"),
                             Bad(RealTime(), "/inputs/0/colour", 1, "unknown-field"),
                             Bad(RealTime(), "/outputs/1/type", "string", "unknown-field"),
                             Bad(RealTime(), "/model/health", {{"intervall", 5}},
                               "unknown-field",
                                 "/model/health/intervall"),
                             Bad(RealTime(), "/model/a~1b", 1, "unknown-field"),
                             Bad(RealTime(), "/$schema", "x", "unknown-field"),
                             Bad(RealTime(), "/manifest", Json::object(), "unknown-field")
}));

INSTANTIATE_TEST_SUITE_P(WithAnotherWord, BadManifest,
                         ::testing::ValuesIn(std::vector<BadMember>{
                             Bad(RealTime(), "/model/type", "grpc", "value"),
                             Bad(RealTime(), "/model/type", "HTTP", "value"),
                             Bad(RealTime(), "/model/type", "", "value"),
                             Bad(RealTime(), "/model/hosted", "cloud", "value"),
                             Bad(RealTime(), "/trigger/type", "HOURLY", "value"),
                             Bad(Window(), "/trigger/alignment", "nearest", "value"),
                             Bad(RealTime(), "/model/v2", {{"packing", "diagonal"}},
                               "value",
                                 "/model/v2/packing")
}));

INSTANTIATE_TEST_SUITE_P(
    OutOfRange, BadManifest,
    ::testing::ValuesIn(std::vector<BadMember>{
        Bad(Window(), "/trigger/frequency", 99, "range"),
        Bad(Window(), "/trigger/frequency", -5000, "range"),
        Bad(Window(), "/trigger/frequency", 0, "range"),
        Bad(Window(), "/trigger/frequency", 1e300, "range"),
        Bad(Window(), "/trigger/frequency", -1e300, "range"),
        Bad(Window(), "/trigger/frequency", 9223372036854775807, "range"),
        Bad(Window(), "/trigger/frequency", 9223372036854775808.0, "range"),
        Bad(RealTime(), "/trigger/frequency", 99, "range"),
        Bad(Window(), "/trigger/timeWindowSize", std::int64_t{32                            }
          * 86400000, "range"),
        Bad(Window(), "/trigger/timeWindowSize", std::int64_t{31                            }
          * 86400000 + 1, "range"),
        Bad(Window(), "/trigger/timeWindowSize", -1, "range"),
        Bad(Window(), "/trigger/timeWindowSize", 0, "range"),
        Bad(Window(), "/trigger/timeWindowSize", -0.0, "range"),
        Bad(Window(), "/trigger/timeWindowSize", 50'000'001, "range"),
        Bad(Window(), "/trigger/allowedLateness", -1, "range"),
        Bad(RealTime(), "/model/port", 70000, "range"),
        Bad(RealTime(), "/model/port", 0, "range"),
        Bad(RealTime(), "/model/timeout", -1, "range"),
        Bad(RealTime(), "/model/timeout", 0, "range"),
        Bad(RealTime(), "/model/replicas", 0, "range"),
        Bad(RealTime(), "/model/replicas", 65, "range"),
        Bad(RealTime(), "/model/async", {{"deadline", 0}               },
          "range", "/model/async/deadline"),
        Bad(RealTime(), "/model/async", {{"deadline", 86400001}        },
          "range", "/model/async/deadline"),
        Bad(RealTime(), "/model/health", {{"interval", 0}               },
          "range", "/model/health/interval"),
        Bad(RealTime(), "/model/health", {{"failures", 0}               },
          "range", "/model/health/failures"),
        Bad(RealTime(), "/model/retry", {{"tries", 0}                  },
          "range", "/model/retry/tries"),
        Bad(RealTime(), "/version", std::string(65, 'v'), "length"),
        Bad(RealTime(), "/version", "", "length"),
        Bad(RealTime(), "/inputs/0/dataColumnName", "", "length"),
        Bad(RealTime(), "/inputs/0/dataColumnName", std::string(129, 'c'), "length"),
        Bad(RealTime(), "/inputs", Json::array(), "count"),
        Bad(RealTime(), "/outputs", Json::array(), "count"),
        Bad(RealTime(), "/inputs", Columns(257), "count"),
        Bad(RealTime(), "/outputs", Columns(257), "count"),
        Bad(RealTime(), "/model/env", {{"A", std::string(40000, 'x')}},
          "length",
            "/model/env/A")
}));

INSTANTIATE_TEST_SUITE_P(
    OfBadGrammar, BadManifest,
    ::testing::ValuesIn(std::vector<BadMember>{
        Bad(RealTime(), "/name", "Not A Label", "format"),
        Bad(RealTime(), "/name", std::string(64, 'a'), "format"),
        Bad(RealTime(), "/name", "../etc", "format"),
        Bad(RealTime(), "/name", "", "format"),
        Bad(RealTime(), "/name", "-a", "format"),
        Bad(RealTime(), "/version", "1\n2", "format"),
        Bad(RealTime(), "/inputs/0/dataColumnName", "a\tb", "format"),
        Bad(RealTime(), "/inputs/0/dataColumnName",
            "a\xC2\x85"
            "b",
            "format"),
        Bad(RealTime(), "/inputs/0/unit", "no-such-unit", "format"),
        Bad(RealTime(), "/inputs/0/unit", "°C", "format"),
        Bad(RealTime(), "/outputs/0/unit", "", "format"),
        Bad(RealTime(), "/model/env", {{"PATH", "/bin"}},
          "format", "/model/env/PATH"),
        Bad(RealTime(), "/model/env", {{"PORT", "1"}},
          "format", "/model/env/PORT"),
        Bad(RealTime(), "/model/env", {{"AMQP_URL", "x"}},
          "format", "/model/env/AMQP_URL"),
        Bad(RealTime(), "/model/env", {{"LD_PRELOAD", "x.so"}},
          "format", "/model/env/LD_PRELOAD"),
        Bad(RealTime(), "/model/env", {{"OUTRIGGER_TENANT", "x"}},
          "format",
            "/model/env/OUTRIGGER_TENANT"),
        Bad(RealTime(), "/model/env", {{"A=B", "x"}},
          "format", "/model/env/A=B"),
        Bad(RealTime(), "/model/env", {{"", "x"}},
          "format", "/model/env/"),
        Bad(RealTime(), "/model/env", {{"1A", "x"}},
          "format", "/model/env/1A"),
        Bad(RealTime(), "/model/resources", {{"cpu", "half"}},
          "format", "/model/resources/cpu"),
        Bad(RealTime(), "/model/resources", {{"cpu", "0"}},
          "format", "/model/resources/cpu"),
        Bad(RealTime(), "/model/resources", {{"cpu", "-1"}},
          "format", "/model/resources/cpu"),
        Bad(RealTime(), "/model/resources", {{"cpu", "nan"}},
          "format", "/model/resources/cpu"),
        Bad(RealTime(), "/model/resources", {{"memory", "256MB"}},
          "format",
            "/model/resources/memory"),
        Bad(RealTime(), "/model/resources", {{"memory", "999999999Ti"}},
          "format",
            "/model/resources/memory"),
        Bad(RealTime(), "/model/artifact", {{"uri", "model.onnx"}},
          "format",
            "/model/artifact/uri"),
        Bad(RealTime(), "/model/artifact", {{"uri", "file:///m"}, {"sha256", "abc"}},
          "format",
            "/model/artifact/sha256")
}));

INSTANTIATE_TEST_SUITE_P(
    WithABadEndpoint, BadManifest,
    ::testing::ValuesIn(std::vector<BadMember>{
        Bad(RealTime(), "/model/scoreEndpoint", "http://169.254.169.254/score", "format"),
        Bad(RealTime(), "/model/scoreEndpoint", "//evil.example/score", "format"),
        Bad(RealTime(), "/model/scoreEndpoint", "score", "format"),
        Bad(RealTime(), "/model/scoreEndpoint", "", "format"),
        Bad(RealTime(), "/model/scoreEndpoint", "/a/../b", "format"),
        Bad(RealTime(), "/model/scoreEndpoint", "/a/%2e%2E/b", "format"),
        Bad(RealTime(), "/model/scoreEndpoint", "/a/.%2e", "format"),
        Bad(RealTime(), "/model/scoreEndpoint", "/a b", "format"),
        Bad(RealTime(), "/model/scoreEndpoint", "/a?b", "format"),
        Bad(RealTime(), "/model/scoreEndpoint", "/a#b", "format"),
        Bad(RealTime(), "/model/scoreEndpoint", "/a\\b", "format"),
        Bad(RealTime(), "/model/scoreEndpoint", "/a\r\nX: y", "format"),
        Bad(RealTime(), "/model/scoreEndpoint", "/a%0d%0aX", "format"),
        Bad(RealTime(), "/model/scoreEndpoint", "/a%2fb", "format"),
        Bad(RealTime(), "/model/scoreEndpoint", "/a%zz", "format"),
        Bad(RealTime(), "/model/scoreEndpoint", "/a%2", "format"),
        Bad(RealTime(), "/model/healthCheckEndpoint", "health", "format"),
        Bad(RealTime(), "/model/assetEventsEndpoint", "https://x/events", "format"),
        Bad(With(RealTime(), "/model/type", "amqp"), "/model/scoreEndpoint", "amq.direct",
            "format"),
        Bad(With(RealTime(), "/model/type", "amqp"), "/model/scoreEndpoint", std::string(256, 'q'),
            "format"),
        Bad(RealTime(), "/model/type", "kserve-v2", "format", "/model/scoreEndpoint"),
        Bad(With(RealTime(), "/model/type", "kserve-v2"), "/model/scoreEndpoint",
            "/v2/models//infer", "format"),
        Bad(With(RealTime(), "/model/hosted", "external"), "/model/externalUrl",
            "ftp://example.org", "format"),
        Bad(With(RealTime(), "/model/hosted", "external"), "/model/externalUrl", "http://",
            "format"),
        Bad(With(RealTime(), "/model/hosted", "external"), "/model/externalUrl", "http://u:p@x.org",
            "format"),
        Bad(With(RealTime(), "/model/hosted", "external"), "/model/externalUrl", "http://x.org:0",
            "format"),
        Bad(With(RealTime(), "/model/hosted", "external"), "/model/externalUrl", "http://x.org/?a",
            "format"),
        Bad(With(RealTime(), "/model/hosted", "external"), "/model/externalUrl", "http://x.org/..",
            "format")}));

INSTANTIATE_TEST_SUITE_P(
    WithABadImage, BadManifest,
    ::testing::ValuesIn(std::vector<BadMember>{
        Bad(RealTime(), "/model/container/image", "", "format"),
        Bad(RealTime(), "/model/container/image", "Model", "format"),
        Bad(RealTime(), "/model/container/image", "../../bin/sh", "format"),
        Bad(RealTime(), "/model/container/image", "a/../b", "format"),
        Bad(RealTime(), "/model/container/image", "/a", "format"),
        Bad(RealTime(), "/model/container/image", "a//b", "format"),
        Bad(RealTime(), "/model/container/image", "a:1", "format"),
        Bad(RealTime(), "/model/container/image", "a@sha256:00", "format"),
        Bad(RealTime(), "/model/container/image", "a..b", "format"),
        Bad(RealTime(), "/model/container/image", "a___b", "format"),
        Bad(RealTime(), "/model/container/image", "-a", "format"),
        Bad(RealTime(), "/model/container/image", "a ", "format"),
        Bad(RealTime(), "/model/container/image", "http://x.io/a", "format"),
        Bad(RealTime(), "/model/container/image", "x.io:99999/a", "format"),
        Bad(RealTime(), "/model/container/image", std::string(256, 'a'), "format"),
        Bad(RealTime(), "/model/container/tag", "", "format"),
        Bad(RealTime(), "/model/container/tag", "../1", "format"),
        Bad(RealTime(), "/model/container/tag", ".1", "format"),
        Bad(RealTime(), "/model/container/tag", "a/b", "format"),
        Bad(RealTime(), "/model/container/tag", std::string(129, 'a'), "format"),
        Bad(RealTime(), "/model/container/digest", "sha256:abc", "format"),
        Bad(RealTime(), "/model/container/digest", "md5:" + std::string(32, 'a'), "format"),
        Bad(RealTime(), "/model/container/digest", "sha256:" + std::string(64, 'A'), "format"),
        Bad(RealTime(), "/model/container/customRegistry", {{"registry", "https://r.io"}},
          "format",
            "/model/container/customRegistry/registry"),
        Bad(RealTime(), "/model/container/customRegistry", {{"name", "a b"}             },
          "format",
            "/model/container/customRegistry/name")
}));

INSTANTIATE_TEST_SUITE_P(
    ThatContradictsItself, BadManifest,
    ::testing::ValuesIn(std::vector<BadMember>{
        Bad(RealTime(), "/outputs/1/dataColumnName", "anomalyScore", "duplicate"),
        Bad(RealTime(), "/inputs/1", {{"dataColumnName", "temperature"}},
          "duplicate",
            "/inputs/1/dataColumnName"),
        Bad(With(RealTime(), "/model/type", "amqp"), "/model/async", Json::object(), "combination"),
        Bad(RealTime(), "/model/container/customRegistry", {{"name", "r"}, {"registry", "r.io"}},
            "combination", "/model/container/customRegistry/registry")
}));

TEST(Faults, AreToldAllAtOnceInTheOrderOfTheText) {
  Json document = RealTime();
  document["inptus"] = Json::array();
  document["trigger"] = {
      {"type", "HOURLY"}
  };
  document["version"] = 5;
  document["inputs"][0]["unit"] = "furlong";
  document["model"].erase("hosted");
  document["model"]["port"] = 0;

  const auto faults = ParseManifest(document.dump(), Format::kJson).faults;

  EXPECT_THAT(Pointers(faults),
              ::testing::UnorderedElementsAre("/inptus", "/trigger/type", "/version",
                                              "/inputs/0/unit", "/model/hosted", "/model/port"));
  EXPECT_TRUE(
      std::ranges::is_sorted(faults, {}, [](const Fault& fault) { return fault.at.column; }));
}

TEST(Faults, SayWhatWasFoundWhatIsAllowedWhereAndWhatWasMeant) {
  const std::string text = R"({
  "inptus": [],
  "model": {"type": "htp"})" +
                           RealTime().dump().substr(0, 0) + "\n}";

  const auto faults = ParseManifest(text, Format::kJson).faults;

  const Fault* unknown = FindFault(faults, "/inptus", "unknown-field");
  ASSERT_NE(unknown, nullptr);
  EXPECT_THAT(unknown->detail, HasSubstr("Did you mean \"inputs\"?"));
  EXPECT_EQ(unknown->at.line, 2u);
  const Fault* type = FindFault(faults, "/model/type", "value");
  ASSERT_NE(type, nullptr);
  EXPECT_EQ(type->detail,
            "\"type\" must be one of \"http\", \"amqp\", \"kserve-v2\"; found \"htp\" (line 3, "
            "column 21). Did you mean \"http\"?");
  EXPECT_EQ(type->found, "\"htp\"");
  EXPECT_EQ(type->at.line, 3u);
  EXPECT_EQ(type->at.column, 21u);
}

TEST(Faults, OfAMissingMemberTellWhereItsObjectBegins) {
  const auto faults = ParseManifest("\n {\"inputs\": []}", Format::kJson).faults;

  const Fault* missing = FindFault(faults, "/model", "missing");
  ASSERT_NE(missing, nullptr);
  EXPECT_EQ(missing->at.line, 2u);
  EXPECT_EQ(missing->at.column, 2u);
}

TEST(Faults, AreBoundedHoweverManyThereAre) {
  Json document = RealTime();
  for (int i = 0; i < 50'000; ++i) document["unknown" + std::to_string(i)] = i;

  const auto faults = ParseManifest(document.dump(), Format::kJson).faults;

  EXPECT_EQ(faults.size(), 1001u);
  EXPECT_EQ(faults.back().code, "too-many-faults");
  EXPECT_THAT(faults.back().detail, HasSubstr("49000 more"));
}

TEST(Faults, ShortenWhatTheyQuote) {
  const auto faults =
      ParseManifest(With(RealTime(), "/name", std::string(500'000, 'x')).dump(), Format::kJson)
          .faults;

  ASSERT_EQ(faults.size(), 1u);
  EXPECT_LT(faults[0].detail.size(), 400u);
}

TEST(Faults, NeverNameThePassword) {
  Json document = RealTime();
  document["model"]["container"]["customRegistry"] = {
      {"registry", "r.io"     },
      {"username", "u"        },
      {"password", "hunter2\n"},
      {"pasword",  "hunter2"  }
  };
  document["model"]["container"]["customRegistry"]["username"] = 5;

  for (const Fault& fault : ParseManifest(document.dump(), Format::kJson).faults) {
    EXPECT_THAT(fault.detail, ::testing::Not(HasSubstr("hunter2"))) << fault.pointer;
    EXPECT_THAT(fault.found, ::testing::Not(HasSubstr("hunter2"))) << fault.pointer;
  }
}

}  // namespace
}  // namespace outrigger::manifest
