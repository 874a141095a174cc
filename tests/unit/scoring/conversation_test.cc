// SPDX-License-Identifier: Apache-2.0
#include "outrigger/scoring/conversation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace outrigger::scoring {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::json;

class Conversation : public ::testing::Test {
 protected:
  const ModelShape shape_{
      .model = "m",
      .version = "1",
      .deployment = "d1",
      .inputs = {{"t", false},                   {"s", true}                   },
      .outputs = {{"score", OutputType::kNumber}, {"level", OutputType::kString}}
  };
  const std::vector<Row> rows_{
      {"x", {100}, 7, {Value(21.5), Value(0.1)},                {7}},
      {"y", {110}, 8, {Value(), Value(true)},                   {8}},
      {"x", {120}, 9, {Value(3.0), Value(std::string("a\"b"))}, {9}}
  };
  const std::vector<const Row*> all_{&rows_[0], &rows_[1], &rows_[2]};
};

TEST_F(Conversation, AsksWithColumnsBySubjectInTheOrderOfTheirRows) {
  const Json request = Json::parse(BuildRequest(shape_, "r1", all_));

  EXPECT_EQ(
      request,
      Json::parse(R"({"requestId": "r1", "model": {"name": "m", "version": "1", "deployment": "d1"},
    "trigger": "REAL_TIME", "window": null, "data": [
      {"assetId": "x", "time": [100, 120], "columns": {"t": [21.5, 3.0], "s": ["0.1", "a\"b"]}, "seq": [7, 9]},
      {"assetId": "y", "time": [110], "columns": {"t": [null], "s": ["true"]}, "seq": [8]}]})"));
}

TEST_F(Conversation, NamesARequestByItsRows) {
  EXPECT_EQ(RequestId(shape_, 0, all_), "d1-r7-p0-3");
}

TEST_F(Conversation, TakesTimesOfTheRowsWhenTheReplyHasNone) {
  const auto outputs = CheckReply(
      shape_,
      R"({"outputs": [{"assetId": "x", "columns": {"score": [1, 2.5], "level": ["A", "B"]}}]})",
      all_);

  ASSERT_TRUE(outputs.ok()) << outputs.error().ToString();
  ASSERT_EQ(outputs->size(), 1u);
  EXPECT_EQ(Json::parse((*outputs)[0].value)["time"], Json({100, 120}));
  EXPECT_THAT((*outputs)[0].offsets, ElementsAre(7, 9));
}

TEST_F(Conversation, AcceptsFewerRowsAtAnyTimesAndNoOutputAtAll) {
  EXPECT_TRUE(CheckReply(shape_, R"({"outputs": []})", all_).ok());
  const auto outputs = CheckReply(
      shape_,
      R"({"outputs": [{"assetId": "y", "time": [5], "columns": {"score": [0], "level": [""]}}], "more": 1})",
      all_);
  ASSERT_TRUE(outputs.ok()) << outputs.error().ToString();
  EXPECT_EQ((*outputs)[0].subject, "y");
}

TEST_F(Conversation, MergesElementsOfOneSubject) {
  const auto outputs = CheckReply(
      shape_,
      R"({"outputs": [{"assetId": "x", "time": [1], "columns": {"score": [1], "level": ["A"]}},
                                                          {"assetId": "x", "time": [2], "columns": {"score": [2], "level": ["B"]}}]})",
      all_);

  ASSERT_TRUE(outputs.ok());
  ASSERT_EQ(outputs->size(), 1u);
  EXPECT_EQ(Json::parse((*outputs)[0].value)["columns"]["score"], Json({1, 2}));
}

class BadReply : public Conversation,
                 public ::testing::WithParamInterface<std::pair<const char*, const char*>> {};

TEST_P(BadReply, IsRefusedWithItsReason) {
  const auto outputs = CheckReply(shape_, GetParam().first, all_);

  ASSERT_FALSE(outputs.ok());
  EXPECT_THAT(outputs.error().message(), HasSubstr(GetParam().second));
}

INSTANTIATE_TEST_SUITE_P(
    OfHostileModels, BadReply,
    ::testing::Values(
        std::pair{"nonsense", "not JSON"}, std::pair{"", "not JSON"}, std::pair{"[]", "outputs"},
        std::pair{R"({"outputs": {}})", "outputs"}, std::pair{R"({"outputs": [1]})", "element"},
        std::pair{R"({"outputs": [{"assetId": "z", "columns": {"score": [], "level": []}}]})",
                  "not among"},
        std::pair{R"({"outputs": [{"assetId": "x", "columns": {"score": [1, 2]}}]})", "missing"},
        std::pair{
            R"({"outputs": [{"assetId": "x", "columns": {"score": [1, 2], "level": ["a", "b"], "extra": [1, 2]}}]})",
            "no output"},
        std::pair{R"({"outputs": [{"assetId": "x", "columns": {"score": [1], "level": ["a"]}}]})",
                  "list of 2"},
        std::pair{
            R"({"outputs": [{"assetId": "x", "columns": {"score": [1, NaN], "level": ["a", "b"]}}]})",
            "not JSON"},
        std::pair{
            R"({"outputs": [{"assetId": "x", "columns": {"score": [1, "2"], "level": ["a", "b"]}}]})",
            "finite number"},
        std::pair{
            R"({"outputs": [{"assetId": "x", "columns": {"score": [1, null], "level": ["a", "b"]}}]})",
            "finite number"},
        std::pair{
            R"({"outputs": [{"assetId": "x", "columns": {"score": [1, true], "level": ["a", "b"]}}]})",
            "finite number"},
        std::pair{
            R"({"outputs": [{"assetId": "x", "columns": {"score": [1, 2], "level": ["a", 1]}}]})",
            "a string"},
        std::pair{
            R"({"outputs": [{"assetId": "x", "time": [1.5], "columns": {"score": [1], "level": ["a"]}}]})",
            "milliseconds"},
        std::pair{
            R"({"outputs": [{"assetId": "x", "time": [-1], "columns": {"score": [1], "level": ["a"]}}]})",
            "milliseconds"}));

TEST(Statuses, AreRetriedWhenTheyPass) {
  for (const int status : {408, 425, 429, 500, 503})
    EXPECT_EQ(JudgeStatus(status), Failure::kRetry) << status;
  for (const int status : {201, 301, 400, 404, 422})
    EXPECT_EQ(JudgeStatus(status), Failure::kFinal) << status;
}

}  // namespace
}  // namespace outrigger::scoring
