// SPDX-License-Identifier: Apache-2.0
// A companion that was taken over may write whatever it likes into `out` of its tenant. None of it
// becomes telemetry but what the deployment is mapped to.
#include <gmock/gmock.h>

#include <format>

#include "outrigger/base/ids.h"
#include "pusher_fixture.h"

namespace outrigger::testing {
namespace {

using namespace std::chrono_literals;  // NOLINT
using nlohmann::json;

constexpr std::int64_t kBase = 1'790'000'000'000;

class HostileOutputsTest : public PusherTest {
 protected:
  void SetUp() override {
    PusherTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    victim_ = "v" + RandomId(7);
    const auto topics = messaging::TenantTopics(victim_);
    ASSERT_TRUE((*messaging::Admin::Make(Kafka().Options()))->CreateTopics(topics, 20s).ok());
    const std::string mine = std::exchange(tenant_, victim_);
    DefineAssets({"theirs", "x1"});
    foreign_ = OpenRoute("m");
    tenant_ = mine;
    DefineAssets({"x1"});
    own_ = OpenRoute("m");
    withdrawn_ = OpenRoute("gone");
    WaitForRevision(Tell("catalog", std::format("route/{}/{}", tenant_, withdrawn_), ""));
    Tell(
        "catalog", std::format("asset/{}/door", tenant_),
        R"({"id":"door","name":"door","type":"no-arm","attributes":{},"telemetries":[{"name":"Score","type":"number"}]})");
  }

  // Writes as the companion of `deployment` would, whatever it is.
  void Say(const std::string& deployment, const std::string& value,
           const messaging::Headers& more = {}) {
    messaging::Headers headers = messaging::CloudEventHeaders(
        std::format("forged/{}", ++said_), "/data_companion", "dev.outrigger.out.v1", kBase);
    headers.emplace_back("model", "m");
    headers.emplace_back("deployment", deployment);
    headers.insert(headers.end(), more.begin(), more.end());
    Enqueue("out." + tenant_, "x1", value, std::move(headers));
  }
  static std::string Row(const std::string& asset, const std::string& column,
                         const std::string& value) {
    return std::format(R"({{"assetId":"{}","time":[{}],"columns":{{"{}":[{}]}}}})", asset, kBase,
                       column, value);
  }
  // Dead letters of this tenant by cause.
  std::map<std::string, int> Dead() const {
    std::map<std::string, int> count;
    for (const messaging::Record& record : ReadAll("dead." + tenant_)) {
      ++count[std::string(messaging::FindHeader(record.headers, "dead_cause").value_or(""))];
    }
    return count;
  }
  // Samples made of outputs, of whatever tenant, as TENANT/ASSET.
  std::vector<std::string> Made() const {
    std::vector<std::string> keys;
    for (const messaging::Record& record : ReadAll("telemetry")) {
      const std::string tenant = record.key->substr(0, record.key->find('/'));
      if (tenant != tenant_ && tenant != victim_) continue;
      keys.push_back(*record.key);
    }
    return keys;
  }

  std::string victim_, foreign_, own_, withdrawn_;
  int said_ = 0;
};

TEST_F(HostileOutputsTest, WriteNothingThatWasNotMapped) {
  Say(foreign_, Row("theirs", "score", "1"));  // another tenant's deployment
  Say(own_, Row("theirs", "score", "1"));      // another tenant's asset
  Say(own_, Row("door", "score", "1"));        // an asset that is not of it
  Say(own_, Row("x1", "temp", "1"));           // an input, not an output
  Say(own_, Row("x1", "alarm", "true"));       // telemetry that is not mapped
  Say("never0", Row("x1", "score", "1"));      // never deployed
  Say(withdrawn_, Row("x1", "score", "1"));    // withdrawn
  Say("", Row("x1", "score", "1"));            // no deployment
  Say(std::format("../{}/{}", victim_, foreign_), Row("theirs", "score", "1"));
  Say(own_, Row("x1", "score", "NaN"));
  Say(own_, Row("x1", "score", "1e999"));
  Say(own_, Row("x1", "score", "\"high\""));
  Say(own_, Row("x1", "level", '"' + std::string(950'000, 'x') + '"'));  // too big
  Say(own_, Row("x1", "level", "\"\\u0000\""));
  // Headers of a sample prove nothing here: the topic says whose it is.
  Say(own_, Row("x1", "score", "7"),
      {
          {"tenant", victim_}
  });
  Flush();

  ASSERT_TRUE(Until(60s, [&] { return History("x1", "Score").size() == 1; }));
  EXPECT_EQ(History("x1", "Score")[kBase], 7);
  ASSERT_TRUE(Until(60s, [&] {
    int dead = 0;
    for (const auto& [cause, count] : Dead()) dead += count;
    return dead >= said_ - 1;
  }));
  EXPECT_EQ(Dead(), (std::map<std::string, int>{
                        {"not-mapped", 9},
                        {"bad-record", 4},
                        {"too-large",  1}
  }));
  EXPECT_THAT(Made(), ::testing::ElementsAre(tenant_ + "/x1"));
  EXPECT_EQ(
      Number(std::format("SELECT count(*) FROM telemetry_history WHERE tenant = '{}'", victim_)),
      0);
}

TEST_F(HostileOutputsTest, CannotSayASampleOfADeviceAway) {
  Sample("x1", kBase, 1);
  Flush();
  ASSERT_TRUE(Until(30s, [&] { return History("x1", "Temperature").size() == 1; }));
  // The identity that the device's sample has, so that the device's next one would be a repeat.
  const std::string next = "x1-" + std::to_string(kBase + 1);
  messaging::Headers headers =
      messaging::CloudEventHeaders(next, "/data_collector", "dev.outrigger.out.v1", kBase);
  headers.emplace_back("model", "m");
  headers.emplace_back("deployment", own_);
  Publish("out." + tenant_, "x1", Row("x1", "score", "2"), std::move(headers));
  ASSERT_TRUE(Until(30s, [&] { return History("x1", "Score").size() == 1; }));
  const std::string feed = FeedOf("m", own_);
  ASSERT_TRUE(Until(30s, [&] { return ReadAll(feed).size() == 1; }));

  Sample("x1", kBase + 1, 3);
  Flush();

  EXPECT_TRUE(Until(30s, [&] { return ReadAll(feed).size() == 2; }));
}

}  // namespace
}  // namespace outrigger::testing
