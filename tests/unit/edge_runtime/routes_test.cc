// SPDX-License-Identifier: Apache-2.0
#include "edge_runtime/routes.h"

#include <gtest/gtest.h>

#include "outrigger/http/client.h"

namespace outrigger::edge_runtime {
namespace {

class RoutesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto started = http::Server::Start({.body_bytes = 16 << 20}, RoutesOf(handler_, metrics_));
    ASSERT_TRUE(started.ok()) << started.error().ToString();
    server_ = std::move(*started);
  }

  Result<http::Reply> Do(const std::string& method, const std::string& path,
                         const std::string& body = {}) {
    http::Call call;
    call.method = method;
    call.url = server_->url() + path;
    if (!body.empty()) call.body = std::make_shared<const std::string>(body);
    return client_.Do(call);
  }

  Metrics metrics_;
  inference::AnomalyDetector detector_{{}};
  ScoreHandler handler_{
      detector_, {{"anomalyScore"}, {"warningLevel"}},
       metrics_
  };
  std::unique_ptr<http::Server> server_;
  http::Client client_{{.egress = {.allow_loopback = true}}};
};

TEST_F(RoutesTest, ServesWhateverPathsAManifestNames) {
  const std::string rows = R"({"data":[{"assetId":"x","time":[7],"columns":{"t":[1]},"seq":[1]}]})";
  for (const char* path :
       {"/score", "/", "/score/", "/a/b/c/d/e/f/g/h/i/score", "/v1/models/m/score"}) {
    const auto reply = Do("POST", path, rows);

    ASSERT_TRUE(reply.ok()) << path;
    EXPECT_EQ(reply->status, 200) << path;
    EXPECT_NE(reply->body.find("\"warningLevel\":[\"NORMAL\"]"), std::string::npos) << reply->body;
  }
  for (const char* path : {"/health", "/", "/v2/health/ready"})
    EXPECT_EQ(Do("GET", path)->status, 200) << path;
  EXPECT_EQ(detector_.learned(), 1U);
}

TEST_F(RoutesTest, ShowsItsMetrics) {
  const auto reply = Do("GET", "/metrics");

  ASSERT_TRUE(reply.ok());
  EXPECT_NE(reply->body.find("outrigger_edge_rows_total"), std::string::npos);
}

TEST_F(RoutesTest, AnswersALargeWindow) {
  std::string times = "0";
  std::string values = "0";
  for (int row = 1; row < 50'000; ++row) {
    times += "," + std::to_string(row);
    values += "," + std::to_string(row % 100) + ".25";
  }
  const auto reply = Do("POST", "/score",
                        R"({"trigger":"TIME_WINDOW","data":[{"assetId":"x","time":[)" + times +
                            R"(],"columns":{"t":[)" + values + R"(]},"seq":[)" + times + "]}]}");

  ASSERT_TRUE(reply.ok()) << reply.error().ToString();
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(detector_.learned(), 50'000U);
}

TEST_F(RoutesTest, RefusesNonsense) {
  EXPECT_EQ(Do("POST", "/score", "nonsense")->status, 400);
  EXPECT_EQ(Do("DELETE", "/score")->status, 405);
}

}  // namespace
}  // namespace outrigger::edge_runtime
