// SPDX-License-Identifier: Apache-2.0
#include "fake_world.h"

#include <algorithm>
#include <stdexcept>

namespace outrigger::testing {

using lifecycle::CompanionPhase;
using lifecycle::CompanionStatus;
using lifecycle::Workload;
using lifecycle::WorkloadState;

namespace {

std::string KeyOf(const Workload& w) {
  return w.tenant.str() + "/" + w.model.str() + "/" + w.deployment.str();
}

}  // namespace

template <typename Effect>
auto FakeWorld::Call(const std::string& name, Effect effect) -> decltype(effect()) {
  const std::lock_guard lock(mutex_);
  calls_.push_back(name);
  const bool crash = crash_at_ > 0 && static_cast<int>(calls_.size()) == crash_at_;
  if (crash && !crash_after_) throw Crash{};
  if (const auto thrown = throws_.find(name); thrown != throws_.end() && thrown->second > 0) {
    --thrown->second;
    throw std::out_of_range("a hostile record");
  }
  const auto failure = failures_.find(name);
  if (failure != failures_.end() && failure->second.second > 0) {
    --failure->second.second;
    return failure->second.first;
  }
  auto result = effect();
  if (crash) throw Crash{};
  return result;
}

void FakeWorld::Fail(const std::string& call, Error error, int times) {
  failures_.insert_or_assign(call, std::pair(std::move(error), times));
}

void FakeWorld::CrashAt(int call, bool after_effect) {
  crash_at_ = call;
  crash_after_ = after_effect;
}

void FakeWorld::SetKafkaGone(bool gone) {
  const std::lock_guard lock(mutex_);
  kafka_gone_ = gone;
  listening_since_ = clock_.Now();
}

Millis FakeWorld::Listening() {
  const std::lock_guard lock(mutex_);
  if (kafka_gone_) return Millis{0};
  return std::max(Millis{1}, std::chrono::duration_cast<Millis>(clock_.Now() - listening_since_));
}

void FakeWorld::Exit(const Workload& workload, const std::string& detail) {
  const std::lock_guard lock(mutex_);
  auto& state = containers_[KeyOf(workload)].state;
  state.phase = WorkloadState::Phase::kExited;
  state.detail = detail;
}

void FakeWorld::StartStray(const Workload& workload) {
  const std::lock_guard lock(mutex_);
  namespaces_[KeyOf(workload)] = workload;
  containers_[KeyOf(workload)].state.phase = WorkloadState::Phase::kRunning;
}

std::vector<std::string> FakeWorld::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

int FakeWorld::count() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(calls_.size());
}

void FakeWorld::ForgetCalls() {
  const std::lock_guard lock(mutex_);
  calls_.clear();
}

std::vector<std::string> FakeWorld::Left() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> left;
  for (const auto& [key, workload] : namespaces_) left.push_back("namespace " + key);
  for (const auto& [key, container] : containers_)
    left.push_back((container.state.phase == WorkloadState::Phase::kRunning ? "container "
                                                                            : "dead container ") +
                   key);
  for (const auto& key : topics_) left.push_back("topic " + key);
  for (const auto& [key, open] : routes_)
    left.push_back((open ? "open route " : "closed route ") + key);
  for (const auto& [key, companion] : companions_) left.push_back("companion " + key);
  return left;
}

std::vector<std::string> FakeWorld::violations() const {
  const std::lock_guard lock(mutex_);
  return violations_;
}

bool FakeWorld::Runs(const Workload& workload) const {
  const std::lock_guard lock(mutex_);
  const auto found = containers_.find(KeyOf(workload));
  return found != containers_.end() && found->second.state.phase == WorkloadState::Phase::kRunning;
}

Result<lifecycle::DeploymentPlan> FakeWorld::Plan(const TenantId&, const ModelName&) {
  return Call("check", []() -> Result<lifecycle::DeploymentPlan> {
    lifecycle::DeploymentPlan plan;
    plan.start.image = {"detector", "latest", ""};
    plan.start.env = {
        {"MODE", "test"}
    };
    plan.generation = 7;
    return plan;
  });
}

Result<std::string> FakeWorld::Resolve(const lifecycle::ImageReference&) {
  return Call("resolve", []() -> Result<std::string> { return std::string("sha256:abc"); });
}

Result<> FakeWorld::CreateNamespace(const Workload& workload) {
  return Call("create_namespace", [&]() -> Result<> {
    namespaces_[KeyOf(workload)] = workload;
    return {};
  });
}

Result<std::string> FakeWorld::Start(const Workload& workload, const lifecycle::StartSpec& spec) {
  return Call("start_container", [&]() -> Result<std::string> {
    if (!namespaces_.contains(KeyOf(workload)))
      violations_.push_back("a container without a namespace");
    if (spec.image.digest.empty()) violations_.push_back("a container without a digest");
    auto& state = containers_[KeyOf(workload)].state;
    if (state.phase != WorkloadState::Phase::kRunning) {
      state.phase = WorkloadState::Phase::kRunning;
      state.instance = ++instances_;
      state.endpoint = "http://127.0.0.1:" + std::to_string(40'000 + instances_);
    }
    return state.endpoint;
  });
}

Result<> FakeWorld::Stop(const Workload& workload) {
  return Call("stop_container", [&]() -> Result<> {
    containers_.erase(KeyOf(workload));
    return {};
  });
}

Result<> FakeWorld::DeleteNamespace(const Workload& workload) {
  return Call("delete_namespace", [&]() -> Result<> {
    if (containers_.contains(KeyOf(workload)))
      violations_.push_back("a namespace deleted around its container");
    namespaces_.erase(KeyOf(workload));
    return {};
  });
}

Result<WorkloadState> FakeWorld::Inspect(const Workload& workload) {
  const std::lock_guard lock(mutex_);
  const auto failure = failures_.find("inspect");
  if (failure != failures_.end() && failure->second.second > 0) return failure->second.first;
  const auto found = containers_.find(KeyOf(workload));
  return found == containers_.end() ? WorkloadState{} : found->second.state;
}

Result<std::vector<Workload>> FakeWorld::List() {
  const std::lock_guard lock(mutex_);
  std::vector<Workload> all;
  for (const auto& [key, workload] : namespaces_) all.push_back(workload);
  return all;
}

Result<std::string> FakeWorld::Logs(const Workload&, int) { return std::string("out of luck\n"); }

Result<> FakeWorld::Create(const Workload& workload, int, Millis) {
  return Call("create_topic", [&]() -> Result<> {
    if (kafka_gone_) return Error(ErrorCode::kTimeout, "Kafka did not answer");
    topics_.insert(KeyOf(workload));
    return {};
  });
}

Result<> FakeWorld::Delete(const Workload& workload) {
  return Call("delete_topic", [&]() -> Result<> {
    const auto route = routes_.find(KeyOf(workload));
    if (route != routes_.end() && route->second)
      violations_.push_back("a feed deleted under an open route");
    topics_.erase(KeyOf(workload));
    return {};
  });
}

Result<> FakeWorld::Publish(const Workload& workload, bool open) {
  return Call(open ? "open_route" : "close_route", [&]() -> Result<> {
    if (open && !topics_.contains(KeyOf(workload)))
      violations_.push_back("a route without its feed");
    routes_[KeyOf(workload)] = open;
    return {};
  });
}

Result<bool> FakeWorld::Applied(const Workload&) {
  return Call("applied", [&]() -> Result<bool> {
    if (pusher_gone_) return Error(ErrorCode::kUnavailable, "the pusher says nothing");
    return true;
  });
}

Result<bool> FakeWorld::OutputsTaken(const Workload& workload) {
  return Call("outputs_taken", [&]() -> Result<bool> {
    const auto companion = companions_.find(KeyOf(workload));
    if (companion != companions_.end() && companion->second.phase == CompanionPhase::kRunning)
      violations_.push_back("outputs counted while the companion runs");
    return !pusher_gone_;
  });
}

Result<> FakeWorld::Remove(const Workload& workload) {
  return Call("remove_routes", [&]() -> Result<> {
    const auto route = routes_.find(KeyOf(workload));
    if (route != routes_.end() && route->second) violations_.push_back("an open route removed");
    routes_.erase(KeyOf(workload));
    companions_.erase(KeyOf(workload));
    return {};
  });
}

Result<> FakeWorld::Start(const Workload& workload) {
  return Call("start_companion", [&]() -> Result<> {
    companions_.try_emplace(KeyOf(workload));
    return {};
  });
}

Result<> FakeWorld::Want(const Workload& workload, CompanionPhase phase,
                         const std::string& endpoint) {
  const std::string name = phase == CompanionPhase::kRunning   ? "run_companion"
                           : phase == CompanionPhase::kStopped ? "stop_companion"
                                                               : "pause_companion";
  return Call(name, [&]() -> Result<> {
    Companion& companion = companions_[KeyOf(workload)];
    companion.phase = phase;
    if (!endpoint.empty()) companion.endpoint = endpoint;
    return {};
  });
}

Result<> FakeWorld::Announce(const Workload&) {
  return Call("announce", []() -> Result<> { return {}; });
}

std::optional<CompanionStatus> FakeWorld::Status(const Workload& workload) {
  const std::lock_guard lock(mutex_);
  if (const auto said = said_.find(KeyOf(workload)); said != said_.end()) return said->second;
  const auto found = companions_.find(KeyOf(workload));
  if (found == companions_.end() || companion_gone_ || kafka_gone_) return std::nullopt;
  CompanionStatus status;
  status.phase = found->second.phase;
  status.current = true;
  const auto container = containers_.find(KeyOf(workload));
  const bool up = container != containers_.end() &&
                  container->second.state.phase == WorkloadState::Phase::kRunning &&
                  container->second.state.endpoint == found->second.endpoint;
  status.health = up && healthy_ ? "HEALTHY" : "UNHEALTHY";
  status.health_detail = up ? "503 from /health" : "connection refused";
  status.failures = status.health == "HEALTHY" ? 0 : 1;
  status.health_endpoint = found->second.endpoint;
  status.health_at = clock_.WallMs();
  status.reported_at = clock_.WallMs();
  return status;
}

void FakeWorld::Say(const Workload& workload, const CompanionStatus& status) {
  const std::lock_guard lock(mutex_);
  said_[KeyOf(workload)] = status;
}

}  // namespace outrigger::testing
