// SPDX-License-Identifier: Apache-2.0
#include "stream_queue.h"

#include <utility>

namespace outrigger::http {
namespace {

class QueuedBodyStream final : public BodyStream {
 public:
  explicit QueuedBodyStream(std::shared_ptr<StreamQueue> queue) : queue_(std::move(queue)) {}
  ~QueuedBodyStream() override { queue_->End(); }

  bool Write(std::string_view bytes) override { return queue_->Write(bytes); }
  bool WaitForRoom(std::size_t bytes, Millis deadline) override {
    return queue_->WaitForRoom(bytes, deadline);
  }
  void End() override { queue_->End(); }
  void Abort() override { queue_->Abort(); }
  bool Closed() const override { return queue_->Closed(); }

 private:
  const std::shared_ptr<StreamQueue> queue_;
};

}  // namespace

bool StreamQueue::Write(std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  if (ended_ || closed_) return false;
  const std::size_t held = queued_.size() + left_;
  if (held > 0 && held + bytes.size() > limit_) return false;
  queued_ += bytes;
  Wake();
  return true;
}

bool StreamQueue::WaitForRoom(std::size_t bytes, Millis deadline) {
  std::unique_lock lock(mutex_);
  const auto done = [&] { return ended_ || closed_ || queued_.size() + left_ <= bytes; };
  return changed_.wait_for(lock, deadline, done) && !ended_ && !closed_;
}

void StreamQueue::End() {
  const std::lock_guard lock(mutex_);
  if (std::exchange(ended_, true) || closed_) return;
  changed_.notify_all();
  Wake();
}

void StreamQueue::Abort() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  if (std::exchange(aborted_, true) || closed_) return;
  changed_.notify_all();
  gate_->WakeStream(connection_);  // even if it waits for the peer
}

bool StreamQueue::Closed() const {
  const std::lock_guard lock(mutex_);
  return ended_ || closed_;
}

bool StreamQueue::Aborted() const {
  const std::lock_guard lock(mutex_);
  return aborted_;
}

StreamQueue::Next StreamQueue::Take(std::string& out) {
  const std::lock_guard lock(mutex_);
  out.clear();
  if (!queued_.empty()) {
    out.swap(queued_);
    left_ = out.size();
    return Next::kBytes;
  }
  awake_ = false;
  return ended_ ? Next::kEnd : Next::kNothing;
}

void StreamQueue::Left(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  left_ = bytes;
  changed_.notify_all();
}

void StreamQueue::Close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  queued_ = std::string();
  left_ = 0;
  changed_.notify_all();
}

void StreamQueue::Wake() {
  if (!std::exchange(awake_, true)) gate_->WakeStream(connection_);
}

BodyStreamPtr MakeBodyStream(std::shared_ptr<StreamQueue> queue) {
  return std::make_shared<QueuedBodyStream>(std::move(queue));
}

}  // namespace outrigger::http
