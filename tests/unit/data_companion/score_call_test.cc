// SPDX-License-Identifier: Apache-2.0
#include "data_companion/score_call.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace outrigger::companion {
namespace {

using Kind = ScoreCall::Outcome::Kind;

class ScoreCallTest : public ::testing::Test {
 protected:
  ScoreCallTest() {
    spec_.deployment = DeploymentId("d");
    spec_.inputs = {
        {"x", false}
    };
    spec_.outputs = {
        {"score", scoring::ValueType::kNumber}
    };
  }

  static PendingRow RowAt(std::int64_t seq, int partition = 0,
                          std::vector<std::int64_t> causes = {}) {
    PendingRow row;
    row.row = {EventTime{seq}, {1.0}, seq, std::move(causes)};
    row.partition = partition;
    return row;
  }

  ScoreCall Call() {
    RowQueue::Batch batch;
    batch.push_back({
        "a0", "a", {RowAt(1), RowAt(4)}
    });
    batch.push_back({"a1", "a", {RowAt(2)}});
    batch.push_back({"b", "b", {RowAt(9, 1, {5, 6, 9})}});
    return ScoreCall(spec_, "id", std::move(batch));
  }

  ScoreCall::Outcome Judge(int status, const std::string& body, http::HeaderList headers = {}) {
    return Call().Judge(http::Reply{status, std::move(headers), body, {}}, 0);
  }

  DeploymentSpec spec_;
};

TEST_F(ScoreCallTest, LanesOfOneSubjectAreOneAssetInOrder) {
  const auto call = Call();
  const auto request = nlohmann::json::parse(*call.body());

  ASSERT_EQ(request["data"].size(), 2U);
  EXPECT_EQ(request["data"][0]["assetId"], "a");
  EXPECT_EQ(request["data"][0]["seq"], nlohmann::json({1, 2, 4}));
  EXPECT_EQ(call.CausesOf(0), "0:1-2,4-4");
  EXPECT_EQ(call.CausesOf(1), "1:5-6,9-9");
}

TEST_F(ScoreCallTest, IsOfTheTraceOfItsFirstRowAndWhatItLedToOfItsOwn) {
  const auto first = messaging::TraceContext::New(), second = messaging::TraceContext::New();
  RowQueue::Batch batch;
  batch.push_back({
      "a0", "a", {RowAt(1), RowAt(2)}
  });
  batch.push_back({"b", "b", {RowAt(3)}});
  batch[0].rows[0].trace = batch[0].rows[1].trace = first;
  batch[1].rows[0].trace = second;
  ScoreCall call(spec_, "id", std::move(batch));

  const auto asked = messaging::TraceContext::Read(call.traceparent());
  EXPECT_TRUE(asked.SameTrace(first));
  EXPECT_NE(asked.span, first.span);
  EXPECT_EQ(call.TraceOf(std::size_t{0}), call.traceparent());
  EXPECT_TRUE(messaging::TraceContext::Read(call.TraceOf(std::size_t{1})).SameTrace(second));
  EXPECT_EQ(call.TraceOf(call.batch()[0].rows[1]), call.traceparent());
}

TEST_F(ScoreCallTest, BeginsATraceWhereTheFeedHasNone) {
  const auto call = Call();

  EXPECT_TRUE(messaging::IsTraceParent(call.traceparent()));
  EXPECT_EQ(call.TraceOf(std::size_t{1}), call.traceparent());
}

TEST_F(ScoreCallTest, JudgesWhatCameBack) {
  EXPECT_EQ(Judge(200, R"({"outputs": []})").kind, Kind::kScored);
  EXPECT_EQ(Judge(200, "nonsense").kind, Kind::kFinal);
  EXPECT_EQ(Judge(200, "nonsense").cause, "bad-reply");
  EXPECT_EQ(Judge(202, "").cause, "bad-reply");
  EXPECT_EQ(Judge(422, "").cause, "refused");
  EXPECT_EQ(Judge(500, "").kind, Kind::kTryAgain);
  EXPECT_FALSE(Judge(500, "").whole_model);
  const auto busy = Judge(503, "",
                          {
                              {"retry-after", "2"}
  });
  EXPECT_TRUE(busy.whole_model);
  EXPECT_EQ(busy.retry_after, Millis(2'000));
}

TEST_F(ScoreCallTest, TimesOfAnAssetAscendWhateverOrderTheyCameIn) {
  RowQueue::Batch batch;
  batch.push_back({
      "a0", "a", {RowAt(1), RowAt(4)}
  });
  batch.push_back({"a1", "a", {RowAt(2)}});
  batch[0].rows[0].row.time = EventTime{3};
  const ScoreCall call(spec_, "id", std::move(batch));

  const auto request = nlohmann::json::parse(*call.body());

  EXPECT_EQ(request["data"][0]["time"], nlohmann::json({2, 3, 4}));
  EXPECT_EQ(request["data"][0]["seq"], nlohmann::json({2, 1, 4}));
}

TEST_F(ScoreCallTest, JudgesWhatDidNotComeBack) {
  const auto judge = [&](ErrorCode code) { return Call().Judge(Error(code, "why"), 0); };

  EXPECT_EQ(judge(ErrorCode::kUnavailable).kind, Kind::kTryAgain);
  EXPECT_TRUE(judge(ErrorCode::kUnavailable).whole_model);
  EXPECT_EQ(judge(ErrorCode::kTimeout).kind, Kind::kTryAgain);
  EXPECT_FALSE(judge(ErrorCode::kTimeout).whole_model);
  EXPECT_FALSE(judge(ErrorCode::kUnavailable).not_sent);
  EXPECT_EQ(judge(ErrorCode::kResourceExhausted).kind, Kind::kTryAgain);
  EXPECT_TRUE(judge(ErrorCode::kResourceExhausted).not_sent);
  EXPECT_EQ(judge(ErrorCode::kCorrupt).cause, "bad-reply");
}

}  // namespace
}  // namespace outrigger::companion
