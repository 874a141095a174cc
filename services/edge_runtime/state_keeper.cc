// SPDX-License-Identifier: Apache-2.0
#include "edge_runtime/state_keeper.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "outrigger/base/clock.h"
#include "outrigger/base/log.h"
#include "outrigger/base/text.h"

namespace outrigger::edge_runtime {
namespace {

constexpr int kShare = 50;  // of the time, writing takes at most one part in so many

// Drafts of processes that were killed while they wrote.
void RemoveDrafts(const std::string& path) {
  const std::filesystem::path file(path);
  std::error_code failed;
  const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  for (const auto& entry : std::filesystem::directory_iterator(folder, failed))
    if (entry.path().filename().string().starts_with(file.filename().string() + ".tmp."))
      std::filesystem::remove(entry.path(), failed);
}

}  // namespace

StateKeeper::StateKeeper(inference::AnomalyDetector& detector, std::string path,
                         std::chrono::milliseconds interval)
    : detector_(detector), path_(std::move(path)), interval_(interval) {
  if (path_.empty()) return;
  RemoveDrafts(path_);
  Restore();
  thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
}

StateKeeper::~StateKeeper() {
  if (path_.empty()) return;
  thread_.request_stop();
  thread_.join();
  WriteIfChanged();
}

void StateKeeper::Restore() {
  const auto bytes = ReadFile(path_);
  if (!bytes && bytes.error().code() == ErrorCode::kNotFound) return;
  const Result<> loaded = bytes ? detector_.Load(*bytes) : Result<>(bytes.error());
  if (loaded) {
    LogInfo("state restored", {
                                  {"path",   path_             },
                                  {"assets", detector_.assets()}
    });
    return;
  }
  LogWarning("the state cannot be used: learning begins anew",
             {
                 {"path", path_},
                 loaded.error()
  });
  std::rename(path_.c_str(), (path_ + ".damaged").c_str());
}

void StateKeeper::Run(const std::stop_token& stop) {
  Millis pause = interval_;
  while (!stop.stop_requested()) {
    {
      std::unique_lock hold(mutex_);
      wake_.wait_for(hold, stop, pause, [] { return false; });
    }
    if (stop.stop_requested()) return;
    const SteadyTime began = SystemClock().Now();
    WriteIfChanged();
    const auto took = std::chrono::duration_cast<Millis>(SystemClock().Now() - began);
    pause = std::max(interval_, took * kShare);
  }
}

void StateKeeper::WriteIfChanged() {
  const std::uint64_t learned = detector_.learned();
  if (learned == written_) return;
  const auto kept = WriteFile(path_, detector_.Save(), 0600);
  if (kept) {
    written_ = learned;
    warned_ = false;
  } else if (!warned_) {
    LogWarning("the state cannot be kept: a restart would begin anew", {kept.error()});
    warned_ = true;
  }
}

}  // namespace outrigger::edge_runtime
