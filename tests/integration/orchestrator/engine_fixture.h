// SPDX-License-Identifier: Apache-2.0
// A process engine with folders of its own, and models written as scripts.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "outrigger/base/clock.h"
#include "outrigger/base/text.h"
#include "outrigger/orchestrator/process_engine.h"

namespace outrigger::orchestrator {

class EngineTest : public ::testing::Test {
 protected:
  using Phase = lifecycle::WorkloadState::Phase;

  void SetUp() override {
    char name[] = "/tmp/outrigger-engine-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    root_ = name;
    std::filesystem::permissions(root_, std::filesystem::perms(0755));
    std::filesystem::create_directories(root_ + "/images");
    options_.images = {root_ + "/images"};
    options_.models_dir = root_ + "/models";
    options_.grace = Millis{1'000};
    options_.watch_interval = Millis{50};
    engine_ = NewEngine();
  }
  void TearDown() override {
    if (engine_) {
      const auto all = engine_->List();
      for (const auto& workload : all.value_or(std::vector<lifecycle::Workload>{}))
        EXPECT_TRUE(engine_->Stop(workload).ok());
    }
    engine_.reset();
    std::filesystem::remove_all(root_);
  }

  std::unique_ptr<ProcessEngine> NewEngine() {
    auto made = ProcessEngine::Make(options_);
    EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().ToString());
    return made.ok() ? std::move(*made) : nullptr;
  }

  // Installs `script` as the image `name`:1 and returns its reference with digest.
  lifecycle::ImageReference Install(const std::string& name, const std::string& script,
                                    unsigned mode = 0755) {
    const std::string folder = root_ + "/images/" + name + "/1";
    std::filesystem::create_directories(folder);
    EXPECT_TRUE(WriteFile(folder + "/run", script, mode).ok());
    return {name, "1", "sha256:" + Sha256Hex(script)};
  }

  lifecycle::StartSpec Spec(const std::string& script) {
    lifecycle::StartSpec spec;
    spec.image = Install("model", script);
    return spec;
  }

  // CreateNamespace and Start.
  Result<std::string> Run(const lifecycle::StartSpec& spec) {
    if (const auto made = engine_->CreateNamespace(workload_); !made) return made.error();
    return engine_->Start(workload_, spec);
  }

  // Waits for an observable; false after ten seconds.
  static bool Eventually(const std::function<bool()>& holds) {
    const SteadyTime deadline = SystemClock().Now() + Millis{10'000};
    while (!holds()) {
      if (SystemClock().Now() > deadline) return false;
      SleepFor(Millis{5});
    }
    return true;
  }

  std::string Folder() const { return root_ + "/models/default/arm/d1"; }
  std::string Work(const std::string& file) const { return Folder() + "/work/" + file; }
  // The content of a file that the model writes, once it is there.
  std::string Written(const std::string& file) {
    EXPECT_TRUE(Eventually([&] { return std::filesystem::exists(Work(file)); })) << file;
    return ReadFile(Work(file)).value_or("");
  }
  static bool Lives(pid_t pid) {
    const auto stat = ReadFile("/proc/" + std::to_string(pid) + "/stat");
    if (!stat) return false;
    const char state = (*stat)[stat->rfind(')') + 2];
    return state != 'Z' && state != 'X';
  }
  pid_t PidIn(const std::string& file) { return static_cast<pid_t>(std::stol(Written(file))); }

  lifecycle::WorkloadState Inspect() {
    const auto state = engine_->Inspect(workload_);
    EXPECT_TRUE(state.ok()) << (state.ok() ? "" : state.error().ToString());
    return state.value_or(lifecycle::WorkloadState{});
  }
  bool EventuallyExits() {
    return Eventually([&] { return Inspect().phase == Phase::kExited; });
  }

  std::string root_;
  ProcessEngineOptions options_;
  std::unique_ptr<ProcessEngine> engine_;
  lifecycle::Workload workload_{TenantId("default"), ModelName("arm"), DeploymentId("d1")};
};

// Writes its process id once it runs (a whole file at once), then waits.
inline const std::string kSleeper =
    "#!/bin/sh\necho $$ >pid.tmp; mv pid.tmp pid\nexec sleep 1000\n";

}  // namespace outrigger::orchestrator
