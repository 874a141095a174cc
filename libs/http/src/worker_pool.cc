// SPDX-License-Identifier: Apache-2.0
#include "outrigger/http/worker_pool.h"

#include <exception>
#include <utility>

#include "outrigger/base/log.h"

namespace outrigger::http {

WorkerPool::WorkerPool(int threads, std::size_t max_queued, Gauge* waiting)
    : max_queued_(max_queued), waiting_(waiting) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
}

bool WorkerPool::Push(Task task) {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_ || queue_.size() >= max_queued_) return false;
    queue_.push_back(std::move(task));
    Show();
  }
  wake_.notify_one();
  return true;
}

void WorkerPool::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopped_ || !queue_.empty(); });
    if (stopped_) return;
    Task task = std::move(queue_.front());
    queue_.pop_front();
    Show();
    lock.unlock();
    try {
      task();
    } catch (const std::exception& error) {  // its responder answers 500
      LogError("task of a worker failed", {
                                              {"error", error.what()}
      });
    }
    task = nullptr;
    lock.lock();
  }
}

void WorkerPool::Show() {
  if (waiting_) waiting_->Set(static_cast<double>(queue_.size()));
}

void WorkerPool::Stop() {
  std::deque<Task> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    dropped.swap(queue_);
    Show();
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace outrigger::http
