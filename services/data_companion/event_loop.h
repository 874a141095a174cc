// SPDX-License-Identifier: Apache-2.0
// EventLoop: one thread that runs tasks and timers, so that everything a companion knows is touched
// by one thread only and needs no locks.
//
// Threads:  Post() and PostAfter() may be called from any thread; tasks run on the loop's own.
// Lifetime: Stop() (or the destructor) joins; tasks that did not run by then are dropped.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "outrigger/base/clock.h"

namespace outrigger::companion {

class EventLoop {
 public:
  using Task = std::function<void()>;

  // `after_round` runs on the loop whenever a round of tasks is done: the place for work that
  // should see all of them.
  explicit EventLoop(Clock& clock, Task after_round = nullptr);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;

  void Start();
  void Stop();

  void Post(Task task);
  void PostAfter(Millis delay, Task task);

 private:
  void Run(const std::stop_token& stop);

  Clock& clock_;
  const Task after_round_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<Task> tasks_;
  std::multimap<SteadyTime, Task> timers_;
  std::jthread thread_;
};

}  // namespace outrigger::companion
