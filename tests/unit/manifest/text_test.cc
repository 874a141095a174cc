// SPDX-License-Identifier: Apache-2.0
// Texts that are no document, or a dangerous one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "documents.h"

namespace outrigger::manifest {
namespace {

using ::testing::HasSubstr;

constexpr int kDeep = 100'000;

std::string Repeat(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

std::string Replaced(std::string text, std::string_view from, std::string_view to) {
  return text.replace(text.find(from), from.size(), to);
}

std::string AliasBomb() {
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before +
            Repeat("," + before, 8) + "]\n";
  }
  return bomb + "description: *a11\n";
}

struct BadText {
  const char* label;
  std::string text;
  Format format;
  const char* code;
  const char* pointer = "";
};
void PrintTo(const BadText& bad, std::ostream* out) { *out << bad.label; }

class NoManifest : public ::testing::TestWithParam<BadText> {};

TEST_P(NoManifest, IsRefusedQuicklyWithOneFault) {
  const BadText& bad = GetParam();

  const ParseOutcome outcome = ParseManifest(bad.text, bad.format);

  EXPECT_FALSE(outcome.manifest.has_value());
  ASSERT_EQ(outcome.faults.size(), 1u);
  EXPECT_EQ(outcome.faults[0].code, bad.code) << outcome.faults[0].detail;
  EXPECT_EQ(outcome.faults[0].pointer, bad.pointer) << outcome.faults[0].detail;
  EXPECT_FALSE(outcome.faults[0].detail.empty());
}

const std::string kText = RealTime().dump();

INSTANTIATE_TEST_SUITE_P(
    OfJson, NoManifest,
    ::testing::ValuesIn(std::vector<BadText>{
        BadText{"empty", "", Format::kJson, "syntax"},
        BadText{"blank", " \n ", Format::kJson, "syntax"},
        BadText{"a list", "[]", Format::kJson, "type"},
        BadText{"null", "null", Format::kJson, "type"},
        BadText{"a string", "\"manifest\"", Format::kJson, "type"},
        BadText{"wrapped nothing", R"({"manifest": null})", Format::kJson, "type"},
        BadText{"wrapped twice", R"({"manifest": {"manifest": )" + kText + "}}", Format::kJson,
                "unknown-field", "/manifest"},
        BadText{"beside the wrapper", R"({"extra": 1, "manifest": )" + kText + "}", Format::kJson,
                "unknown-field", "/extra"},
        BadText{"truncated", kText.substr(0, kText.size() - 20), Format::kJson, "syntax"},
        BadText{"trailing text", kText + " x", Format::kJson, "syntax"},
        BadText{"two documents", kText + kText, Format::kJson, "syntax"},
        BadText{"a raw NUL", Replaced(kText, "a test's", std::string("a\0bar's", 7)), Format::kJson,
                "encoding"},
        BadText{"an escaped NUL", Replaced(kText, "a test's", "a\\u0000bar"), Format::kJson,
                "encoding", "/description"},
        BadText{"NUL at the end", kText + std::string(1, '\0'), Format::kJson, "encoding"},
        BadText{"NaN", Replaced(kText, "\"REAL_TIME\"", "NaN"), Format::kJson, "syntax"},
        BadText{"1e400", Replaced(kText, "\"REAL_TIME\"", "1e400"), Format::kJson, "number-range",
                "/trigger/type"},
        BadText{"1e400 wrapped", "{\"manifest\":" + Replaced(kText, "\"REAL_TIME\"", "1e400") + "}",
                Format::kJson, "number-range", "/trigger/type"},
        BadText{"invalid UTF-8", Replaced(kText, "a test", "a\xFF\xFE"), Format::kJson, "encoding"},
        BadText{"overlong UTF-8", Replaced(kText, "a test", "a\xC0\xAF"), Format::kJson,
                "encoding"},
        BadText{"a lone surrogate", Replaced(kText, "a test", "\\ud800"), Format::kJson, "encoding",
                "/description"},
        BadText{"UTF-16", std::string("\xFF\xFE{\0}\0", 6), Format::kJson, "encoding"},
        BadText{"deep lists", Repeat("[", kDeep) + Repeat("]", kDeep), Format::kJson, "too-deep"},
        BadText{"deep and unclosed", Repeat("{\"a\":", kDeep), Format::kJson, "too-deep"},
        BadText{"deep inside",
                kText.substr(0, kText.size() - 1) + ", \"provenance\": " + Repeat("[", kDeep),
                Format::kJson, "too-deep"},
        BadText{"depth 33", With(RealTime(), "/provenance", Nested(32)).dump(), Format::kJson,
                "too-deep"},
        BadText{"an endless comment", kText + " /* ", Format::kJson, "syntax"},
        BadText{"a duplicate at the top", R"({"description": "a", )" + kText.substr(1),
                Format::kJson, "duplicate-key", "/description"},
        BadText{"a duplicate inside",
                Replaced(kText, "\"type\":\"http\"", R"("type":"http","type":"http")"),
                Format::kJson, "duplicate-key", "/model/type"},
        BadText{"a duplicate inside a wrapper",
                "{\"manifest\":" +
                    Replaced(kText, "\"type\":\"http\"", R"("type":"http","type":"http")") + "}",
                Format::kJson, "duplicate-key", "/model/type"},
        BadText{"2 MiB of blanks", kText + std::string(2 << 20, ' '), Format::kJson, "too-large"},
        BadText{"2 MiB of comment", "//" + std::string(2 << 20, 'x') + "\n" + kText, Format::kJson,
                "too-large"}
}));

INSTANTIATE_TEST_SUITE_P(
    OfYaml, NoManifest,
    ::testing::ValuesIn(std::vector<BadText>{
        BadText{"empty", "", Format::kYaml, "syntax"},
        BadText{"comment only", "# x\n", Format::kYaml, "syntax"},
        BadText{"null", "~\n", Format::kYaml, "type"},
        BadText{"a text", "manifest\n", Format::kYaml, "type"},
        BadText{"alias bomb", AliasBomb(), Format::kYaml, "syntax"},
        BadText{"alias of itself", "description: &d [*d]\n", Format::kYaml, "syntax"},
        BadText{"unknown alias", "description: *nowhere\n", Format::kYaml, "syntax"},
        BadText{"anchor", "description: &a x\n", Format::kYaml, "syntax"},
        BadText{"anchor of null", "description: &a\n", Format::kYaml, "syntax"},
        BadText{"duplicate key", kText.substr(0, kText.size() - 1) + R"(, "description": "b"})",
                Format::kYaml, "duplicate-key", "/description"},
        BadText{"duplicate inside", "a: {b: [1, {c: 1, c: 2}]}\n", Format::kYaml, "duplicate-key",
                "/a/b/1/c"},
        BadText{"duplicate in other words", "description: a\n\"description\": b\n", Format::kYaml,
                "duplicate-key", "/description"},
        BadText{"deep flow", Repeat("[", kDeep) + Repeat("]", kDeep), Format::kYaml, "too-deep"},
        BadText{"deep flow, unclosed", Repeat("[", kDeep), Format::kYaml, "syntax"},
        BadText{"deep maps", Repeat("{a: ", kDeep) + Repeat("}", kDeep), Format::kYaml, "too-deep"},
        BadText{"deep block", Repeat("- ", kDeep) + "x\n", Format::kYaml, "too-deep"},
        BadText{"deep keys", Repeat("? ", kDeep) + "x\n", Format::kYaml, "syntax"},
        BadText{"depth 33", With(RealTime(), "/provenance", Nested(32)).dump(), Format::kYaml,
                "too-deep"},
        BadText{"a tag", "!!python/object/apply:os.system ['true']\n", Format::kYaml, "syntax"},
        BadText{"a local tag", "description: !mine x\n", Format::kYaml, "syntax"},
        BadText{"a core tag", "description: !!str 5\n", Format::kYaml, "syntax"},
        BadText{"broken", "model: [1\ntrigger: }\n", Format::kYaml, "syntax"},
        BadText{"two documents", kText + "\n---\n" + kText + "\n", Format::kYaml, "syntax"},
        BadText{"a NUL", "description: a" + std::string(1, '\0'), Format::kYaml, "encoding"},
        BadText{"an escaped NUL", "description: \"a\\0b\"\n", Format::kYaml, "encoding",
                "/description"},
        BadText{"invalid UTF-8", "description: \xFF\n", Format::kYaml, "encoding"},
        BadText{"a control character", "description: a\x01\n", Format::kYaml, "syntax"},
        BadText{"UTF-16", std::string("\xFE\xFF\0a\0:", 6), Format::kYaml, "encoding"},
        BadText{"infinity", "trigger: {frequency: .inf}\n", Format::kYaml, "number-range",
                "/trigger/frequency"},
        BadText{"not a number", "trigger: {frequency: .nan}\n", Format::kYaml, "number-range",
                "/trigger/frequency"},
        BadText{"1e400", "trigger:\n  frequency: 1e400\n", Format::kYaml, "number-range",
                "/trigger/frequency"},
        BadText{"a key that is a list", "[a, b]: 1\n", Format::kYaml, "syntax"},
        BadText{"a key that is null", "~: 1\n", Format::kYaml, "syntax"},
        BadText{"2 MiB of blanks", kText + std::string(2 << 20, ' '), Format::kYaml,
                "too-large"}
}));

class HostileYaml : public ::testing::TestWithParam<const char*> {};

// None of these takes a time that grows with the square of its length.
TEST_P(HostileYaml, EndsSoon) {
  const auto started = std::chrono::steady_clock::now();
  const std::string unit = GetParam();

  ParseManifest(Repeat(unit, static_cast<int>((128 << 10) / unit.size())), Format::kYaml);

  EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(5));
}

INSTANTIATE_TEST_SUITE_P(OfStrangers, HostileYaml,
                         ::testing::ValuesIn(std::vector<const char*>{
                             "[",     "{",          "- ",   "? ",    ": ",  "a: ", "[a, ", "\"",
                             "'",     "a\n",        "a:\n", "|\n",   "&a ", "*a ", "!",    "# x\n",
                             "---\n", "%a\n",       "\t",   "- a\n", "[],", "x,",  "{}: ", "\n ",
                             ">",     "\"a\": 1\n", "[]",   "]",     "}",   ",",   "a b "}));

TEST(AUnitOfPeople, GetsItsCodeAsTheHint) {
  const auto faults = ParseManifest(With(RealTime(), "/inputs/0/unit", "°C")).faults;

  ASSERT_EQ(faults.size(), 1u);
  EXPECT_THAT(faults[0].detail, HasSubstr("Did you mean \"Cel\"?"));
}

TEST(YamlFault, TellsLineAndColumn) {
  const auto faults = ParseManifest("description: x\nmodel:\n  type: htp\n", Format::kYaml).faults;

  const Fault* fault = FindFault(faults, "/model/type", "value");
  ASSERT_NE(fault, nullptr);
  EXPECT_EQ(fault->at.line, 3u);
  EXPECT_EQ(fault->at.column, 9u);
}

TEST(YamlFault, AsksForQuotesWhereANumberStandsForText) {
  const auto faults = ParseManifest("version: 1.10\n", Format::kYaml).faults;

  const Fault* fault = FindFault(faults, "/version", "type");
  ASSERT_NE(fault, nullptr);
  EXPECT_THAT(fault->detail, HasSubstr("Put the value in quotes."));
}

}  // namespace
}  // namespace outrigger::manifest
