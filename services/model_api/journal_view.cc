// SPDX-License-Identifier: Apache-2.0
#include "model_api/journal_view.h"

#include <nlohmann/json.hpp>

#include "outrigger/base/json.h"
#include "outrigger/base/log.h"

namespace outrigger::model_api {
namespace {

using lifecycle::CompanionPhase;
using lifecycle::CompanionStatus;
using Json = nlohmann::json;

constexpr std::chrono::seconds kAdminDeadline{5};
constexpr std::int64_t kCurrentMs = 3'000;

CompanionPhase PhaseFrom(const std::string& name) {
  if (name == "paused") return CompanionPhase::kPaused;
  if (name == "running") return CompanionPhase::kRunning;
  if (name == "drained") return CompanionPhase::kDrained;
  if (name == "stopped") return CompanionPhase::kStopped;
  return CompanionPhase::kUnknown;
}

CompanionStatus StatusFrom(const Json& json) {
  const Json health = json.value("health", Json::object());
  return {.phase = PhaseFrom(json.value("phase", "")),
          .current = false,
          .health = health.value("status", "UNKNOWN"),
          .health_detail = health.value("detail", ""),
          .health_at = health.value("checkedAt", std::int64_t{0}),
          .health_endpoint = health.value("endpoint", ""),
          .failures = health.value("failures", 0),
          .latency_ms = health.value("latencyMs", 0.0),
          .lag = json.value("lag", std::int64_t{0}),
          .late_samples = json.value("lateSamples", std::int64_t{0}),
          .dead_letters = json.value("deadLetters", std::int64_t{0}),
          .unscored = json.value("unscored", std::int64_t{0}),
          .reported_at = json.value("time", std::int64_t{0})};
}

}  // namespace

Result<std::unique_ptr<JournalView>> JournalView::Start(const messaging::KafkaOptions& kafka,
                                                        Clock& clock) {
  std::unique_ptr<JournalView> view(new JournalView(kafka, clock));
  view->thread_ = std::jthread([raw = view.get()](std::stop_token stop) { raw->Run(stop); });
  return view;
}

JournalView::~JournalView() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

std::optional<JournalView::Report> JournalView::Find(const TenantId& tenant,
                                                     const DeploymentId& deployment) const {
  const std::lock_guard lock(mutex_);
  const auto found = reports_.find({tenant.str(), deployment.str()});
  if (found == reports_.end()) return std::nullopt;
  return found->second;
}

std::optional<std::string> JournalView::State(const TenantId& tenant,
                                              const DeploymentId& deployment) const {
  const std::lock_guard lock(mutex_);
  const auto found = states_.find({tenant.str(), deployment.str()});
  if (found == states_.end()) return std::nullopt;
  return found->second;
}

std::vector<std::string> JournalView::Keys(const std::string& topic,
                                           const DeploymentId& deployment) const {
  const std::lock_guard lock(mutex_);
  const auto of_topic = keys_.find(topic);
  if (of_topic == keys_.end()) return {};
  const auto found = of_topic->second.by_deployment.find(deployment.str());
  if (found == of_topic->second.by_deployment.end()) return {};
  return {found->second.begin(), found->second.end()};
}

std::vector<std::pair<TenantId, DeploymentId>> JournalView::Deployments() const {
  const std::lock_guard lock(mutex_);
  std::set<std::pair<TenantId, DeploymentId>> found;
  for (const auto& [topic, keys] : keys_) {
    const TenantId tenant(topic.substr(topic.find('.') + 1));
    for (const auto& [deployment, names] : keys.by_deployment)
      found.emplace(tenant, DeploymentId(deployment));
  }
  return {found.begin(), found.end()};
}

bool JournalView::Current() const {
  const std::int64_t now = clock_.WallMs();
  const std::lock_guard lock(mutex_);
  return !topics_.empty() && ends_.size() == topics_.size() && now - polled_at_ < kCurrentMs;
}

void JournalView::Run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    if (const auto followed = Follow(stop); !followed) {
      LogWarning("journal lost, reading it anew", {followed.error()});
      SleepFor(Millis{500});
    }
  }
}

Result<> JournalView::Follow(std::stop_token stop) {
  {
    const std::lock_guard lock(mutex_);
    topics_.clear(), ends_.clear();
  }
  OR_ASSIGN(const auto admin, messaging::Admin::Make(kafka_));
  OR_ASSIGN(const auto consumer, messaging::Consumer::Make(kafka_, {}));
  SteadyTime next_look = clock_.Now();
  while (!stop.stop_requested()) {
    if (clock_.Now() >= next_look) {
      if (const auto assigned = AssignNewTopics(*admin, *consumer); !assigned) {
        LogWarning("cannot list topics", {assigned.error()});
      }
      next_look = clock_.Now() + std::chrono::seconds{1};
    }
    OR_ASSIGN(const auto batch, consumer->Poll(Millis{100}));
    for (const auto& record : batch.records) Take(record);
    const std::lock_guard lock(mutex_);
    for (const auto& end : batch.ends) ends_[end.at.topic] = clock_.WallMs();
  }
  return {};
}

Result<> JournalView::AssignNewTopics(messaging::Admin& admin, messaging::Consumer& consumer) {
  OR_ASSIGN(const auto all, admin.Topics(kAdminDeadline));
  polled_at_ = clock_.WallMs();
  std::set<std::string> wanted;
  for (const auto& [topic, partitions] : all) {
    if (topic.starts_with("journal.") || topic.starts_with("control.")) wanted.insert(topic);
  }
  {
    const std::lock_guard lock(mutex_);
    if (wanted == topics_) return {};
  }
  std::map<messaging::TopicPartition, std::int64_t> from;
  for (const std::string& topic : wanted) {
    from[{topic, 0}] =
        topics_.contains(topic) ? messaging::Consumer::kKeep : messaging::Consumer::kBeginning;
  }
  OR_RETURN_IF_ERROR(consumer.Assign(from));
  const std::lock_guard lock(mutex_);
  std::erase_if(ends_, [&](const auto& entry) { return !wanted.contains(entry.first); });
  topics_ = std::move(wanted);
  return {};
}

void JournalView::Take(const messaging::Record& record) {
  if (!record.key) return;
  const auto slash = record.key->find('/');
  if (slash == std::string::npos) return;
  const std::string deployment = record.key->substr(0, slash);
  const std::string tenant = record.topic.substr(record.topic.find('.') + 1);
  const std::string_view what = std::string_view(*record.key).substr(slash + 1);
  const std::lock_guard lock(mutex_);
  auto& names = keys_[record.topic].by_deployment;
  if (record.value) {
    names[deployment].insert(*record.key);
  } else if (const auto found = names.find(deployment); found != names.end()) {
    found->second.erase(*record.key);
    if (found->second.empty()) names.erase(found);
  }
  if (what == "status" && record.topic.starts_with("journal.")) {
    if (record.value)
      TakeStatus(tenant, deployment, *record.value);
    else
      reports_.erase({tenant, deployment});
  } else if (what == "state" && record.topic.starts_with("control.")) {
    if (record.value)
      states_[{tenant, deployment}] = *record.value;
    else
      states_.erase({tenant, deployment});
  }
}

void JournalView::TakeStatus(const std::string& tenant, const std::string& deployment,
                             const std::string& value) {
  const auto json = ParseJsonOr(value);
  try {  // a companion's words are not trusted to have the right types
    if (!json || !json->is_object()) throw std::invalid_argument("no object");
    reports_[{tenant, deployment}] = {StatusFrom(*json),
                                      json->value("stateRevision", std::int64_t{0})};
  } catch (const std::exception& error) {
    LogWarning("bad status in journal", {
                                            {"deployment", deployment  },
                                            {"why",        error.what()}
    });
  }
}

}  // namespace outrigger::model_api
