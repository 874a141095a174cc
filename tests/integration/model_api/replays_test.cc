// SPDX-License-Identifier: Apache-2.0
// Dead letters that are tried again: who may, which may, and what is noted of them.
#include "api_fixture.h"
#include "kafka_fixture.h"
#include "model_api/replay_store.h"

namespace outrigger::model_api {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::KafkaBroker;
using ::testing::SizeIs;

constexpr const char* kReplay = "/models/m/dead-letters/replay";

class ReplaysTest : public ApiFixture {
 protected:
  void SetUp() override {
    ApiFixture::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ASSERT_EQ(Post("/models", ManifestFor("m")).status, 201);
    ForceState("m", "ACTIVE", "d1");
  }
  void Execute(const std::string& sql) { testing::PostgresServer::Shared().Execute(uri_, sql); }
  // Letters "PREFIX1" to "PREFIXn" of the model, oldest first.
  void MakeLetters(int n, const std::string& prefix = "id", const std::string& record = "'{}'") {
    Execute(
        "INSERT INTO dead_letter (tenant, id, model, deployment, cause, source, record, dead_row, "
        "time) SELECT 'default', '" +
        prefix + "' || n, 'm', 'd0', 'refused', 'feed:0:' || n, " + record +
        ", '{\"seq\": 1}', to_timestamp(1000 + n / 100) FROM generate_series(1, " +
        std::to_string(n) + ") n");
  }
  Heard Replay(const Json& ids) {
    return Post(kReplay, {
                             {"ids", ids}
    });
  }
  Heard ReplayAll() {
    return Post(kReplay, {
                             {"all", true}
    });
  }
  std::vector<Json> Queued() {
    std::vector<Json> records;
    const auto rows = worker_->Run(std::nullopt, [&](store::Transaction& transaction) {
      return transaction.Query(
          "SELECT value FROM outbox WHERE topic = 'control.default' AND key LIKE 'd1/replay/%' "
          "ORDER BY id");
    });
    for (const auto& row : rows.value_or(store::Rows{}))
      records.push_back(row.IsNull(0) ? Json() : Json::parse(row.Text(0)));
    return records;
  }
};

TEST_F(ReplaysTest, ALetterIsToldToTheCompanionOnceWithAllItNeeds) {
  MakeLetters(2);

  const Heard first = Replay({"id2"});
  const Heard again = Replay({"id2"});

  ASSERT_EQ(first.status, 202) << first.text;
  EXPECT_EQ(first.body, (Json{
                            {"replayed", 1    },
                            {"more",     false}
  }));
  EXPECT_EQ(again.status, 202);
  EXPECT_EQ(again.body["replayed"], 0);
  EXPECT_EQ(Queued(), std::vector<Json>{Json::parse(
                          R"({"id": "id2", "row": "{\"seq\": 1}", "record": "{}",
                              "deployment": "d0", "source": "feed:0:2"})")});
  const Json listed = Get("/models/m/dead-letters").body["items"];
  EXPECT_EQ(listed[0]["replay"], (Json{
                                     {"deployment", "d1"   },
                                     {"end",        nullptr},
                                     {"time",       nullptr}
  }));
  EXPECT_TRUE(listed[1]["replay"].is_null());
}

TEST_F(ReplaysTest, AllGoOldestFirstInTheOrderOfTheirFeed) {
  MakeLetters(12);

  EXPECT_EQ(ReplayAll().body["replayed"], 12);

  std::vector<std::string> ids;
  for (const Json& record : Queued()) ids.push_back(record["id"]);
  EXPECT_THAT(ids, ElementsAre("id1", "id2", "id3", "id4", "id5", "id6", "id7", "id8", "id9",
                               "id10", "id11", "id12"));
}

TEST_F(ReplaysTest, OneThatIsNoWholeRowIsRefusedByItsIdAndLeftOutOfAll) {
  MakeLetters(1);
  Execute(
      "INSERT INTO dead_letter (tenant, id, model, deployment, cause, source, record) VALUES "
      "('default', 'said', 'm', 'd0', 'not-mapped', 't:0:1', '{}'), "
      "('default', 'broken', 'm', 'd0', 'bad-record', 't:0:2', '{}'), "
      "('default', 'large', 'm', 'd0', 'too-large', 't:0:3', '{}'), "
      "('default', 'other', 'another', 'd0', 'refused', 't:0:4', '{}')");

  const Heard refused = Replay({"id1", "said", "broken", "large", "other", "unknown"});

  EXPECT_EQ(refused.status, 422);
  EXPECT_THAT(refused.Pointers(), ElementsAre("/ids/1", "/ids/2", "/ids/3", "/ids/4", "/ids/5"));
  EXPECT_THAT(refused.text, HasSubstr("not-mapped"));
  EXPECT_THAT(Queued(), IsEmpty());
  EXPECT_EQ(ReplayAll().body["replayed"], 1);
}

TEST_F(ReplaysTest, TheBodyIsReadStrictly) {
  MakeLetters(1);
  const std::vector<std::pair<std::string, std::vector<std::string>>> cases = {
      {"{}",                               {"/ids"}            },
      {R"({"all": false})",                {"/all"}            },
      {R"({"all": "yes"})",                {"/all"}            },
      {R"({"ids": "id1"})",                {"/ids"}            },
      {R"({"ids": []})",                   {"/ids"}            },
      {R"({"ids": [1, "id1", "id1"]})",    {"/ids/0", "/ids/2"}},
      {R"({"ids": ["id1"], "all": true})", {"/all"}            },
      {R"({"all": true, "alll": true})",   {"/alll"}           },
      {"[]",                               {""}                }
  };
  for (const auto& [body, pointers] : cases) {
    const Heard heard = Call("POST", kReplay, body);
    EXPECT_EQ(heard.status, 422) << body;
    EXPECT_EQ(heard.Pointers(), pointers) << body;
  }
  EXPECT_THAT(Replay(std::vector<std::string>(1'001, "x")).Pointers(), ElementsAre("/ids"));
  EXPECT_THAT(Queued(), IsEmpty());
}

TEST_F(ReplaysTest, OnlyADeploymentThatGoesOnTriesAgain) {
  MakeLetters(1);
  for (const char* state : {"DRAFT", "DEPLOYING", "HALTING", "RESUMING", "WITHDRAWING"}) {
    ForceState("m", state, "d1");
    const Heard refused = ReplayAll();
    EXPECT_EQ(refused.status, 409) << state;
    EXPECT_THAT(refused.text, HasSubstr(state));
  }
  for (const char* state : {"RECOVERING", "HALTED"}) {
    ForceState("m", state, "d1");
    EXPECT_EQ(ReplayAll().status, 202) << state;
  }
}

TEST_F(ReplaysTest, AThousandTimesTenAreUnderWayAtMost) {
  MakeLetters(10'500);

  const Heard first = ReplayAll();
  const Heard full = ReplayAll();
  Execute("UPDATE dead_letter SET replay_end = 'scored' WHERE replay_in IS NOT NULL");
  const Heard rest = ReplayAll();

  EXPECT_EQ(first.body, (Json{
                            {"replayed", 10'000},
                            {"more",     true  }
  }));
  EXPECT_EQ(full.body, (Json{
                           {"replayed", 0   },
                           {"more",     true}
  }));
  EXPECT_EQ(rest.body, (Json{
                           {"replayed", 500  },
                           {"more",     false}
  }));
}

TEST_F(ReplaysTest, LargeOnesAreUnderWayUpToABoundInBytes) {
  MakeLetters(5, "large", "repeat('x', 10000000)");

  const Heard heard = ReplayAll();

  EXPECT_EQ(heard.body, (Json{
                            {"replayed", 3   },
                            {"more",     true}
  }));
}

TEST_F(ReplaysTest, ANotedEndTombstonesItsControlRecordOnce) {
  MakeLetters(2);
  ASSERT_EQ(ReplayAll().status, 202);
  const std::vector<std::string> keys = OutboxKeys("control.default");
  ASSERT_THAT(keys, SizeIs(2));
  const std::string name = keys[0].substr(std::string("d1/replay/").size());

  for (int i = 0; i < 2; ++i) {
    const auto settled = worker_->Run(TenantId("default"), [&](store::Transaction& transaction) {
      return SettleReplays(transaction, TenantId("default"), DeploymentId("d1"),
                           {
                               {name, "id1", "scored"}
      });
    });
    ASSERT_TRUE(settled.ok()) << settled.error().ToString();
  }
  const auto released = worker_->Run(TenantId("default"), [&](store::Transaction& transaction) {
    return ReleaseReplays(transaction, DeploymentId("d1"));
  });

  ASSERT_TRUE(released.ok());
  EXPECT_THAT(OutboxKeys("control.default"), ElementsAre(keys[0], keys[1], keys[0]));
  EXPECT_TRUE(Queued().back().is_null());
  const Json listed = Get("/models/m/dead-letters").body["items"];
  EXPECT_TRUE(listed[0]["replay"].is_null()) << "it waits for another deployment";
  EXPECT_EQ(listed[1]["replay"]["end"], "scored");
  EXPECT_TRUE(listed[1]["replay"]["time"].is_string());
}

TEST_F(ReplaysTest, EndsAreReadFromTheJournalWhileControlSpeaksOfThem) {
  OUTRIGGER_NEED_KAFKA();
  const auto kafka = KafkaBroker::Shared()->Options();
  const std::string tenant = KafkaBroker::UniqueName("t");
  auto admin = *messaging::Admin::Make(kafka);
  ASSERT_TRUE(admin->CreateTopics(messaging::TenantTopics(tenant), seconds(20)).ok());
  auto producer = *messaging::Producer::Make(kafka, {});
  const auto say = [&](const std::string& topic, const std::string& key,
                       const std::optional<std::string>& value) {
    EXPECT_TRUE(producer->Send({topic + "." + tenant, 0, key, value, {}}, nullptr).ok());
    EXPECT_TRUE(producer->Flush(seconds(10)).ok());
  };
  const auto view = *JournalView::Start(kafka, SystemClock());
  const auto ends = [&] { return view->ReplayEnds(TenantId(tenant), DeploymentId("d"), 10); };
  const auto until = [&](const std::function<bool()>& holds) {
    for (const SteadyTime end = SystemClock().Now() + seconds(20); SystemClock().Now() < end;) {
      if (holds()) return true;
      SleepFor(Millis{10});
    }
    return holds();
  };
  say("control", "d/replay/a", "{}");
  say("journal", "d/replay/a", R"({"id": "letter", "end": "scored"})");
  say("journal", "d/replay/b", R"({"id": "not wanted", "end": "scored"})");

  EXPECT_TRUE(until([&] { return ends().size() == 1; }));
  EXPECT_EQ(ends()[0].letter, "letter");
  EXPECT_EQ(ends()[0].end, "scored");
  say("control", "d/replay/a", std::nullopt);
  EXPECT_TRUE(until([&] { return ends().empty(); }));
}

}  // namespace
}  // namespace outrigger::model_api
