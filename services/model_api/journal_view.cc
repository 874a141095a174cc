// SPDX-License-Identifier: Apache-2.0
#include "model_api/journal_view.h"

#include <algorithm>
#include <exception>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "outrigger/base/json.h"
#include "outrigger/base/log.h"

namespace outrigger::model_api {
namespace {

using lifecycle::CompanionPhase;
using lifecycle::CompanionStatus;
using Json = nlohmann::json;

constexpr std::chrono::seconds kAdminDeadline{5};
constexpr Millis kCurrent{3'000};

CompanionPhase PhaseFrom(const std::string& name) {
  if (name == "paused") return CompanionPhase::kPaused;
  if (name == "running") return CompanionPhase::kRunning;
  if (name == "drained") return CompanionPhase::kDrained;
  if (name == "stopped") return CompanionPhase::kStopped;
  return CompanionPhase::kUnknown;
}

// A companion's words are not trusted to have the right types, nor values that mean something.
template <typename T>
T Member(const Json& json, const char* name, T otherwise) {
  const auto found = json.find(name);
  if (found == json.end()) return otherwise;
  bool fits = found->is_number_integer();
  if constexpr (std::is_same_v<T, std::string>) fits = found->is_string();
  if constexpr (std::is_same_v<T, double>) fits = found->is_number();
  return fits ? found->template get<T>() : otherwise;
}

// Unix milliseconds before the year 10000.
std::int64_t TimeIn(const Json& json, const char* name) {
  return std::clamp<std::int64_t>(Member(json, name, std::int64_t{0}), 0, 253'402'300'799'999);
}

std::string HealthFrom(const std::string& name) {
  return name == "HEALTHY" || name == "UNHEALTHY" ? name : "UNKNOWN";
}

CompanionStatus StatusFrom(const Json& json) {
  const auto found = json.find("health");
  const Json health = found != json.end() && found->is_object() ? *found : Json::object();
  return {.phase = PhaseFrom(Member(json, "phase", std::string())),
          .current = false,
          .health = HealthFrom(Member(health, "status", std::string())),
          .health_detail = Member(health, "detail", std::string()),
          .health_at = TimeIn(health, "checkedAt"),
          .health_endpoint = Member(health, "endpoint", std::string()),
          .failures = static_cast<int>(
              std::clamp<std::int64_t>(Member(health, "failures", std::int64_t{0}), 0, 1'000'000)),
          .latency_ms = Member(health, "latencyMs", 0.0),
          .lag = Member(json, "lag", std::int64_t{0}),
          .late_samples = Member(json, "lateSamples", std::int64_t{0}),
          .dead_letters = Member(json, "deadLetters", std::int64_t{0}),
          .unscored = Member(json, "unscored", std::int64_t{0}),
          .reported_at = TimeIn(json, "time")};
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

std::vector<JournalView::ReplayEnd> JournalView::ReplayEnds(const TenantId& tenant,
                                                            const DeploymentId& deployment,
                                                            std::size_t limit) const {
  const std::lock_guard lock(mutex_);
  std::vector<ReplayEnd> ends;
  const auto found = replays_.find({tenant.str(), deployment.str()});
  const auto control = keys_.find("control." + tenant.str());
  if (found == replays_.end() || control == keys_.end()) return ends;
  const auto alive = control->second.by_deployment.find(deployment.str());
  if (alive == control->second.by_deployment.end()) return ends;
  for (const auto& [name, end] : found->second) {
    if (ends.size() >= limit) break;
    if (alive->second.contains(deployment.str() + "/replay/" + name)) ends.push_back(end);
  }
  return ends;
}

std::vector<std::pair<TenantId, DeploymentId>> JournalView::DeploymentsWithReplayEnds() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<TenantId, DeploymentId>> deployments;
  for (const auto& [at, ends] : replays_) deployments.emplace_back(at.first, at.second);
  return deployments;
}

Millis JournalView::Listening() const {
  const SteadyTime now = clock_.Now();
  const std::lock_guard lock(mutex_);
  const bool complete = !topics_.empty() && ended_.size() == topics_.size();
  if (!complete || !listening_since_ || !asked_at_ || now - *asked_at_ >= kCurrent)
    return Millis{0};
  // At least 1 once it is current: 0 says that it is not.
  return std::max(Millis{1}, std::chrono::duration_cast<Millis>(now - *listening_since_));
}

// What was said while Kafka did not answer, or we were frozen, may not have been said at all.
void JournalView::NoteAsked() {
  const SteadyTime now = clock_.Now();
  const std::lock_guard lock(mutex_);
  if (asked_at_ && now - *asked_at_ >= kCurrent) listening_since_.reset();
  asked_at_ = now;
}

void JournalView::NoteEnds(const std::vector<messaging::EndOfPartition>& ends) {
  const SteadyTime now = clock_.Now();
  const std::lock_guard lock(mutex_);
  for (const auto& end : ends) ended_.insert(end.at.topic);
  if (!listening_since_ && !topics_.empty() && ended_.size() == topics_.size())
    listening_since_ = now;
}

void JournalView::Run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    Result<> followed;
    try {
      followed = Follow(stop);
    } catch (const std::exception& thrown) {  // the next process would meet it again at once
      followed =
          Error(ErrorCode::kInternal, std::string("the journal's view threw: ") + thrown.what());
    }
    if (!followed) {
      LogWarning("journal lost, reading it anew", {followed.error()});
      SleepFor(Millis{500});
    }
  }
}

Result<> JournalView::Follow(std::stop_token stop) {
  {
    const std::lock_guard lock(mutex_);
    topics_.clear(), ended_.clear();
    listening_since_.reset();
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
    NoteEnds(batch.ends);
  }
  return {};
}

Result<> JournalView::AssignNewTopics(messaging::Admin& admin, messaging::Consumer& consumer) {
  OR_ASSIGN(const auto all, admin.Topics(kAdminDeadline));
  NoteAsked();
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
  std::erase_if(ended_, [&](const auto& topic) { return !wanted.contains(topic); });
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
  } else if (what.starts_with("replay/") && record.topic.starts_with("journal.")) {
    TakeReplayEnd(tenant, deployment, std::string(what.substr(7)), record.value);
  }
}

void JournalView::TakeReplayEnd(const std::string& tenant, const std::string& deployment,
                                const std::string& name, const std::optional<std::string>& value) {
  const Result<Json> json = value ? ParseJsonOr(*value) : Result<Json>(Json());
  if (json && json->is_object()) {
    const std::string end = Member(*json, "end", std::string());
    replays_[{tenant, deployment}][name] = {name, Member(*json, "id", std::string()),
                                            end == "scored" ? end : "dead-letter"};
    return;
  }
  const auto of_deployment = replays_.find({tenant, deployment});
  if (of_deployment == replays_.end()) return;
  of_deployment->second.erase(name);
  if (of_deployment->second.empty()) replays_.erase(of_deployment);
}

void JournalView::TakeStatus(const std::string& tenant, const std::string& deployment,
                             const std::string& value) {
  const auto json = ParseJsonOr(value);
  if (!json || !json->is_object()) {
    LogWarning("bad status in journal", {
                                            {"deployment", deployment}
    });
    return;
  }
  reports_[{tenant, deployment}] = {StatusFrom(*json),
                                    Member(*json, "stateRevision", std::int64_t{0})};
}

}  // namespace outrigger::model_api
