// SPDX-License-Identifier: Apache-2.0
// JournalView: what companions say in `journal.*` and were told in `control.*`, so that sagas,
// status and clean-up read memory instead of Kafka.
//
// One consumer for all tenants; new tenants' topics are found within a second.
// Threads:  every method may be called concurrently.
// See also: docs/formats/journal.md, docs/formats/control.md
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "outrigger/base/clock.h"
#include "outrigger/base/ids.h"
#include "outrigger/lifecycle/boards.h"
#include "outrigger/messaging/kafka.h"

namespace outrigger::model_api {

class JournalView {
 public:
  static Result<std::unique_ptr<JournalView>> Start(const messaging::KafkaOptions& kafka,
                                                    Clock& clock);
  ~JournalView();

  struct Report {
    lifecycle::CompanionStatus status;  // but `current`
    std::int64_t state_revision = 0;    // revision of the desired state it obeys
  };
  std::optional<Report> Find(const TenantId& tenant, const DeploymentId& deployment) const;

  // Value of `D/state` as last read; nullopt when there is none.
  std::optional<std::string> State(const TenantId& tenant, const DeploymentId& deployment) const;
  // Keys of the deployment that are alive in a topic ("control.T" or "journal.T").
  std::vector<std::string> Keys(const std::string& topic, const DeploymentId& deployment) const;
  // A dead letter that was tried again.
  struct ReplayEnd {
    std::string name;
    std::string letter;
    std::string end;  // as in docs/formats/journal.md
  };
  // At most `limit` ends that control does not know of yet.
  std::vector<ReplayEnd> ReplayEnds(const TenantId& tenant, const DeploymentId& deployment,
                                    std::size_t limit) const;
  std::vector<std::pair<TenantId, DeploymentId>> DeploymentsWithReplayEnds() const;
  // Deployments with any live key, by tenant.
  std::vector<std::pair<TenantId, DeploymentId>> Deployments() const;

  // Whether the topics were read to their ends lately: while false, silence of a companion means
  // nothing.
  bool Current() const { return Listening() > Millis{0}; }
  // For how long that has been so without a gap; 0: it is not.
  Millis Listening() const;

 private:
  JournalView(messaging::KafkaOptions kafka, Clock& clock)
      : kafka_(std::move(kafka)), clock_(clock) {}
  void Run(std::stop_token stop);
  Result<> Follow(std::stop_token stop);
  Result<> AssignNewTopics(messaging::Admin& admin, messaging::Consumer& consumer);
  void NoteAsked();
  void NoteEnds(const std::vector<messaging::EndOfPartition>& ends);
  void Take(const messaging::Record& record);
  void TakeStatus(const std::string& tenant, const std::string& deployment,
                  const std::string& value);

  void TakeReplayEnd(const std::string& tenant, const std::string& deployment,
                     const std::string& name, const std::optional<std::string>& value);

  struct TopicKeys {
    std::map<std::string, std::set<std::string>> by_deployment;
  };

  const messaging::KafkaOptions kafka_;
  Clock& clock_;
  mutable std::mutex mutex_;
  std::map<std::string, TopicKeys> keys_;                              // by topic
  std::map<std::pair<std::string, std::string>, Report> reports_;      // by tenant, deployment
  std::map<std::pair<std::string, std::string>, std::string> states_;  // the same
  std::map<std::pair<std::string, std::string>, std::map<std::string, ReplayEnd>>
      replays_;                  // by tenant, deployment; by name
  std::set<std::string> ended_;  // topics read to their ends since they were assigned
  std::set<std::string> topics_;
  std::optional<SteadyTime> asked_at_;         // when Kafka last named its topics
  std::optional<SteadyTime> listening_since_;  // nullopt: not read to the ends yet
  std::jthread thread_;
};

}  // namespace outrigger::model_api
