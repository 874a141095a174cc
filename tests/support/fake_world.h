// SPDX-License-Identifier: Apache-2.0
// FakeWorld: engine, topics, routes and companions in memory, with failures and crashes by script,
// so that sagas can be killed at every call and what is left can be counted.
//
// Threads:  every method may be called concurrently; scripts are set before.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "outrigger/lifecycle/boards.h"
#include "outrigger/lifecycle/engine.h"
#include "outrigger/lifecycle/plan.h"

namespace outrigger::testing {

// The process dies here.
struct Crash {};

class FakeWorld final : public lifecycle::ModelEngine,
                        public lifecycle::FeedTopics,
                        public lifecycle::RouteBoard,
                        public lifecycle::CompanionBoard,
                        public lifecycle::DeployCheck {
 public:
  explicit FakeWorld(Clock& clock) : clock_(clock) {}

  // Scripts -----------------------------------------------------------------------------------
  // The next `times` calls of that name fail, having had no effect.
  void Fail(const std::string& call, Error error, int times = 1);
  // The next `times` calls of that name throw what the standard library would, without effect.
  void Throw(const std::string& call, int times = 1) { throws_[call] = times; }
  // The process dies at the call with this number (from 1), before or after its effect. 0: never.
  void CrashAt(int call, bool after_effect);
  void SetHealthy(bool healthy) { healthy_ = healthy; }
  // The pusher does not answer while this holds.
  void SetPusherGone(bool gone) { pusher_gone_ = gone; }
  void SetCompanionGone(bool gone) { companion_gone_ = gone; }
  // Kafka does not answer while this holds: nobody is heard, no topic is made.
  void SetKafkaGone(bool gone);
  // The container dies.
  void Exit(const lifecycle::Workload& workload, const std::string& detail);
  // A container nobody asked for, as a frozen worker would leave it.
  void StartStray(const lifecycle::Workload& workload);

  // What happened ---------------------------------------------------------------------------
  std::vector<std::string> calls() const;
  int count() const;
  void ForgetCalls();
  // Everything that exists, as "kind tenant/model/deployment".
  std::vector<std::string> Left() const;
  // Things done in an order that would lose or leak something.
  std::vector<std::string> violations() const;
  bool Runs(const lifecycle::Workload& workload) const;

  // Ports -------------------------------------------------------------------------------------
  Result<lifecycle::DeploymentPlan> Plan(const TenantId& tenant, const ModelName& model) override;

  Result<std::string> Resolve(const lifecycle::ImageReference& image) override;
  Result<> CreateNamespace(const lifecycle::Workload& workload) override;
  Result<std::string> Start(const lifecycle::Workload& workload,
                            const lifecycle::StartSpec& spec) override;
  Result<> Stop(const lifecycle::Workload& workload) override;
  Result<> DeleteNamespace(const lifecycle::Workload& workload) override;
  Result<lifecycle::WorkloadState> Inspect(const lifecycle::Workload& workload) override;
  Result<std::vector<lifecycle::Workload>> List() override;
  Result<std::string> Logs(const lifecycle::Workload& workload, int tail) override;

  Result<> Create(const lifecycle::Workload& workload, int partitions, Millis retention) override;
  Result<> Delete(const lifecycle::Workload& workload) override;

  Result<> Publish(const lifecycle::Workload& workload, bool open) override;
  Result<bool> Applied(const lifecycle::Workload& workload) override;
  Result<bool> OutputsTaken(const lifecycle::Workload& workload) override;
  Result<> Remove(const lifecycle::Workload& workload) override;

  Result<> Start(const lifecycle::Workload& workload) override;
  Result<> Want(const lifecycle::Workload& workload, lifecycle::CompanionPhase phase,
                const std::string& endpoint) override;
  Result<> Announce(const lifecycle::Workload& workload) override;
  std::optional<lifecycle::CompanionStatus> Status(const lifecycle::Workload& workload) override;
  Millis Listening() override;
  // Overrides what Status() says of one workload.
  void Say(const lifecycle::Workload& workload, const lifecycle::CompanionStatus& status);

 private:
  struct Container {
    lifecycle::WorkloadState state;
  };
  struct Companion {
    lifecycle::CompanionPhase phase = lifecycle::CompanionPhase::kPaused;
    std::string endpoint;
  };

  // Runs `effect` as the call `name`, unless the script says otherwise.
  template <typename Effect>
  auto Call(const std::string& name, Effect effect) -> decltype(effect());

  Clock& clock_;
  mutable std::mutex mutex_;
  std::map<std::string, std::pair<Error, int>> failures_;
  std::map<std::string, int> throws_;
  int crash_at_ = 0;
  bool crash_after_ = false;
  bool healthy_ = true;
  bool pusher_gone_ = false;
  bool companion_gone_ = false;
  bool kafka_gone_ = false;
  SteadyTime listening_since_{};
  std::vector<std::string> calls_;
  std::vector<std::string> violations_;
  std::map<std::string, lifecycle::Workload> namespaces_;
  std::map<std::string, Container> containers_;
  std::set<std::string> topics_;
  std::map<std::string, bool> routes_;
  std::map<std::string, Companion> companions_;
  std::map<std::string, lifecycle::CompanionStatus> said_;
  std::int64_t instances_ = 0;
};

}  // namespace outrigger::testing
