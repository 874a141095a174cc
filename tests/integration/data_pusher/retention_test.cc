// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <format>

#include "outrigger/base/ids.h"
#include "pusher_fixture.h"

namespace outrigger::testing {
namespace {

using namespace std::chrono_literals;  // NOLINT
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::SizeIs;

constexpr std::int64_t kDay = 86'400'000;

class RetentionTest : public PusherTest {
 protected:
  void SetUp() override {
    PusherTest::SetUp();
    now_ = SystemClock().WallMs();
  }
  void KeepDays(int days) {
    Tell("catalog", std::format("tenant/{}/settings", tenant_),
         json{
             {"retention", {{"historyDays", days}}}
    }
             .dump());
  }
  std::int64_t Stored(const std::string& asset) const {
    return Number(
        std::format("SELECT count(*) FROM telemetry_history WHERE tenant = '{}' AND asset = '{}'",
                    tenant_, asset));
  }
  // The last value is written with the first of history.
  bool WasStored(const std::string& asset) const {
    return Number(std::format(
               "SELECT count(*) FROM telemetry_latest WHERE tenant = '{}' AND asset = '{}'",
               tenant_, asset)) == 1;
  }
  std::vector<std::int64_t> Times(const std::string& asset) {
    std::vector<std::int64_t> times;
    for (const auto& [time, value] : History(asset, "Temperature")) times.push_back(time);
    return times;
  }

  std::int64_t now_ = 0;
};

TEST_F(RetentionTest, RemovesWhatATenantKeepsNoLongerAndNothingOfItsNeighbours) {
  DefineAssets({"x1"});
  for (int i = 0; i < 50; ++i) Sample("x1", now_ - 40 * kDay + i, i);
  Sample("x1", now_ - 900 * kDay, 1);
  Sample("x1", now_ - 10 * kDay, 2);
  const std::string mine = tenant_;
  tenant_ = "neighbour-" + mine;
  Sample("x1", now_ - 40 * kDay, 3);
  Sample("x1", now_ - 900 * kDay, 3);
  Flush();
  ASSERT_TRUE(Until(30s, [&] { return Stored("x1") == 2; }));
  tenant_ = mine;
  ASSERT_TRUE(Until(30s, [&] { return Stored("x1") == 52; }));

  KeepDays(30);

  EXPECT_TRUE(Until(30s, [&] { return Stored("x1") == 1; })) << Stored("x1");
  EXPECT_THAT(Times("x1"), ElementsAre(now_ - 10 * kDay));
  tenant_ = "neighbour-" + mine;
  EXPECT_EQ(Stored("x1"), 2);
}

TEST_F(RetentionTest, AnswersNothingBeyondItEvenBeforeItIsRemoved) {
  DefineAssets({"x1"});
  KeepDays(30);
  const std::int64_t edge = now_ - 30 * kDay;  // its day is not over: nothing of it is removed
  for (const int minutes : {-10, -5, 5, 10}) Sample("x1", edge + minutes * 60'000, minutes);
  Flush();
  ASSERT_TRUE(Until(30s, [&] { return Stored("x1") == 4; }));

  EXPECT_TRUE(Until(30s, [&] { return Times("x1").size() == 2; })) << Times("x1").size();
  const std::string path = "/api/v1/assets/x1/telemetry/Temperature?";
  EXPECT_THAT(Json(path + "from=0")["points"], SizeIs(2));
  EXPECT_THAT(Json(std::format("{}from=0&to={}", path, edge))["points"], SizeIs(0));
  EXPECT_EQ(Json(path + "from=0&aggregate=sum&interval=86400000000")["points"][0][1], 15);
}

TEST_F(RetentionTest, KeepsTheLastValueOfAnAssetThatFellSilent) {
  DefineAssets({"x1"});
  KeepDays(1);
  Sample("x1", now_ - 40 * kDay, 5);
  Flush();

  EXPECT_TRUE(Until(30s, [&] { return WasStored("x1") && Stored("x1") == 0; }));
  EXPECT_EQ(Json("/api/v1/assets/x1/latest")["values"]["Temperature"]["value"], 5);
  EXPECT_TRUE(WasStored("x1"));
}

TEST_F(RetentionTest, EndsWithItsSetting) {
  DefineAssets({"x1"});
  KeepDays(30);
  Sample("x1", now_ - 40 * kDay, 5);
  Flush();
  ASSERT_TRUE(Until(30s, [&] { return WasStored("x1") && Stored("x1") == 0; }));

  Tell("catalog", std::format("tenant/{}/settings", tenant_), "");
  Sample("x1", now_ - 40 * kDay + 1, 5);
  Flush();

  EXPECT_TRUE(Until(30s, [&] { return Times("x1").size() == 1; }));
}

}  // namespace
}  // namespace outrigger::testing
