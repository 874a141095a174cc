// SPDX-License-Identifier: Apache-2.0
// StateKeeper: writes what the detector has learned to a file now and then, so that a restart does
// not begin from nothing.
//
// Threads:  a thread of its own.
// Durable:  the file is replaced whole; a crash loses what was learned since the last time.
// Lifetime: the detector must outlive it. The destructor writes once more.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "outrigger/base/result.h"
#include "outrigger/inference/anomaly_detector.h"

namespace outrigger::edge_runtime {

class StateKeeper {
 public:
  // Restores from `path` when it is there, then keeps it current, at most every `interval` and so
  // that writing takes at most a small part of the time. A damaged file is set aside.
  StateKeeper(inference::AnomalyDetector& detector, std::string path,
              std::chrono::milliseconds interval);
  ~StateKeeper();

 private:
  void Restore();
  void Run(const std::stop_token& stop);
  void WriteIfChanged();

  inference::AnomalyDetector& detector_;
  const std::string path_;
  const std::chrono::milliseconds interval_;
  std::uint64_t written_ = 0;  // learned() at the last write
  bool warned_ = false;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

}  // namespace outrigger::edge_runtime
