// SPDX-License-Identifier: Apache-2.0
// What model_api tells the data plane and hears from it, over a real PostgreSQL and Kafka.
#include "api_fixture.h"
#include "kafka_fixture.h"
#include "model_api/companion_board.h"
#include "model_api/pusher_view.h"
#include "model_api/relay.h"

namespace outrigger::model_api {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using testing::KafkaBroker;

class DataPlaneTest : public ApiFixture {
 protected:
  // The value that waits for Kafka under a key.
  Json Queued(const std::string& topic, const std::string& key) {
    const auto rows = worker_->Run(std::nullopt, [&](store::Transaction& transaction) {
      return transaction.Query(
          "SELECT value FROM outbox WHERE topic = $1 AND key = $2 ORDER BY id DESC LIMIT 1",
          {topic, key});
    });
    if (!rows || rows->empty()) return nullptr;
    return Json::parse(rows->at(0).Text(0), nullptr, false);
  }
  std::int64_t Enqueue(const std::string& topic, const std::string& key, const std::string& value) {
    const auto id = worker_->Run(std::nullopt, [&](store::Transaction& transaction) {
      return store::Enqueue(transaction, topic, key, value);
    });
    EXPECT_TRUE(id.ok());
    return id.value_or(-1);
  }
  lifecycle::Workload Deployed(const std::string& model) {
    testing::PostgresServer::Shared().Execute(
        uri_,
        "INSERT INTO deployment (tenant, id, model) VALUES ('default', 'd1', '" + model + "')");
    return {TenantId("default"), ModelName(model), DeploymentId("d1")};
  }
  static std::vector<std::string> KeysOf(const std::string& topic) {
    std::vector<std::string> keys;
    auto consumer = *messaging::Consumer::Make(KafkaBroker::Shared()->Options(), {});
    EXPECT_TRUE(consumer
                    ->Assign({
                        {{topic, 0}, messaging::Consumer::kBeginning}
    })
                    .ok());
    for (const SteadyTime until = SystemClock().Now() + seconds(20); SystemClock().Now() < until;) {
      const auto batch = consumer->Poll(Millis{200});
      if (!batch) break;
      for (const auto& record : batch->records) keys.push_back(record.key.value_or(""));
      if (!batch->ends.empty()) break;
    }
    return keys;
  }
};

// Never reached: what is asked here does not depend on Kafka.
const messaging::KafkaOptions kNoKafka{"127.0.0.1:1", "test"};

TEST_F(DataPlaneTest, ARecordThatKafkaRefusesDoesNotStopTheOthers) {
  OUTRIGGER_NEED_KAFKA();
  const auto kafka = KafkaBroker::Shared()->Options();
  const messaging::TopicSpec topic{
      KafkaBroker::UniqueName("small"), 1, {{"max.message.bytes", "10000"}}};
  auto admin = *messaging::Admin::Make(kafka);
  std::vector<messaging::TopicSpec> topics = messaging::PlatformTopics();
  topics.push_back(topic);
  ASSERT_TRUE(admin->CreateTopics(topics, seconds(20)).ok());
  std::int64_t last = 0;
  for (int i = 0; i < 20; ++i)
    last = Enqueue(topic.name, "k" + std::to_string(i),
                   i == 7 ? std::string(20'000, 'x') : std::string("fine"));

  Relay relay(*worker_, kafka, SystemClock(), metrics_);

  EXPECT_TRUE(relay.WaitPublished(last, Millis{60'000}).ok());
  std::vector<std::string> expected;
  for (int i = 0; i < 20; ++i)
    if (i != 7) expected.push_back("k" + std::to_string(i));
  EXPECT_EQ(KeysOf(topic.name), expected);
  EXPECT_EQ(metrics_.GetCounter("outrigger_relay_refused_total", "").Value(), 1);
}

TEST_F(DataPlaneTest, ACompanionLearnsTheTypesOfOutputsBeforeThereIsAnAsset) {
  ASSERT_EQ(Post("/asset-types",
                 {
                     {"id",          "arm"                                                                                      },
                     {"telemetries", Json::array({{{"name", "Temperature"}, {"type", "number"}},
                                                  {{"name", "Alarm"}, {"type", "boolean"}}})}
  })
                .status,
            201);
  ASSERT_EQ(Post("/models", ManifestFor("m")).status, 201);
  ASSERT_EQ(Put("/models/m/mappings", MappingTo("assetType", "arm", "Temperature", "Alarm")).status,
            200);
  const auto journal = *JournalView::Start(kNoKafka, SystemClock());
  KafkaCompanionBoard companions(*worker_, *journal, [] {});

  const auto started = companions.Start(Deployed("m"));

  ASSERT_TRUE(started.ok()) << started.error().ToString();
  EXPECT_EQ(Queued("control.default", "d1/spec")["outputs"]["score"]["type"], "boolean");
}

TEST_F(DataPlaneTest, AStateInKafkaThatIsNoObjectIsNoEndpoint) {
  ASSERT_EQ(Post("/models", ManifestFor("m")).status, 201);
  const lifecycle::Workload workload = Deployed("m");
  const auto journal = *JournalView::Start(kNoKafka, SystemClock());
  KafkaCompanionBoard companions(*worker_, *journal, [] {});
  for (const char* hostile : {"[1]", "7", R"({"endpoint": 5})", "nonsense", "null"}) {
    Enqueue("control.default", "d1/state", hostile);

    const auto wanted = companions.Want(workload, lifecycle::CompanionPhase::kRunning, "");

    ASSERT_TRUE(wanted.ok()) << hostile;
    EXPECT_EQ(Queued("control.default", "d1/state")["endpoint"], "") << hostile;
  }
}

TEST_F(DataPlaneTest, APusherStatusThatIsNoneIsPassedOver) {
  OUTRIGGER_NEED_KAFKA();
  const auto kafka = KafkaBroker::Shared()->Options();
  auto admin = *messaging::Admin::Make(kafka);
  ASSERT_TRUE(admin->CreateTopics(messaging::PlatformTopics(), seconds(20)).ok());
  auto producer = *messaging::Producer::Make(kafka, {});
  const auto view = *PusherView::Start(kafka, 2);
  int key = 0;
  for (const char* status :
       {"{}", "[]", "7", "nonsense", R"({"partition": 0})", R"({"partition": "0"})",
        R"({"partition": 99, "catalogRevision": 1})", R"({"partition": -1, "catalogRevision": 1})",
        R"({"partition": 0, "catalogRevision": 9})", R"({"partition": 1, "catalogRevision": 9})"})
    ASSERT_TRUE(
        producer->Send({"pusher-status", 0, std::to_string(key++), status, {}}, nullptr).ok());
  ASSERT_TRUE(producer->Flush(seconds(10)).ok());

  const SteadyTime until = SystemClock().Now() + seconds(20);
  while (!view->Applied(9) && SystemClock().Now() < until) SleepFor(Millis{10});

  EXPECT_TRUE(view->Applied(9));
  EXPECT_FALSE(view->Applied(10));
}

}  // namespace
}  // namespace outrigger::model_api
