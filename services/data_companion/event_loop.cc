// SPDX-License-Identifier: Apache-2.0
#include "data_companion/event_loop.h"

#include <utility>

namespace outrigger::companion {
namespace {

constexpr Millis kIdle{1'000};

}  // namespace

EventLoop::EventLoop(Clock& clock, Task after_round)
    : clock_(clock), after_round_(std::move(after_round)) {}

EventLoop::~EventLoop() { Stop(); }

void EventLoop::Start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
}

void EventLoop::Stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void EventLoop::Post(Task task) {
  const std::lock_guard lock(mutex_);
  tasks_.push_back(std::move(task));
  if (tasks_.size() == 1) changed_.notify_one();
}

void EventLoop::PostAfter(Millis delay, Task task) {
  const std::lock_guard lock(mutex_);
  const auto at = timers_.emplace(clock_.Now() + delay, std::move(task));
  if (at == timers_.begin()) changed_.notify_one();
}

void EventLoop::Run(const std::stop_token& stop) {
  std::vector<Task> round;
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      const auto now = clock_.Now();
      const auto until = timers_.empty() ? now + kIdle : timers_.begin()->first;
      if (tasks_.empty() && until > now) {
        const auto earliest = timers_.empty() ? SteadyTime::max() : timers_.begin()->first;
        changed_.wait_until(lock, stop, until, [&] {
          return !tasks_.empty() || (!timers_.empty() && timers_.begin()->first < earliest);
        });
      }
      round.swap(tasks_);
      const auto due = timers_.upper_bound(clock_.Now());
      for (auto timer = timers_.begin(); timer != due; ++timer)
        round.push_back(std::move(timer->second));
      timers_.erase(timers_.begin(), due);
    }
    for (Task& task : round) task();
    round.clear();
    if (after_round_) after_round_();
  }
}

}  // namespace outrigger::companion
