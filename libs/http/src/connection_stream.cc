// SPDX-License-Identifier: Apache-2.0
// The third part of Connection: a response that is sent while it is made.
#include <format>
#include <utility>

#include "connection.h"
#include "outrigger/base/log.h"
#include "stream_queue.h"

namespace outrigger::http {
namespace {

constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace

void Connection::BeginStream() {
  at_ = At::kStreaming;
  deadline_ = SteadyTime::max();
  pending_.clear();
  const StreamStart start = std::exchange(stream_start_, {});
  stream_ = std::make_shared<StreamQueue>(weak_from_this(), loop_.gate(), start.queue_bytes);
  try {
    start.begin(MakeBodyStream(stream_));
  } catch (const std::exception& e) {
    LogError("stream did not begin", {
                                         {"what", e.what()}
    });
    return Close();
  }
  WaitRead();
}

void Connection::PumpStream() {
  if (at_ != At::kStreaming) return;
  if (stream_->Aborted()) return Close();
  if (!out_waits_) FlushOut();
}

bool Connection::TakeFromStream() {
  const bool chunked = head_.version != 10;
  out_head_.clear();
  out_at_ = 0;
  switch (stream_->Take(out_body_)) {
    case StreamQueue::Next::kNothing:
      deadline_ = SteadyTime::max();
      return false;
    case StreamQueue::Next::kEnd:
      if (!chunked || std::exchange(stream_ended_, true)) return Linger(), false;
      out_body_ = kLastChunk;
      break;
    case StreamQueue::Next::kBytes:
      if (!chunked) break;
      out_head_ = std::format("{:x}\r\n", out_body_.size());
      out_body_ += "\r\n";
  }
  deadline_ = SystemClock().Now() + core_.options.request_deadline;
  return true;
}

void Connection::StreamBytesSent() {
  stream_->Left(out_head_.size() + out_body_.size() - out_at_);
  deadline_ = SystemClock().Now() + core_.options.request_deadline;
}

}  // namespace outrigger::http
