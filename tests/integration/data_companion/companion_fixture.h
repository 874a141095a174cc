// SPDX-License-Identifier: Apache-2.0
// What the tests of data_companion share: a real Kafka, the real program, and models in this
// process.
#pragma once

#include <gmock/gmock.h>
#include <sys/types.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "kafka_fixture.h"
#include "outrigger/http/server.h"
#include "outrigger/messaging/kafka.h"

namespace outrigger::testing {

// A model: what it answers is up to the test.
class FakeModel {
 public:
  using Answer = std::function<http::Response(const nlohmann::json& request)>;
  explicit FakeModel(Answer answer, std::uint16_t port = 0);

  std::string url() const { return server_->url(); }
  std::uint16_t port() const { return server_->port(); }
  std::atomic<bool> healthy{true};
  std::atomic<int> requests{0};
  // Requests to POST /assets.
  std::vector<nlohmann::json> asset_events();
  std::atomic<int> refuse_asset_events{0};

  // One output row per input row: f(asset, columns of the row).
  static http::Response EachRow(
      const nlohmann::json& request,
      const std::function<nlohmann::json(const std::string&, const nlohmann::json&)>& row);

 private:
  void Listen(std::uint16_t port);

  Answer answer_;
  std::mutex mutex_;
  std::vector<nlohmann::json> asset_events_;
  std::unique_ptr<http::Server> server_;
};

class CompanionTest : public ::testing::Test {
 protected:
  struct OutRow {
    std::string asset;
    std::int64_t time;
    nlohmann::json values;
    messaging::Headers headers;
  };
  struct Deployment {
    std::string id;
    std::string feed;
    int partitions = 1;
  };

  void SetUp() override;
  void TearDown() override;

  // Starts the program, ends it by SIGKILL or SIGTERM.
  void StartCompanion();
  void KillCompanion();
  int StopCompanion();  // the exit code, 128 + signal when it did not end by itself
  pid_t companion_pid() const { return pid_; }
  std::string Metrics();

  // A deployment of a model with input `x` (and `more`) and outputs `score`, `level`.
  Deployment Deploy(const std::string& model, const nlohmann::json& changes = {},
                    int partitions = 1);
  void State(const Deployment& deployment, const std::string& desired, const std::string& endpoint);
  void Control(const std::string& key, const std::optional<std::string>& value);
  // Writes samples as the pusher does. `source` is the offset in `telemetry`.
  void Feed(const Deployment& deployment, const std::string& subject, std::int64_t time,
            const nlohmann::json& values, std::int64_t source);
  void FlushFeed();

  std::vector<messaging::Record> ReadTopic(const std::string& topic, int partitions);
  std::vector<OutRow> Out(const Deployment& deployment);
  std::vector<messaging::Record> Dead(const Deployment& deployment);
  // The last value of a journal key; nullopt when absent or a tombstone.
  std::optional<nlohmann::json> Journal(const std::string& key);
  // Waits until the status says so.
  nlohmann::json AwaitStatus(const Deployment& deployment,
                             const std::function<bool(const nlohmann::json&)>& holds,
                             std::chrono::seconds within = std::chrono::seconds(30));
  bool Eventually(const std::function<bool()>& holds,
                  std::chrono::seconds within = std::chrono::seconds(30));

  KafkaBroker* broker_ = nullptr;
  std::string tenant_, slot_;
  std::unique_ptr<messaging::Admin> admin_;
  std::unique_ptr<messaging::Producer> producer_;
  std::int64_t revision_ = 0;
  pid_t pid_ = -1;
  int admin_port_ = 0;
};

}  // namespace outrigger::testing
