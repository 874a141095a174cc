// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "outrigger/scoring/score_reply.h"
#include "outrigger/scoring/score_request.h"

namespace outrigger::scoring {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

const Row kFirst{
    EventTime{100},
    {21.5, true},
    7, {}
};
const Row kSecond{
    EventTime{200},
    {1e21, std::string("x\"ü")},
    9, {}
};
const Row kThird{
    EventTime{300},
    {0.1, std::monostate{}},
    3, {}
};
const std::vector<AssetRows> kAsked{
    {"x1",  {&kFirst, &kSecond}},
    {"y\n", {&kThird}          }
};
const std::vector<OutputColumn> kOutputs{
    {"score", ValueType::kNumber},
    {"level", ValueType::kString}
};

std::string Request(bool as_string) {
  const std::vector<InputColumn> columns{
      {"temperature", as_string},
      {"flag",        as_string}
  };
  return ScoreRequest({"d-1", "m", "1.0", "d"}, columns, kAsked);
}

TEST(ScoreRequestTest, SendsColumnsNotRows) {
  EXPECT_EQ(json::parse(Request(false)), json::parse(R"({
    "requestId": "d-1", "model": {"name": "m", "version": "1.0", "deployment": "d"},
    "trigger": "REAL_TIME", "window": null,
    "data": [{"assetId": "x1", "time": [100, 200],
              "columns": {"temperature": [21.5, 1e21], "flag": [true, "x\"ü"]}, "seq": [7, 9]},
             {"assetId": "y\n", "time": [300],
              "columns": {"temperature": [0.1], "flag": [null]}, "seq": [3]}]})"));
}

TEST(ScoreRequestTest, ReadAsStringHoldsShortestNumbersAndWordsForBooleans) {
  const auto data = json::parse(Request(true)).at("data");

  EXPECT_EQ(data[0]["columns"]["temperature"], json({"21.5", "1e+21"}));
  EXPECT_EQ(data[0]["columns"]["flag"], json({"true", "x\"ü"}));
  EXPECT_EQ(data[1]["columns"]["temperature"], json({"0.1"}));
  EXPECT_EQ(data[1]["columns"]["flag"], json::array({nullptr}));
}

TEST(ScoreRequestTest, EstimatesItsRowsNeverMuchTooLow) {
  std::size_t estimate = 0;
  for (const auto& asset : kAsked)
    for (const Row* row : asset.rows) estimate += RequestBytes(*row);

  EXPECT_GT(estimate + 200, Request(true).size());
}

Result<std::vector<AssetOutput>> Check(const json& reply) {
  return CheckReply(reply.dump(), kOutputs, kAsked);
}

json Output(const std::string& asset, json score, json level) {
  return {
      {"assetId", asset                                                     },
      {"columns", {{"score", std::move(score)}, {"level", std::move(level)}}}
  };
}

TEST(CheckReplyTest, WithoutTimesRowsTakeThoseOfTheInput) {
  const auto checked = Check({
      {"outputs", {Output("x1", {1, 2.5}, {"A", "B"})}}
  });

  ASSERT_TRUE(checked.ok()) << checked.error().ToString();
  ASSERT_EQ(checked->size(), 1U);
  EXPECT_EQ((*checked)[0].times, (std::vector<std::int64_t>{100, 200}));
  EXPECT_EQ(json::parse(OutRecordValue("x1", kOutputs, (*checked)[0])),
            json::parse(R"({"assetId": "x1", "time": [100, 200],
                            "columns": {"score": [1, 2.5], "level": ["A", "B"]}})"));
}

TEST(CheckReplyTest, FewerRowsAtAnyTimesAndAssetsLeftOutAreFine) {
  auto output = Output("x1", {1}, {"A"});
  output["time"] = {12345};

  const auto checked = Check({
      {"outputs", {output} },
      {"extra",   "ignored"}
  });

  ASSERT_TRUE(checked.ok());
  EXPECT_EQ((*checked)[0].times, (std::vector<std::int64_t>{12345}));
  EXPECT_TRUE(Check({
                        {"outputs", json::array()}
  })
                  ->empty());
}

TEST(CheckReplyTest, PiecesOfOneAssetAreOneOutput) {
  auto first = Output("x1", {1}, {"A"}), second = Output("x1", {2}, {"B"});
  first["time"] = {100};
  second["time"] = {200};

  const auto checked = Check({
      {"outputs", {first, second}}
  });

  ASSERT_EQ(checked->size(), 1U);
  EXPECT_EQ((*checked)[0].times.size(), 2U);
  first["time"] = second["time"] = {1, 2};
  first["columns"] = second["columns"] = Output("x1", {1, 2}, {"A", "B"})["columns"];
  EXPECT_FALSE(Check({
                         {"outputs", {first, second}}
  })
                   .ok());
}

struct BadReply {
  const char* why;
  std::string body;
};

class BadReplyTest : public ::testing::TestWithParam<BadReply> {};

TEST_P(BadReplyTest, IsCorrectlyRefused) {
  const auto checked = CheckReply(GetParam().body, kOutputs, kAsked);

  ASSERT_FALSE(checked.ok()) << GetParam().why;
  EXPECT_EQ(checked.error().code(), ErrorCode::kCorrupt);
}

std::string With(const std::string& inner) { return R"({"outputs": [)" + inner + "]}"; }

INSTANTIATE_TEST_SUITE_P(
    Every, BadReplyTest,
    ::testing::Values(
        BadReply{"no JSON", "nonsense"}, BadReply{"empty", ""}, BadReply{"array", "[]"},
        BadReply{"no outputs", "{}"}, BadReply{"outputs null", R"({"outputs": null})"},
        BadReply{"output no object", With("3")},
        BadReply{"no asset", With(R"({"columns": {"score": [1, 2], "level": ["A", "B"]}})")},
        BadReply{"other asset",
                 With(R"({"assetId": "z", "columns": {"score": [1], "level": ["A"]}})")},
        BadReply{"no columns", With(R"({"assetId": "x1"})")},
        BadReply{"missing output", With(R"({"assetId": "x1", "columns": {"score": [1, 2]}})")},
        BadReply{
            "unknown output",
            With(
                R"({"assetId": "x1", "columns": {"score": [1, 2], "level": ["A", "B"], "z": [1, 2]}})")},
        BadReply{"NaN",
                 With(R"({"assetId": "x1", "columns": {"score": [NaN, 2], "level": ["A", "B"]}})")},
        BadReply{
            "infinity",
            With(R"({"assetId": "x1", "columns": {"score": [1e999, 2], "level": ["A", "B"]}})")},
        BadReply{
            "null",
            With(R"({"assetId": "x1", "columns": {"score": [null, 2], "level": ["A", "B"]}})")},
        BadReply{"wrong type",
                 With(R"({"assetId": "x1", "columns": {"score": ["1", 2], "level": ["A", "B"]}})")},
        BadReply{"number for text",
                 With(R"({"assetId": "x1", "columns": {"score": [1, 2], "level": ["A", 3]}})")},
        BadReply{"array as string",
                 With(R"({"assetId": "x1", "columns": {"score": [1, 2], "level": [["A"], "B"]}})")},
        BadReply{"too few without time",
                 With(R"({"assetId": "x1", "columns": {"score": [1], "level": ["A"]}})")},
        BadReply{
            "uneven",
            With(
                R"({"assetId": "x1", "time": [1, 2], "columns": {"score": [1, 2], "level": ["A"]}})")},
        BadReply{
            "more rows",
            With(
                R"({"assetId": "x1", "time": [1, 2, 3], "columns": {"score": [1, 2, 3], "level": ["A", "B", "C"]}})")},
        BadReply{
            "time no number",
            With(R"({"assetId": "x1", "time": ["1"], "columns": {"score": [1], "level": ["A"]}})")},
        BadReply{
            "time negative",
            With(R"({"assetId": "x1", "time": [-1], "columns": {"score": [1], "level": ["A"]}})")},
        BadReply{"duplicate key", R"({"outputs": [], "outputs": []})"}));

TEST(CheckReplyTest, TheReasonNamesTheOutput) {
  const auto checked = Check({
      {"outputs", {Output("x1", {1, "2"}, {"A", "B"})}}
  });

  EXPECT_THAT(checked.error().message(), HasSubstr("score"));
}

TEST(VerdictTest, FollowsTheContract) {
  EXPECT_EQ(VerdictOf(200), Verdict::kAnswered);
  for (const int status : {408, 425, 429, 500, 503, 599})
    EXPECT_EQ(VerdictOf(status), Verdict::kTryAgain) << status;
  for (const int status : {400, 401, 404, 413, 422})
    EXPECT_EQ(VerdictOf(status), Verdict::kRefused) << status;
  for (const int status : {100, 201, 202, 204, 301, 307, 600})
    EXPECT_EQ(VerdictOf(status), Verdict::kBadReply) << status;
}

TEST(RetryAfterTest, ReadsSecondsAndDatesAndNothingElse) {
  constexpr std::int64_t kNow = 784'111'777'000;  // Sun, 06 Nov 1994 08:49:37 GMT

  EXPECT_EQ(RetryAfter("3", kNow), Millis(3'000));
  EXPECT_EQ(RetryAfter("999999", kNow), Millis(3'600'000));
  EXPECT_EQ(RetryAfter("Sun, 06 Nov 1994 08:49:47 GMT", kNow), Millis(10'000));
  EXPECT_EQ(RetryAfter("Sun, 06 Nov 1994 08:49:30 GMT", kNow), Millis(0));
  for (const auto* text : {"", "-1", "3.5", "soon", "3 "})
    EXPECT_FALSE(RetryAfter(text, kNow)) << text;
}

}  // namespace
}  // namespace outrigger::scoring
