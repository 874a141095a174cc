// SPDX-License-Identifier: Apache-2.0
// ApiFixture: the REST API over real HTTP and a real PostgreSQL, with the data plane's side played
// by obedient fakes: topics are remembered, records count as published, no saga runs unless told.
#pragma once

#include <gmock/gmock.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model_api/front.h"
#include "outrigger/base/metrics.h"
#include "outrigger/http/client.h"
#include "outrigger/store/postgres_lifecycle.h"
#include "postgres_fixture.h"

namespace outrigger::model_api {

using Json = nlohmann::json;

// Remembers topics. `gone`: Kafka does not answer.
class FakeKafkaAdmin final : public messaging::Admin {
 public:
  Result<> CreateTopics(std::span<const messaging::TopicSpec> topics, Millis) override;
  Result<> DeleteTopic(const std::string&, Millis) override { return {}; }
  Result<std::map<std::string, int>> Topics(Millis) override;
  Result<std::map<int, std::int64_t>> EndOffsets(const std::string&, Millis) override;
  Result<std::map<int, std::int64_t>> HighWatermarks(const std::string& topic,
                                                     Millis deadline) override {
    return EndOffsets(topic, deadline);
  }
  Result<std::map<int, std::int64_t>> CommittedOffsets(const std::string&, const std::string&,
                                                       Millis) override;
  Result<std::map<int, std::int64_t>> OffsetsAt(const std::string&, ArrivalTime, Millis) override;

  std::atomic<bool> gone{false};

 private:
  std::mutex mutex_;
  std::map<std::string, int> topics_;
};

class FakeEngine final : public lifecycle::ModelEngine {
 public:
  Result<std::string> Resolve(const lifecycle::ImageReference&) override { return "sha256:0"; }
  Result<> CreateNamespace(const lifecycle::Workload&) override { return {}; }
  Result<std::string> Start(const lifecycle::Workload&, const lifecycle::StartSpec&) override {
    return "http://127.0.0.1:1";
  }
  Result<> Stop(const lifecycle::Workload&) override { return {}; }
  Result<> DeleteNamespace(const lifecycle::Workload&) override { return {}; }
  Result<lifecycle::WorkloadState> Inspect(const lifecycle::Workload&) override { return {}; }
  Result<std::vector<lifecycle::Workload>> List() override { return {}; }
  Result<std::string> Logs(const lifecycle::Workload&, int) override { return logs; }

  std::string logs;
};

class FakeCompanions final : public lifecycle::CompanionBoard {
 public:
  Result<> Start(const lifecycle::Workload&) override { return {}; }
  Result<> Want(const lifecycle::Workload&, lifecycle::CompanionPhase,
                const std::string&) override {
    return {};
  }
  Result<> Announce(const lifecycle::Workload&) override { return {}; }
  std::optional<lifecycle::CompanionStatus> Status(const lifecycle::Workload&) override {
    return status;
  }
  Millis Listening() override { return Millis{60'000}; }

  std::optional<lifecycle::CompanionStatus> status;
};

// An answer with its body parsed (null when empty or no JSON).
struct Heard {
  int status = 0;
  std::string text;
  Json body;
  http::HeaderList headers;
  std::string Header(std::string_view lower_name) const;
  // The pointers of a problem's errors.
  std::vector<std::string> Pointers() const;
};

struct Said {
  std::string type = "application/json";
  http::HeaderList headers = {};
  std::string token = {};  // empty: the platform admin of the tenant default
};

class ApiFixture : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  Heard Call(const std::string& method, const std::string& path, const std::string& body,
             const Said& said = {});
  Heard Get(const std::string& path, const Said& said = {}) { return Call("GET", path, "", said); }
  Heard Post(const std::string& path, const Json& body, const Said& said = {}) {
    return Call("POST", path, body.is_null() ? "" : body.dump(), said);
  }
  Heard Put(const std::string& path, const Json& body, const Said& said = {}) {
    return Call("PUT", path, body.dump(), said);
  }
  Heard Delete(const std::string& path, const Said& said = {}) {
    return Call("DELETE", path, "", said);
  }

  // Makes a tenant and a token in it; returns the token.
  std::string MakeTenant(const std::string& tenant, const std::string& role);
  std::string MakeToken(const std::string& tenant, const std::string& name,
                        const std::string& role);
  // A type with Temperature and Speed (numbers in), Score and Level (out), and an asset of it.
  void MakeArm(const std::string& type, const std::string& asset);
  // Moves a model as a saga would.
  void ForceState(const std::string& model, const std::string& state,
                  const std::string& deployment = "");
  // Keys of the outbox, oldest first.
  std::vector<std::string> OutboxKeys(const std::string& topic);
  std::int64_t Count(const std::string& table);

  std::string uri_;
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<store::Database> sagas_;
  std::unique_ptr<store::Database> worker_;
  std::unique_ptr<store::Sealer> sealer_;
  FakeKafkaAdmin kafka_;
  FakeEngine engine_;
  FakeCompanions companions_;
  std::unique_ptr<store::PostgresLifecycle> models_;
  std::unique_ptr<lifecycle::Lifecycle> lifecycle_;
  std::atomic<bool> relay_gone_{false};
  std::atomic<std::int64_t> waited_for_{0};
  std::unique_ptr<Api> api_;
  Metrics metrics_;
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<http::Client> client_;
  std::string admin_token_ = "bootstrap-token";
};

// A manifest for image `image` with input temperature and output score.
Json ManifestFor(const std::string& image, const std::string& name = "");
// Its mapping to one asset, or to a type.
Json MappingTo(const std::string& kind, const std::string& id,
               const std::string& from = "Temperature", const std::string& to = "Score");

}  // namespace outrigger::model_api
