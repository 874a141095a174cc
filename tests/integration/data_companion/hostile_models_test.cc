// SPDX-License-Identifier: Apache-2.0
// Models that fail in every way: what they do is written down as the contract says, and a good
// model beside them does not notice.
#include <format>
#include <set>
#include <sstream>

#include "companion_fixture.h"
#include "outrigger/base/clock.h"

namespace outrigger::testing {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using ::testing::IsEmpty;
using ::testing::SizeIs;

http::Response Answer(int status, std::string body) {
  return {status, std::move(body), "application/json", {}};
}

http::Response Good(const json& request) {
  return FakeModel::EachRow(request, [](const std::string&, const json& row) {
    return json{
        {"score", row["x"]},
        {"level", "A"     }
    };
  });
}

// Whether any row of the request has this x.
bool Has(const json& request, double x) {
  for (const auto& data : request["data"])
    for (const auto& value : data["columns"]["x"])
      if (value == x) return true;
  return false;
}

std::string HeaderOf(const messaging::Record& record, std::string_view name) {
  return std::string(messaging::FindHeader(record.headers, name).value_or("(none)"));
}

class HostileModelTest : public CompanionTest {
 protected:
  void FeedEach(const Deployment& deployment, int assets, int rows) {
    for (int i = 0; i < rows; ++i)
      Feed(deployment, "a" + std::to_string(i % assets), i,
           {
               {"x", i}
      },
           i);
    FlushFeed();
  }
  // The one series of this metric and cause; -1: there is none.
  double Series(const std::string& metric, const std::string& cause) {
    std::istringstream lines(Metrics());
    for (std::string line; std::getline(lines, line);)
      if (line.starts_with(metric) && line.contains(std::format("cause=\"{}\"", cause)))
        return std::stod(line.substr(line.rfind(' ')));
    return -1;
  }
};

TEST_F(HostileModelTest, LongRepliesToSmallRowsAreAskedForFewAtATime) {
  std::atomic<int> now = 0, most = 0;
  FakeModel model([&](const json& request) {
    const int calls = ++now;
    for (int seen = most; seen < calls && !most.compare_exchange_weak(seen, calls);) {
    }
    SleepFor(Millis(300));
    --now;
    return Answer(200,
                  json{
                      {"outputs",
                       {{{"assetId", request["data"][0]["assetId"]},
                         {"columns", {{"score", {1}}, {"level", {std::string(10 << 20, 'x')}}}}}}}
    }
                      .dump());
  });
  const auto deployment = Deploy("m");
  State(deployment, "run", model.url());
  StartCompanion();
  FeedEach(deployment, 8, 8);
  AwaitStatus(deployment, [](const json& s) { return s["outputs"] == 8; });
  most = 0;

  for (int i = 8; i < 16; ++i)
    Feed(deployment, "a" + std::to_string(i), i,
         {
             {"x", i}
    },
         i);
  FlushFeed();

  AwaitStatus(deployment, [](const json& s) { return s["outputs"] == 16; });
  EXPECT_LE(most, 4) << "each may be 10 MiB, and 32 MiB may wait";
}

TEST_F(HostileModelTest, OnlyThePoisonedRowIsGivenUpAfterItsTries) {
  std::atomic<int> poisoned = 0;
  FakeModel model([&](const json& request) {
    if (Has(request, 13)) {
      ++poisoned;
      return Answer(500, "boom");
    }
    return Good(request);
  });
  const auto deployment = Deploy("m");
  FeedEach(deployment, 5, 40);
  State(deployment, "run", model.url());
  StartCompanion();

  ASSERT_TRUE(
      Eventually([&] { return Out(deployment).size() >= 39 && Dead(deployment).size() >= 1; }));

  EXPECT_THAT(Out(deployment), SizeIs(39));
  const auto dead = Dead(deployment);
  ASSERT_THAT(dead, SizeIs(1));
  EXPECT_EQ(json::parse(*dead[0].value)["values"]["x"], 13);
  EXPECT_EQ(dead[0].key, "a3");
  EXPECT_EQ(HeaderOf(dead[0], "ce_type"), "dev.outrigger.dead.v1");
  EXPECT_EQ(HeaderOf(dead[0], "dead_cause"), "retries-exhausted");
  EXPECT_EQ(HeaderOf(dead[0], "dead_tries"), "3");
  EXPECT_EQ(HeaderOf(dead[0], "dead_source"), deployment.feed + ":0:13");
  EXPECT_EQ(HeaderOf(dead[0], "ce_id"), deployment.id + "/" + deployment.feed + ":0:13");
  EXPECT_LE(poisoned, 3 + 6);
  EXPECT_EQ(Series("outrigger_companion_dead_letters_total", "retries-exhausted"), 1);
  EXPECT_EQ(Series("outrigger_companion_dead_letters_total", "refused"), 0);
  EXPECT_EQ(Series("outrigger_companion_retries_total", "error"), poisoned);
  EXPECT_EQ(Series("outrigger_companion_retries_total", "timeout"), 0);
  AwaitStatus(deployment, [](const json& s) { return s["deadLetters"] == 1 && s["lag"] == 0; });
}

TEST_F(HostileModelTest, ARefusalHasNoSecondTryAndOthersOfItsRequestGoOn) {
  std::atomic<int> alone = 0;
  FakeModel model([&](const json& request) {
    if (Has(request, 7)) {
      alone += request["data"].size() == 1 && request["data"][0]["time"].size() == 1;
      return Answer(422, "no");
    }
    return Good(request);
  });
  const auto deployment = Deploy("m");
  FeedEach(deployment, 4, 20);
  State(deployment, "run", model.url());
  StartCompanion();

  ASSERT_TRUE(
      Eventually([&] { return Out(deployment).size() >= 19 && Dead(deployment).size() >= 1; }));

  EXPECT_THAT(Out(deployment), SizeIs(19));
  EXPECT_THAT(Dead(deployment), SizeIs(1));
  EXPECT_EQ(HeaderOf(Dead(deployment)[0], "dead_cause"), "refused");
  EXPECT_EQ(alone, 1);
}

struct BadAnswer {
  const char* name;
  std::function<http::Response(const json&)> answer;
};

class BadAnswerTest : public HostileModelTest, public ::testing::WithParamInterface<BadAnswer> {};

TEST_P(BadAnswerTest, EveryRowIsADeadLetterAndTheNeighbourDoesNotNotice) {
  FakeModel bad(GetParam().answer), good(Good);
  const auto hostile = Deploy("hostile"), neighbour = Deploy("neighbour");
  State(hostile, "run", bad.url());
  State(neighbour, "run", good.url());
  StartCompanion();
  FeedEach(hostile, 2, 4);
  FeedEach(neighbour, 2, 50);

  EXPECT_TRUE(Eventually([&] { return Out(neighbour).size() == 50; }));
  EXPECT_TRUE(Eventually([&] { return Dead(hostile).size() >= 4; }));

  EXPECT_THAT(Dead(hostile), SizeIs(4));
  for (const auto& dead : Dead(hostile)) EXPECT_EQ(HeaderOf(dead, "dead_cause"), "bad-reply");
  EXPECT_THAT(Out(hostile), IsEmpty());
  EXPECT_THAT(Dead(neighbour), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    Every, BadAnswerTest,
    ::testing::Values(BadAnswer{"nonsense", [](const json&) { return Answer(200, "<html>"); }},
                      BadAnswer{"nan",
                                [](const json& request) {
                                  auto reply = Good(request);
                                  const auto at = reply.body.find("\"score\":[") + 9;
                                  return Answer(200, reply.body.insert(at, "NaN,"));
                                }},
                      BadAnswer{"another_asset",
                                [](const json& request) {
                                  auto body = json::parse(Good(request).body);
                                  body["outputs"][0]["assetId"] = "somebody-else";
                                  return Answer(200, body.dump());
                                }},
                      BadAnswer{"too_much",
                                [](const json&) {
                                  return Answer(200, std::string(17 << 20, ' ') + "{}");
                                }},
                      BadAnswer{"accepted", [](const json&) { return Answer(202, ""); }},
                      BadAnswer{"redirect",
                                [](const json&) {
                                  return http::Response{
                                      307, "", "text/plain", {{"Location", "/health"}}};
                                }}),
    [](const auto& of) { return std::string(of.param.name); });

TEST_F(HostileModelTest, AModelThatNeverAnswersHoldsNobodyElse) {
  std::atomic<bool> end = false;
  FakeModel silent([&](const json&) {
    while (!end) SleepFor(Millis(20));
    return Answer(500, "");
  });
  FakeModel good(Good);
  const auto hostile =
      Deploy("hostile", {
                            {"model", {{"timeout", 300}, {"retry", {{"tries", 2}}}}}
  });
  const auto neighbour = Deploy("neighbour");
  State(hostile, "run", silent.url());
  State(neighbour, "run", good.url());
  StartCompanion();
  FeedEach(hostile, 1, 1);
  FeedEach(neighbour, 3, 60);

  EXPECT_TRUE(Eventually([&] { return Out(neighbour).size() == 60; }));
  EXPECT_TRUE(Eventually([&] { return Dead(hostile).size() == 1; }));
  EXPECT_EQ(HeaderOf(Dead(hostile).at(0), "dead_tries"), "2");
  EXPECT_EQ(silent.requests, 2);
  end = true;
}

TEST_F(HostileModelTest, NoTryIsSpentWhileTheModelIsNotHealthy) {
  FakeModel model(Good);
  model.healthy = false;
  const auto deployment = Deploy("m");
  State(deployment, "run", model.url());
  StartCompanion();
  FeedEach(deployment, 2, 10);
  AwaitStatus(deployment, [](const json& s) {
    return s["health"]["failures"] >= 3 && s["health"]["status"] == "UNKNOWN";
  });
  EXPECT_EQ(model.requests, 0);
  const auto shows = [&](int unhealthy) {
    return Metrics().contains(std::format(
        "outrigger_companion_model_unhealthy{{deployment=\"{}\",model=\"m\",tenant=\"{}\"}} {}\n",
        deployment.id, tenant_, unhealthy));
  };
  EXPECT_TRUE(Eventually([&] { return shows(1); }));

  model.healthy = true;

  EXPECT_TRUE(Eventually([&] { return Out(deployment).size() == 10; }));
  EXPECT_THAT(Dead(deployment), IsEmpty());
  AwaitStatus(deployment, [](const json& s) { return s["health"]["status"] == "HEALTHY"; });
  EXPECT_TRUE(Eventually([&] { return shows(0); }));
}

TEST_F(HostileModelTest, RowsOfOneAssetKeepTheirOrderThroughFailures) {
  std::mutex mutex;
  std::map<std::string, std::vector<std::int64_t>> learned;
  std::atomic<int> calls = 0;
  FakeModel model([&](const json& request) {
    if (++calls % 3 == 0) return Answer(500, "now and then");
    const std::lock_guard lock(mutex);
    for (const auto& data : request["data"])
      for (const auto& seq : data["seq"])
        if (auto& of = learned[data["assetId"]]; of.empty() || of.back() < seq)
          of.push_back(seq);
        else
          ADD_FAILURE() << data["assetId"] << " " << seq << " after " << of.back();
    return Good(request);
  });
  const auto deployment = Deploy("m", {
                                          {"model", {{"retry", {{"tries", 50}}}}}
  });
  State(deployment, "run", model.url());
  StartCompanion();
  FeedEach(deployment, 3, 120);

  EXPECT_TRUE(Eventually([&] { return Out(deployment).size() == 120; }));
  EXPECT_THAT(Dead(deployment), IsEmpty());
}

TEST_F(HostileModelTest, RetryAfterIsHonoured) {
  std::vector<SteadyTime> calls;
  std::mutex mutex;
  FakeModel model([&](const json& request) {
    const std::lock_guard lock(mutex);
    calls.push_back(SystemClock().Now());
    if (calls.size() == 1) return http::Response{429, "", "text/plain", {{"Retry-After", "2"}}};
    return Good(request);
  });
  const auto deployment = Deploy("m");
  State(deployment, "run", model.url());
  StartCompanion();
  FeedEach(deployment, 1, 1);

  ASSERT_TRUE(Eventually([&] { return Out(deployment).size() == 1; }));
  const std::lock_guard lock(mutex);
  EXPECT_GE(calls.at(1) - calls.at(0), Millis(2'000));
}

TEST_F(HostileModelTest, WhatIsNoFeedRecordIsADeadLetterAndTheNextGoesOn) {
  FakeModel model(Good);
  const auto deployment = Deploy("m");
  State(deployment, "run", model.url());
  StartCompanion();
  ASSERT_TRUE(producer_->Send({deployment.feed, 0, "a", "{nonsense", {}}, nullptr).ok());
  Feed(deployment, "a", 5,
       {
           {"x", 5}
  },
       1);
  FlushFeed();

  EXPECT_TRUE(Eventually([&] { return Out(deployment).size() == 1; }));
  ASSERT_THAT(Dead(deployment), SizeIs(1));
  EXPECT_EQ(Dead(deployment)[0].value, "{nonsense");
  EXPECT_EQ(HeaderOf(Dead(deployment)[0], "dead_cause"), "bad-record");
}

TEST_F(HostileModelTest, AModelHearsOfItsAssetsBeforeItsFirstRows) {
  std::atomic<bool> early = false;
  FakeModel* self = nullptr;
  FakeModel model([&](const json& request) {
    if (self->asset_events().size() < 3) early = true;
    return Good(request);
  });
  self = &model;
  model.refuse_asset_events = 2;
  const auto deployment = Deploy("m", {
                                          {"model", {{"assetEventsEndpoint", "/assets"}}}
  });
  Control(deployment.id + "/member/a0",
          R"({"assetId": "a0", "name": "A", "type": "arm", "attributes": {"k": 1}})");
  State(deployment, "run", model.url());
  StartCompanion();
  FeedEach(deployment, 1, 3);

  EXPECT_TRUE(Eventually([&] { return Out(deployment).size() == 3; }));
  EXPECT_FALSE(early);
  const auto events = model.asset_events();
  ASSERT_THAT(events, SizeIs(3));
  EXPECT_EQ(events[2]["reset"], true);
  EXPECT_EQ(events[2]["added"][0]["assetId"], "a0");
  EXPECT_EQ(events[2]["removed"], json::array());
}

// The first model's outputs cannot be written: its tenant's topic is gone.
TEST_F(HostileModelTest, AModelWhoseRecordsCannotBeWrittenDoesNotStallTheOthers) {
  FakeModel model(Good), good(Good);
  const auto broken = Deploy("broken");
  State(broken, "run", model.url());
  const std::string first = tenant_;
  tenant_ = "t" + outrigger::testing::KafkaBroker::UniqueName("n").substr(2);
  const auto topics = messaging::TenantTopics(tenant_);
  ASSERT_TRUE(admin_->CreateTopics(topics, seconds(30)).ok());
  const auto neighbour = Deploy("neighbour");
  State(neighbour, "run", good.url());
  ASSERT_TRUE(admin_->DeleteTopic("out." + first, seconds(20)).ok());
  StartCompanion();
  FeedEach(broken, 1, 3);

  FeedEach(neighbour, 2, 20);

  EXPECT_TRUE(Eventually([&] { return Out(neighbour).size() == 20; }, seconds(90)));
  for (const auto& topic : messaging::TenantTopics(first))
    (void)admin_->DeleteTopic(topic.name, seconds(10));
}

}  // namespace
}  // namespace outrigger::testing
