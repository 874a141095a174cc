// SPDX-License-Identifier: Apache-2.0
// Dead letters that are tried again: each ends once more, and only once.
#include "companion_fixture.h"

namespace outrigger::testing {
namespace {

using nlohmann::json;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ReplayTest : public CompanionTest {
 protected:
  // Refuses whatever request has rows of "bad" until it is cured; notes what it scored.
  http::Response Score(const json& request) {
    for (const auto& data : request["data"])
      if (data["assetId"] == "bad" && !cured_ && --lets_through_ < 0)
        return {status_, "not these", "text/plain", {}};
    return FakeModel::EachRow(request, [](const std::string&, const json& row) {
      return json{
          {"score", row["x"]},
          {"level", "A"     }
      };
    });
  }
  std::string HeaderOf(const messaging::Record& record, const std::string& name) {
    return std::string(messaging::FindHeader(record.headers, name).value_or(""));
  }
  // A deployment that runs and has `letters` dead letters of "bad".
  Deployment UntilDead(const std::string& url, int letters) {
    const auto deployment = Deploy("m", {
                                            {"model", {{"retry", {{"tries", 1'000}}}}}
    });
    State(deployment, "run", url);
    StartCompanion();
    for (int i = 0; i < letters; ++i)
      Feed(deployment, "bad", i,
           {
               {"x", i}
      },
           i);
    FlushFeed();
    EXPECT_TRUE(
        Eventually([&] { return Dead(deployment).size() == static_cast<std::size_t>(letters); }));
    return deployment;
  }
  // What model_api says of a dead letter.
  json ControlOf(const messaging::Record& letter) {
    return {
        {"id", HeaderOf(letter, "ce_id")},
        {"row", HeaderOf(letter, "dead_row")},
        {"record", *letter.value},
        {"deployment", HeaderOf(letter, "deployment")},
        {"source", HeaderOf(letter, "dead_source")}
    };
  }
  void Replay(const Deployment& deployment, const std::string& name,
              const messaging::Record& letter) {
    Control(deployment.id + "/replay/" + name, ControlOf(letter).dump());
  }
  std::optional<json> EndOf(const Deployment& deployment, const std::string& name) {
    return Journal(deployment.id + "/replay/" + name);
  }

  std::atomic<bool> cured_{false};
  std::atomic<int> status_{422};
  std::atomic<int> lets_through_{0};  // of rows of "bad" before it is cured
};

TEST_F(ReplayTest, EachEndsInOneOutputWhateverIsKilled) {
  FakeModel model([&](const json& request) { return Score(request); });
  const auto deployment = UntilDead(model.url(), 30);
  const auto letters = Dead(deployment);
  status_ = 503;  // while it lasts, they are tried and do not end
  for (int i = 0; i < 30; ++i)
    Replay(deployment, "r" + std::to_string(i), letters[static_cast<std::size_t>(i)]);
  for (int kill = 0; kill < 3; ++kill) {
    const int requests = model.requests;
    const std::size_t outputs = Out(deployment).size();
    ASSERT_TRUE(Eventually([&] { return model.requests > requests; }));
    if (kill > 0) {
      lets_through_ = 8;
      ASSERT_TRUE(Eventually([&] { return Out(deployment).size() > outputs; }));
    }
    KillCompanion();
    StartCompanion();
  }
  cured_ = true;

  ASSERT_TRUE(Eventually([&] {
    for (int i = 0; i < 30; ++i)
      if (!EndOf(deployment, "r" + std::to_string(i))) return false;
    return true;
  }));
  KillCompanion();
  StartCompanion();
  AwaitStatus(deployment, [](const json& s) { return s["lag"] == 0 && s["phase"] == "running"; });
  std::map<double, int> scores;
  for (const OutRow& row : Out(deployment)) ++scores[row.values["score"]];
  EXPECT_THAT(scores, SizeIs(30));
  for (const auto& [score, times] : scores) EXPECT_EQ(times, 1) << score;
  EXPECT_THAT(Dead(deployment), SizeIs(30));
}

TEST_F(ReplayTest, ItsOutputNamesItAndItsEndGoesWhenControlIsSatisfied) {
  FakeModel model([&](const json& request) { return Score(request); });
  const auto deployment = UntilDead(model.url(), 1);
  const auto letter = Dead(deployment)[0];
  cured_ = true;

  Replay(deployment, "r", letter);

  ASSERT_TRUE(Eventually([&] { return EndOf(deployment, "r").has_value(); }));
  const json end = *EndOf(deployment, "r");
  EXPECT_EQ(end["end"], "scored");
  EXPECT_EQ(end["id"], HeaderOf(letter, "ce_id"));
  const auto out = Out(deployment);
  ASSERT_THAT(out, SizeIs(1));
  EXPECT_EQ(messaging::FindHeader(out[0].headers, "causes"), "replay:r");
  EXPECT_EQ(messaging::FindHeader(out[0].headers, "ce_id"), deployment.id + "/replay:r/bad");
  Control(deployment.id + "/replay/r", std::nullopt);
  EXPECT_TRUE(Eventually([&] { return !EndOf(deployment, "r"); }));
}

TEST_F(ReplayTest, OneThatFailsAgainIsANewDeadLetterThatNamesTheOldOne) {
  FakeModel model([&](const json& request) { return Score(request); });
  const auto deployment = UntilDead(model.url(), 1);
  const auto old = Dead(deployment)[0];

  Replay(deployment, "r", old);

  ASSERT_TRUE(Eventually([&] { return EndOf(deployment, "r").has_value(); }));
  EXPECT_EQ((*EndOf(deployment, "r"))["end"], "dead-letter");
  const auto letters = Dead(deployment);
  ASSERT_THAT(letters, SizeIs(2));
  EXPECT_EQ(HeaderOf(letters[1], "ce_id"), deployment.id + "/replay:r");
  EXPECT_EQ(HeaderOf(letters[1], "dead_replay_of"), HeaderOf(old, "ce_id"));
  EXPECT_EQ(HeaderOf(letters[1], "dead_source"), HeaderOf(old, "dead_source"));
  EXPECT_EQ(HeaderOf(letters[1], "dead_row"), HeaderOf(old, "dead_row"));
  EXPECT_EQ(letters[1].value, old.value);
}

TEST_F(ReplayTest, AHaltedModelTakesItWhenItRunsAgain) {
  FakeModel model([&](const json& request) { return Score(request); });
  const auto deployment = UntilDead(model.url(), 1);
  const auto letter = Dead(deployment)[0];
  State(deployment, "drain", model.url());
  AwaitStatus(deployment, [](const json& s) { return s["phase"] == "drained"; });
  cured_ = true;
  Replay(deployment, "r", letter);
  AwaitStatus(deployment, [](const json& s) { return s["lag"] == 1; });
  EXPECT_THAT(Out(deployment), IsEmpty());

  State(deployment, "run", model.url());

  EXPECT_TRUE(Eventually([&] { return Out(deployment).size() == 1; }));
}

// A lane has one request on its way: with live rows in between, none overlap and those keep order.
TEST_F(ReplayTest, LiveRowsOfTheSameAssetKeepTheirOrderOneRequestAtATime) {
  std::mutex mutex;
  std::vector<double> live;
  std::atomic<int> inside{0};
  std::atomic<bool> overlapped{false};
  FakeModel model([&](const json& request) {
    const bool alone = ++inside == 1;
    if (cured_ && !alone) overlapped = true;
    if (cured_) {
      const std::lock_guard lock(mutex);
      for (const auto& data : request["data"])
        for (const double x : data["columns"]["x"])
          if (x >= 100) live.push_back(x);
    }
    auto answer = Score(request);
    --inside;
    return answer;
  });
  const auto deployment = UntilDead(model.url(), 20);
  const auto letters = Dead(deployment);
  cured_ = true;

  std::vector<double> expected;
  for (int i = 0; i < 20; ++i) {
    Feed(deployment, "bad", 100 + i,
         {
             {"x", 100 + i}
    },
         100 + i);
    Replay(deployment, "r" + std::to_string(i), letters[static_cast<std::size_t>(i)]);
    expected.push_back(100 + i);
  }
  FlushFeed();

  EXPECT_TRUE(Eventually([&] { return Out(deployment).size() == 40; }));
  EXPECT_FALSE(overlapped);
  const std::lock_guard lock(mutex);
  EXPECT_EQ(live, expected);
}

TEST_F(ReplayTest, ARowOfSeveralInputsKeepsItsJoinedValues) {
  FakeModel model([&](const json& request) { return Score(request); });
  const auto deployment = Deploy(
      "m", {
               {"inputs", json::array({{{"dataColumnName", "x"}, {"readAsString", false}},
                                       {{"dataColumnName", "more"}, {"readAsString", false}}})}
  });
  State(deployment, "run", model.url());
  StartCompanion();
  Feed(deployment, "bad", 1,
       {
           {"x", 21}
  },
       1);
  Feed(deployment, "bad", 2,
       {
           {"more", 4}
  },
       2);
  FlushFeed();
  ASSERT_TRUE(Eventually([&] { return Dead(deployment).size() == 1; }));
  cured_ = true;

  Replay(deployment, "r", Dead(deployment)[0]);

  ASSERT_TRUE(Eventually([&] { return Out(deployment).size() == 1; }));
  EXPECT_EQ(Out(deployment)[0].values["score"], 21);
}

}  // namespace
}  // namespace outrigger::testing
