// SPDX-License-Identifier: Apache-2.0
// PusherTest: the real data_pusher between a real Kafka and a real PostgreSQL, so that tests see
// what a neighbour sees, and can kill, freeze and starve it.
//
// Threads:  one test thread. Every test has a tenant of its own; broker and database are shared.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "kafka_fixture.h"
#include "outrigger/http/client.h"
#include "outrigger/messaging/kafka.h"
#include "postgres_fixture.h"

namespace outrigger::testing {

// One run of the binary.
class PusherProcess {
 public:
  PusherProcess(std::string instance, const std::string& brokers, const std::string& postgres);
  ~PusherProcess();
  PusherProcess(const PusherProcess&) = delete;

  void Start();
  void Signal(int number) const;
  // SIGKILL, then begin again.
  void KillAndRestart();
  // SIGTERM; returns the exit code.
  int Stop();
  pid_t pid() const { return pid_; }
  const std::string& url() const { return url_; }
  const std::string& admin_url() const { return admin_url_; }

 private:
  std::vector<std::string> words_;
  std::string url_, admin_url_, log_;
  pid_t pid_ = -1;
};

class PusherTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite();
  static void TearDownTestSuite();
  void SetUp() override;

  // Records, acknowledged before this returns.
  void Publish(const std::string& topic, const std::string& key, const std::string& value,
               messaging::Headers headers = {});
  // The same without waiting; Flush() waits for all.
  void Enqueue(const std::string& topic, const std::string& key, const std::string& value,
               messaging::Headers headers = {});
  void Flush();
  // A catalog or credential record at the next revision, which is returned. Empty: a tombstone.
  std::int64_t Tell(const std::string& topic, const std::string& key, const std::string& value);

  // An asset type "arm" with Temperature, Level, Score and Alarm, and assets of it.
  void DefineAssets(const std::vector<std::string>& assets);
  // A route by type from Temperature to Score and Level, and its feed; returns the deployment.
  std::string OpenRoute(const std::string& model);
  std::int64_t TellRoute(const std::string& model, const std::string& deployment, bool open);
  // An open route by assets; each group has `subject` and `inputs`.
  std::int64_t TellGroups(const std::string& model, const std::string& deployment,
                          nlohmann::json groups);
  std::string FeedOf(const std::string& model, const std::string& deployment) const;
  void WaitForRevision(std::int64_t revision);

  void Sample(const std::string& asset, std::int64_t time, double temperature,
              const std::string& id = "");
  void SampleText(const std::string& asset, std::int64_t time, const std::string& level);
  void Output(const std::string& model, const std::string& deployment, const std::string& asset,
              std::int64_t time, double score);

  // Everything committed in a topic.
  static std::vector<messaging::Record> ReadAll(const std::string& topic);

  // GET on the query API with this tenant's token.
  http::Reply Get(const std::string& path, const std::string& token = "");
  nlohmann::json Json(const std::string& path);
  // Time → value, all pages.
  std::map<std::int64_t, nlohmann::json> History(const std::string& asset,
                                                 const std::string& telemetry);
  // Runs a query that yields one number.
  static std::int64_t Number(const std::string& sql);

  // Looks every 50 ms until it holds.
  static ::testing::AssertionResult Until(std::chrono::seconds deadline,
                                          const std::function<bool()>& holds);

  static KafkaBroker& Kafka() { return *KafkaBroker::Shared(); }
  static PusherProcess& Pusher() { return *pusher_; }
  static const std::string& database() { return database_; }

  std::string tenant_, token_;

 private:
  std::int64_t TellRouteOf(const std::string& model, const std::string& deployment,
                           nlohmann::json route);

  void Measure(const std::string& asset, std::int64_t time, const nlohmann::json& values,
               const std::string& id);

  static std::unique_ptr<PusherProcess> pusher_;
  static std::unique_ptr<messaging::Producer> producer_;
  static std::unique_ptr<messaging::Admin> admin_;
  static std::unique_ptr<http::Client> client_;
  static std::string database_;
  static std::int64_t revision_;
};

}  // namespace outrigger::testing
