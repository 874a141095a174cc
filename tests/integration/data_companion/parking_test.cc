// SPDX-License-Identifier: Apache-2.0
// Rows that wait for their next try: the journal holds them, and the feed does not wait.
#include "companion_fixture.h"

namespace outrigger::testing {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ParkingTest : public CompanionTest {
 protected:
  // Fails whatever request has rows of "bad" until it is cured.
  http::Response Score(const json& request) {
    for (const auto& data : request["data"])
      if (data["assetId"] == "bad" && !cured_) return {500, "not these", "text/plain", {}};
    return FakeModel::EachRow(request, [](const std::string&, const json& row) {
      return json{
          {"score", row["x"]},
          {"level", "A"     }
      };
    });
  }
  // Three rows of "bad" among `good` rows of other assets.
  void FeedAll(const Deployment& deployment, int good) {
    for (int i = 0; i < good + 3; ++i)
      Feed(deployment, i < 3 ? "bad" : "good-" + std::to_string(i % 5), i,
           {
               {"x", i}
      },
           i);
    FlushFeed();
  }
  std::vector<double> ScoresOf(const Deployment& deployment, const std::string& asset) {
    std::vector<double> scores;
    for (const OutRow& row : Out(deployment))
      if (row.asset == asset) scores.push_back(row.values["score"]);
    return scores;
  }
  std::vector<std::string> ParkedKeys(const Deployment& deployment) {
    std::map<std::string, bool> alive;
    for (const auto& record : ReadTopic("journal." + tenant_, 1))
      if (record.key->starts_with(deployment.id + "/parked/"))
        alive[*record.key] = record.value.has_value();
    std::vector<std::string> keys;
    for (const auto& [key, there] : alive)
      if (there) keys.push_back(key);
    return keys;
  }
  // Starts the model's deployment and feeds it, until only the rows of "bad" are left, parked.
  Deployment UntilParked(const std::string& url, int good) {
    const auto deployment = Deploy("m", {
                                            {"model", {{"retry", {{"tries", 1'000}}}}}
    });
    State(deployment, "run", url);
    StartCompanion();
    FeedAll(deployment, good);
    EXPECT_TRUE(Eventually([&] {
      const auto progress = Journal(deployment.id + "/progress/0");
      return progress && (*progress)["next"] == good + 3;
    })) << "the feed waits for a row that cannot be scored";
    EXPECT_TRUE(
        Eventually([&] { return Out(deployment).size() == static_cast<std::size_t>(good); }));
    EXPECT_THAT(ParkedKeys(deployment), SizeIs(3));
    return deployment;
  }

  std::atomic<bool> cured_{false};
};

TEST_F(ParkingTest, TheFeedGoesOnAndAKilledCompanionTriesThemAgainInOrder) {
  FakeModel model([&](const json& request) { return Score(request); });
  const auto deployment = UntilParked(model.url(), 200);
  for (int kill = 0; kill < 3; ++kill) {
    KillCompanion();
    StartCompanion();
    const int before = model.requests;
    ASSERT_TRUE(Eventually([&] { return model.requests > before; }));
  }

  cured_ = true;

  EXPECT_TRUE(Eventually([&] { return Out(deployment).size() == 203; }));
  EXPECT_THAT(ScoresOf(deployment, "bad"), ElementsAre(0, 1, 2));
  EXPECT_TRUE(Eventually([&] { return ParkedKeys(deployment).empty(); }));
  KillCompanion();
  StartCompanion();
  AwaitStatus(deployment, [](const json& s) { return s["lag"] == 0 && s["phase"] == "running"; });
  EXPECT_EQ(Out(deployment).size(), 203U);
  EXPECT_THAT(Dead(deployment), IsEmpty());
}

TEST_F(ParkingTest, APauseKeepsThem) {
  FakeModel model([&](const json& request) { return Score(request); });
  const auto deployment = UntilParked(model.url(), 20);
  State(deployment, "pause", model.url());
  AwaitStatus(deployment, [](const json& s) { return s["phase"] == "paused" && s["lag"] == 3; });

  cured_ = true;
  State(deployment, "run", model.url());

  EXPECT_TRUE(Eventually([&] { return Out(deployment).size() == 23; }));
  EXPECT_THAT(ScoresOf(deployment, "bad"), ElementsAre(0, 1, 2));
}

TEST_F(ParkingTest, AStopCountsThemAsUnscoredAndLeavesNothing) {
  FakeModel model([&](const json& request) { return Score(request); });
  const auto deployment = UntilParked(model.url(), 20);

  State(deployment, "stop", model.url());
  const auto status =
      AwaitStatus(deployment, [](const json& s) { return s["phase"] == "stopped"; });

  EXPECT_EQ(status["unscored"], 3);
  EXPECT_THAT(ParkedKeys(deployment), IsEmpty());
}

TEST_F(ParkingTest, OnesThatFailToTheEndBecomeDeadLettersOnce) {
  FakeModel model([&](const json& request) { return Score(request); });
  const auto deployment = Deploy("m", {
                                          {"model", {{"retry", {{"tries", 3}}}}}
  });
  State(deployment, "run", model.url());
  StartCompanion();
  FeedAll(deployment, 20);

  EXPECT_TRUE(Eventually([&] { return Dead(deployment).size() == 3; }));
  EXPECT_TRUE(Eventually([&] { return Out(deployment).size() == 20; }));
  EXPECT_TRUE(Eventually([&] { return ParkedKeys(deployment).empty(); }));
  for (const auto& record : Dead(deployment))
    EXPECT_EQ(json::parse(*record.value)["values"].size(), 1U);
}

}  // namespace
}  // namespace outrigger::testing
