// SPDX-License-Identifier: Apache-2.0
// WorkerPool: threads behind a bounded queue, so that slow work costs refusals and never the
// listener.
//
// Threads:  Push() may be called concurrently.
// Lifetime: Stop() waits for tasks that run; what they refer to must outlive that.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "outrigger/base/metrics.h"

namespace outrigger::http {

class WorkerPool {
 public:
  using Task = std::move_only_function<void()>;
  // `waiting`, if given, shows how many tasks wait; it outlives the pool.
  WorkerPool(int threads, std::size_t max_queued, Gauge* waiting = nullptr);
  ~WorkerPool() { Stop(); }
  WorkerPool(const WorkerPool&) = delete;

  // False when the queue is full or the pool stopped; the task is then destroyed unrun.
  bool Push(Task task);
  // Drops what is queued and joins the threads. Idempotent.
  void Stop();

 private:
  void Run();
  void Show();  // under mutex_

  const std::size_t max_queued_;
  Gauge* const waiting_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Task> queue_;
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace outrigger::http
