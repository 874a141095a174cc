// SPDX-License-Identifier: Apache-2.0
// Tells companions what model_api would, so that a bench needs no more than Kafka and a companion.
//
// bench_control BROKERS deploy TENANT MODEL COUNT PORT DESIRED: makes the platform's and the
// tenant's topics and COUNT deployments of MODEL with their feeds; prints the deployments, one a
// line. bench_control BROKERS state TENANT DEPLOYMENT PORT DESIRED: run, pause, drain or stop.
#include <format>
#include <nlohmann/json.hpp>

#include "outrigger/base/clock.h"
#include "outrigger/base/ids.h"
#include "outrigger/messaging/kafka.h"
#include "support.h"

namespace {

using namespace outrigger;
using namespace outrigger::bench;
using nlohmann::json;
using std::chrono::seconds;

class Control {
 public:
  Control(const messaging::KafkaOptions& kafka, const std::string& tenant)
      : topic_(std::format("control.{}", tenant)),
        revision_(SystemClock().WallMs() * 1000),
        producer_(Must(messaging::Producer::Make(kafka, {}), "producer")) {}

  void Send(const std::string& key, const json& value) {
    Must(producer_->Send({.topic = topic_,
                          .partition = 0,
                          .key = key,
                          .value = value.dump(),
                          .headers = {{"revision", std::to_string(++revision_)}}},
                         nullptr),
         "control");
  }
  void State(const std::string& deployment, const std::string& port, const std::string& desired) {
    Send(std::format("{}/state", deployment),
         {
             {"desired", desired},
             {"endpoint", std::format("http://127.0.0.1:{}", port)}
    });
  }
  void Flush() { Must(producer_->Flush(seconds{30}), "flush"); }

 private:
  std::string topic_;
  std::int64_t revision_;
  std::unique_ptr<messaging::Producer> producer_;
};

json Spec(const std::string& tenant, const std::string& model, const std::string& deployment,
          const std::string& feed) {
  json spec = json::parse(R"({
    "version": "1", "digest": "sha256:00",
    "manifest": {
      "model": {"type": "http", "scoreEndpoint": "/score", "healthCheckEndpoint": "/health",
                "hosted": "internal", "timeout": 30000, "stateful": true, "replicas": 1,
                "retry": {"tries": 5, "maxBackoff": 10000},
                "health": {"interval": 5000, "timeout": 2000, "failures": 3}},
      "trigger": {"type": "REAL_TIME", "alignment": "latest", "allowedLateness": 0},
      "inputs": [{"dataColumnName": "t", "readAsString": false}],
      "outputs": [{"dataColumnName": "score", "readAsString": false}]},
    "outputs": {"score": {"type": "number"}}})");
  spec["deployment"] = deployment;
  spec["tenant"] = tenant;
  spec["model"] = model;
  spec["feed"] = {
      {"topic",      feed},
      {"partitions", 1   }
  };
  return spec;
}

void Deploy(const messaging::KafkaOptions& kafka, char** argv) {
  const std::string tenant = argv[3], model = argv[4];
  auto admin = Must(messaging::Admin::Make(kafka), "admin");
  for (const auto& topics : {messaging::PlatformTopics(), messaging::TenantTopics(tenant)})
    Must(admin->CreateTopics(topics, seconds{60}), "topics");
  std::vector<std::string> deployments;
  std::vector<messaging::TopicSpec> feeds;
  for (int i = std::atoi(argv[5]); i > 0; --i) {
    deployments.push_back(RandomId(6));
    feeds.push_back(messaging::FeedTopic(tenant, model, deployments.back(), 1, seconds{86'400}));
  }
  Must(admin->CreateTopics(feeds, seconds{120}), "feeds");
  Control control(kafka, tenant);
  for (std::size_t i = 0; i < feeds.size(); ++i) {
    control.Send(std::format("{}/spec", deployments[i]),
                 Spec(tenant, model, deployments[i], feeds[i].name));
    control.State(deployments[i], argv[6], argv[7]);
    std::puts(deployments[i].c_str());
  }
  control.Flush();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view verb = argc > 2 ? argv[2] : "";
  const messaging::KafkaOptions kafka{.brokers = argc > 1 ? argv[1] : "", .client_id = "bench"};
  if (verb == "deploy" && argc == 8) return Deploy(kafka, argv), 0;
  if (verb != "state" || argc != 7) {
    std::fputs("usage: see the head of bench/control.cc\n", stderr);
    return 2;
  }
  Control control(kafka, argv[3]);
  control.State(argv[4], argv[5], argv[6]);
  control.Flush();
}
