// SPDX-License-Identifier: Apache-2.0
#include "edge_runtime/score_handler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

namespace outrigger::edge_runtime {
namespace {

using nlohmann::json;

class ScoreHandlerTest : public ::testing::Test {
 protected:
  // The answer's outputs to a request of one asset.
  json Outputs(const json& element, const std::string& trigger = "REAL_TIME") {
    return Outputs(handler_, {element}, trigger);
  }
  static json Outputs(ScoreHandler& handler, const std::vector<json>& data,
                      const std::string& trigger = "REAL_TIME") {
    const json request = {
        {"requestId", "d1-1" },
        {"trigger",   trigger},
        {"window",    nullptr},
        {"data",      data   },
    };
    const auto response = handler.Handle(request.dump());
    EXPECT_EQ(response.status, 200) << response.body;
    return json::parse(response.body).at("outputs");
  }

  Metrics metrics_;
  inference::AnomalyDetector detector_{{}};
  ScoreHandler handler_{
      detector_, {{"anomalyScore"}, {"warningLevel"}},
       metrics_
  };
};

TEST_F(ScoreHandlerTest, AnswersARowWithScoreAndLevelAtItsTime) {
  const json outputs = Outputs({
      {"assetId", "arm"                                                   },
      {"time",    {1000, 2000}                                            },
      {"columns", {{"temperature", {21.5, 21.7}}, {"speed", {1, nullptr}}}},
      {"seq",     {1, 2}                                                  },
  });

  EXPECT_EQ(outputs, json::parse(R"([{"assetId": "arm", "time": [1000, 2000], "columns":
      {"anomalyScore": [0, 0], "warningLevel": ["NORMAL", "NORMAL"]}}])"));
}

TEST_F(ScoreHandlerTest, AnswersAWindowWithItsMostUnusualRow) {
  const json outputs = Outputs(
      {
          {"assetId", "arm"                          },
          {"time",    {1000, 2000}                   },
          {"columns", {{"temperature", {21.5, 21.7}}}},
          {"seq",     {1, 2}                         }
  },
      "TIME_WINDOW");

  EXPECT_EQ(outputs, json::parse(R"([{"assetId": "arm", "columns":
      {"anomalyScore": [0], "warningLevel": ["NORMAL"]}}])"));
}

TEST_F(ScoreHandlerTest, FillsTheColumnsItIsTold) {
  ScoreHandler other(detector_,
                     {
                         {"a", "b"},
                         {}
  },
                     metrics_);

  const json outputs =
      Outputs(other, {
                         json{{"assetId", "x"}, {"time", {1}}, {"columns", {{"t", {1}}}}}
  });

  EXPECT_EQ(outputs[0]["columns"], json::parse(R"({"a": [0], "b": [0]})"));
}

TEST_F(ScoreHandlerTest, KeepsTheOrderOfAssets) {
  const auto element = [](const char* asset) {
    return json{
        {"assetId", asset       },
        {"time",    {1}         },
        {"columns", {{"t", {1}}}}
    };
  };

  const json outputs = Outputs(handler_, {element("b"), element("a"), element("b")});

  ASSERT_EQ(outputs.size(), 3U);
  EXPECT_EQ(outputs[0]["assetId"], "b");
  EXPECT_EQ(outputs[1]["assetId"], "a");
}

TEST_F(ScoreHandlerTest, AnswersNoRowsWithNone) {
  EXPECT_EQ(Outputs(handler_, {}), json::array());
  EXPECT_EQ(Outputs({
                {"assetId", "x"           },
                {"time",    json::array() },
                {"columns", json::object()}
  }),
            json::array());
}

TEST_F(ScoreHandlerTest, WarnsOfAFaultAndAnswersARepeatAlike) {
  std::mt19937 random(7);
  std::normal_distribution<double> noise(20, 1);
  json last, repeated;
  for (int row = 0; row < 600; ++row) {
    const json element = {
        {"assetId", "arm"                                      },
        {"time",    {row * 1000}                               },
        {"columns", {{"t", {row < 590 ? noise(random) : 80.0}}}},
        {"seq",     {row}                                      }
    };
    last = Outputs(element);
    repeated = Outputs(element);
    ASSERT_EQ(last, repeated);
  }

  EXPECT_EQ(last[0]["columns"]["warningLevel"][0], "CRITICAL");
  EXPECT_GE(last[0]["columns"]["anomalyScore"][0].get<double>(), 0.7);
  EXPECT_EQ(detector_.learned(), 600U);
}

TEST_F(ScoreHandlerTest, ReadsNumbersInStringsAndBooleans) {
  inference::AnomalyDetector plain_detector({});
  ScoreHandler plain(plain_detector, {{"s"}, {}}, metrics_);
  inference::AnomalyDetector text_detector({});
  ScoreHandler text(text_detector, {{"s"}, {}}, metrics_);
  std::mt19937 random(7);
  for (int row = 0; row < 400; ++row) {
    const int number = static_cast<int>(random() % 1000) + (row == 390 ? 100'000 : 0);
    const auto element = [&](json value, json flag) {
      return json{
          {"assetId", "x"                            },
          {"time",    {row}                          },
          {"columns", {{"t", {value}}, {"f", {flag}}}}
      };
    };
    const bool flag = number % 2 == 0;

    EXPECT_EQ(Outputs(plain, {element(number, flag ? 1 : 0)}),
              Outputs(text, {element(std::to_string(number), flag)}));
  }
}

TEST_F(ScoreHandlerTest, TakesOddValuesWithoutHarm) {
  for (const char* value : {"null", "1e308", "-1e308", "5e-324", "18446744073709551615", "\"\"",
                            "\"nan\"", "\"inf\"", "{}", "[]", "true"}) {
    const std::string body = R"({"data":[{"assetId":"x","time":[1],"columns":{"t":[)" +
                             std::string(value) + R"(]},"seq":[null]}]})";

    const auto response = handler_.Handle(body);

    EXPECT_EQ(response.status, 200) << value;
    EXPECT_TRUE(json::accept(response.body)) << response.body;
  }
}

TEST_F(ScoreHandlerTest, RefusesWhatIsNoScoreRequest) {
  for (const char* body :
       {"", "nonsense", "[]", "{}", "null", R"({"data":{}})", R"({"data":[7]})",
        R"({"data":[{"assetId":7,"time":[1],"columns":{}}]})",
        R"({"data":[{"assetId":"x","columns":{}}]})", R"({"data":[{"assetId":"x","time":[1]}]})",
        R"({"data":[{"assetId":"x","time":[1],"columns":{"t":[1,2]}}]})",
        R"({"data":[{"assetId":"x","time":[1],"columns":{"t":7}}]})",
        R"({"data":[{"assetId":"x","time":[1],"columns":{},"seq":[]}]})"}) {
    const auto response = handler_.Handle(body);

    EXPECT_EQ(response.status, 400) << body;
    EXPECT_EQ(response.content_type, "application/problem+json");
  }
  EXPECT_EQ(detector_.learned(), 0U);
}

TEST_F(ScoreHandlerTest, LearnsNothingFromARequestThatIsBadInPart) {
  const auto response = handler_.Handle(
      R"({"data":[{"assetId":"x","time":[1],"columns":{"t":[1]}},{"assetId":"y"}]})");

  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(detector_.learned(), 0U);
}

TEST_F(ScoreHandlerTest, ForgetsAssetsThatLeft) {
  const auto add = [&](const char* asset) {
    Outputs({
        {"assetId", asset       },
        {"time",    {1}         },
        {"columns", {{"t", {1}}}}
    });
  };
  add("a"), add("b"), add("c");

  EXPECT_EQ(handler_.Handle(R"({"revision":2,"added":[],"removed":["a"]})").status, 200);
  EXPECT_EQ(detector_.assets(), 2U);
  EXPECT_EQ(handler_.Handle(R"({"revision":3,"reset":true,"added":[{"assetId":"c"}],"removed":[]})")
                .status,
            200);
  EXPECT_EQ(detector_.assets(), 1U);
}

}  // namespace
}  // namespace outrigger::edge_runtime
