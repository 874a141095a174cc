// SPDX-License-Identifier: Apache-2.0
#include "outrigger/base/json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace outrigger {
namespace {

using Json = nlohmann::json;

struct Refused {
  std::string text;
  std::string code;
  std::string pointer;
};

class RefusedJson : public ::testing::TestWithParam<Refused> {};

TEST_P(RefusedJson, IsRefusedWithItsCodeAndPointer) {
  JsonPositions positions;

  const auto parsed = ParseJson(GetParam().text, {.bytes = 4096, .depth = 4}, &positions);

  ASSERT_FALSE(parsed.has_value()) << GetParam().text;
  EXPECT_EQ(parsed.error().code, GetParam().code) << parsed.error().detail;
  EXPECT_EQ(parsed.error().pointer, GetParam().pointer);
}

INSTANTIATE_TEST_SUITE_P(
    OfStrangers, RefusedJson,
    ::testing::Values(
        Refused{"", "syntax", ""}, Refused{"  ", "syntax", ""}, Refused{"{", "syntax", ""},
        Refused{"[1,]", "syntax", ""}, Refused{"{\"a\":1,}", "syntax", ""},
        Refused{"{'a':1}", "syntax", ""}, Refused{"[01]", "syntax", ""},
        Refused{"[+1]", "syntax", ""}, Refused{"[.5]", "syntax", ""}, Refused{"[1.]", "syntax", ""},
        Refused{"[1e]", "syntax", ""}, Refused{"[NaN]", "syntax", ""},
        Refused{"[Infinity]", "syntax", ""}, Refused{"[-]", "syntax", ""},
        Refused{"nul", "syntax", ""}, Refused{"1 2", "syntax", ""}, Refused{"{} x", "syntax", ""},
        Refused{"[\"\x01\"]", "syntax", ""}, Refused{"[\"\\x\"]", "syntax", ""},
        Refused{"[\"\\u12\"]", "syntax", ""}, Refused{"[\"a", "syntax", ""},
        Refused{"// c\n1", "syntax", ""}, Refused{"\xEF\xBB\xBF{}", "syntax", ""},
        Refused{"[\"\\ud800\"]", "encoding", "/0"}, Refused{"[\"\\udc00\"]", "encoding", "/0"},
        Refused{"[\"\\ud800\\u0041\"]", "encoding", "/0"},
        Refused{"[\"\\u0000\"]", "encoding", "/0"}, Refused{"[\"\xff\"]", "encoding", ""},
        Refused{"[\"\xc0\xaf\"]", "encoding", ""}, Refused{"[\"\xed\xa0\x80\"]", "encoding", ""},
        Refused{std::string("[\"\0\"]", 5), "encoding", ""}, Refused{"[[[[[1]]]]]", "too-deep", ""},
        Refused{std::string(100000, '['), "too-large", ""},
        Refused{std::string(4000, '['), "too-deep", ""},
        Refused{"{\"a\":[1e400]}", "number-range", "/a/0"},
        Refused{"[" + std::string(400, '9') + "e-1]", "number-range", "/0"},
        Refused{"{\"a\":1,\"a\":2}", "duplicate-key", "/a"},
        Refused{"{\"x\":[{\"b/~\":1,\"b/~\":1}]}", "duplicate-key", "/x/0/b~1~0"}));

TEST(AcceptedJson, KeepsEveryValueAsItIs) {
  const auto parsed = ParseJson(
      R"({"a": [1, -0, 1.5e3, true, null, "\u00e9\ud83d\ude00\n"], "big": 18446744073709551616, "tiny": 1e-400})");

  ASSERT_TRUE(parsed.has_value()) << parsed.error().detail;
  EXPECT_EQ((*parsed)["a"][0], 1);
  EXPECT_TRUE((*parsed)["a"][0].is_number_integer());
  EXPECT_EQ((*parsed)["a"][2], 1500.0);
  EXPECT_EQ((*parsed)["a"][5], "\u00e9\U0001F600\n");
  EXPECT_EQ((*parsed)["big"], 18446744073709551616.0);
  EXPECT_EQ((*parsed)["tiny"], 0.0);
}

TEST(AcceptedJson, ReadsNumbersTooSmallToTellFromZeroAsZero) {
  for (const std::string& tiny :
       std::vector<std::string>{"1e-400", "0." + std::string(330, '0') + "1",
                                "1" + std::string(30, '0') + "e-400", "0.01e-400"}) {
    const auto parsed = ParseJson(tiny);

    ASSERT_TRUE(parsed.has_value()) << tiny;
    EXPECT_EQ(*parsed, 0.0) << tiny;
  }
}

TEST(AcceptedJson, MayHaveCommentsOutsideOfStringsWhenAskedFor) {
  const auto parsed = ParseJson("/* a */ {\"u\": \"http://x /* y */\" // z\n}", {.comments = true});

  ASSERT_TRUE(parsed.has_value()) << parsed.error().detail;
  EXPECT_EQ((*parsed)["u"], "http://x /* y */");
  EXPECT_FALSE(ParseJson("{} /* open", {.comments = true}).has_value());
}

TEST(AcceptedJson, TellsWhereEachValueBegins) {
  JsonPositions positions;

  ASSERT_TRUE(ParseJson("{\n  \"a\": [1,\n 22]}", {}, &positions).has_value());

  EXPECT_EQ(positions.at("/a/1").line, 3u);
  EXPECT_EQ(positions.at("/a/1").column, 2u);
  EXPECT_EQ(positions.at("").line, 1u);
}

TEST(DuplicateInJson, NamesADuplicateInsideByItsWholePointer) {
  const auto parsed = ParseJson(R"({"a": [{"b": 1, "b": 2}]})");

  ASSERT_FALSE(parsed.has_value());
  EXPECT_EQ(parsed.error().pointer, "/a/0/b");
}

// 300 KB of key over 100,000 elements would be 30 GB of pointers.
TEST(AcceptedJson, KeepsPositionsWithinBoundsUnderALongKey) {
  std::string text = "{\"first\": 1, \"" + std::string(300'000, 'k') + "\": [1";
  for (int i = 0; i < 100'000; ++i) text += ",1";
  JsonPositions positions;

  ASSERT_TRUE(ParseJson(text + "]}", {}, &positions).has_value());

  std::size_t bytes = 0;
  for (const auto& [pointer, at] : positions) bytes += pointer.size();
  EXPECT_LT(bytes, 32u << 20);
  EXPECT_TRUE(positions.contains("/first"));
}

TEST(NumberText, ReadsBackAsTheSameDouble) {
  for (const double value : {0.1, 1e21, -2.5, 1.0 / 3, 5e-324}) {
    EXPECT_EQ(std::strtod(NumberText(value).c_str(), nullptr), value);
  }
  EXPECT_EQ(NumberText(21.5), "21.5");
  EXPECT_EQ(NumberText(3), "3");
}

}  // namespace
}  // namespace outrigger
