// SPDX-License-Identifier: Apache-2.0
// LifecycleBench: one store (in memory or PostgreSQL), a fake world, and a worker that can be
// killed, so that every test of the lifecycle runs on both stores alike.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "fake_world.h"
#include "in_memory_lifecycle.h"
#include "outrigger/lifecycle/lifecycle.h"
#include "outrigger/lifecycle/stepper.h"

namespace outrigger::testing {

// The lifecycle's four ports of one store.
struct LifecycleBackend {
  virtual ~LifecycleBackend() = default;
  virtual lifecycle::ModelStore& store() = 0;
  virtual lifecycle::ModelWatch& watch() = 0;
  virtual lifecycle::SagaJournal& journal() = 0;
  virtual lifecycle::DeploymentRecords& records() = 0;
  // A model in DRAFT, mapped to three assets of a type.
  virtual void Submit(const TenantId& tenant, const ModelName& model) = 0;
  // Mappings that explode_mappings made and nothing took back.
  virtual int Exploded(const TenantId& tenant, const ModelName& model) = 0;
};

class InMemoryBackend final : public LifecycleBackend {
 public:
  explicit InMemoryBackend(Clock& clock) : memory_(clock) {}
  lifecycle::ModelStore& store() override { return memory_; }
  lifecycle::ModelWatch& watch() override { return memory_; }
  lifecycle::SagaJournal& journal() override { return memory_; }
  lifecycle::DeploymentRecords& records() override { return memory_; }
  void Submit(const TenantId& tenant, const ModelName& model) override {
    memory_.Submit(tenant, model);
  }
  int Exploded(const TenantId& tenant, const ModelName& model) override {
    return memory_.Exploded(tenant, model);
  }

 private:
  InMemoryLifecycle memory_;
};

// Dies around the journal's writes, by the name of a step.
class CrashingJournal final : public lifecycle::SagaJournal {
 public:
  enum class Point { kBeforeEffect, kAfterEffect, kAfterJournal };

  explicit CrashingJournal(lifecycle::SagaJournal& real) : real_(real) {}
  void CrashAt(const std::string& step, Point point) {
    step_ = step;
    point_ = point;
  }
  void Calm() { step_.clear(); }

  Result<lifecycle::Claimed> Claim(const std::string& owner, int limit, Millis lease) override {
    return real_.Claim(owner, limit, lease);
  }
  Result<std::vector<OperationId>> Renew(const std::vector<lifecycle::SagaRef>& sagas,
                                         Millis lease) override {
    return real_.Renew(sagas, lease);
  }
  Result<> Release(const std::vector<lifecycle::SagaRef>& sagas) override {
    return real_.Release(sagas);
  }
  Result<bool> Write(const lifecycle::SagaRef& saga,
                     const lifecycle::JournalEntry& entry) override {
    Before(entry.steps);
    auto written = real_.Write(saga, entry);
    After(entry.steps);
    return written;
  }
  Result<> End(const lifecycle::SagaRef& saga, const lifecycle::SagaEnd& end) override {
    Before(end.steps);
    auto ended = real_.End(saga, end);
    After(end.steps);
    return ended;
  }

 private:
  void Before(const std::vector<lifecycle::StepRecord>& rows) const {
    for (const auto& row : rows)
      if (row.name == step_ && point_ == Point::kAfterEffect &&
          row.status == lifecycle::StepStatus::kDone)
        throw Crash{};
  }
  void After(const std::vector<lifecycle::StepRecord>& rows) const {
    for (const auto& row : rows) {
      if (row.name != step_) continue;
      if (point_ == Point::kAfterJournal && row.status == lifecycle::StepStatus::kDone)
        throw Crash{};
      if (point_ == Point::kBeforeEffect && row.status == lifecycle::StepStatus::kRunning)
        throw Crash{};
    }
  }

  lifecycle::SagaJournal& real_;
  std::string step_;
  Point point_ = Point::kBeforeEffect;
};

// A worker without threads: it claims one saga at a time and walks it to its end, moving the clock
// where a real one would wait.
class LifecycleBench {
 public:
  explicit LifecycleBench(std::unique_ptr<LifecycleBackend> (*make)(Clock&))
      : backend(make(clock)), journal(backend->journal()), lifecycle(backend->store(), nullptr) {}

  ManualClock clock;
  std::unique_ptr<LifecycleBackend> backend;
  FakeWorld world{clock};
  CrashingJournal journal;
  lifecycle::Lifecycle lifecycle;
  lifecycle::Platform platform{journal, backend->records(), world, world, world, world, world,
                               clock};

  // Claims and walks until nothing is left to do or `turns` are spent. Throws Crash as scripted.
  // Returns whether everything came to rest.
  bool Work(int turns = 2'000) {
    lifecycle::SagaStepper stepper(platform);
    while (true) {
      auto claimed = journal.Claim("worker", 1, Millis{0});
      if (!claimed || claimed->sagas.empty()) return claimed.has_value();
      lifecycle::HeldSaga saga = lifecycle::Hold(std::move(claimed->sagas[0]), clock.Now());
      while (true) {
        if (--turns < 0) return false;
        const lifecycle::Turn turn = stepper.Advance(saga);
        clock.Advance(turn.delay);
        if (turn.outcome == lifecycle::TurnOutcome::kEnded ||
            turn.outcome == lifecycle::TurnOutcome::kLost)
          break;
      }
    }
  }

  Result<OperationId> Ask(const TenantId& tenant, const ModelName& model,
                          lifecycle::Action action) {
    return lifecycle.Request(tenant, model, action, {"tester", "", ""});
  }

  lifecycle::State StateOf(const TenantId& tenant, const ModelName& model) {
    auto history = lifecycle.StateHistory(tenant, model, 1);
    return history && !history->empty() ? (*history)[0].to : lifecycle::State::kRemoving;
  }

  lifecycle::Workload WorkloadOf(const TenantId& tenant, const ModelName& model) {
    auto watched = backend->watch().Watched();
    if (watched)
      for (auto& one : *watched)
        if (one.workload.tenant == tenant && one.workload.model == model) return one.workload;
    return {tenant, model, DeploymentId()};
  }
};

}  // namespace outrigger::testing
