// SPDX-License-Identifier: Apache-2.0
// StreamQueue: what the writers of a stream have written and its peer has not taken yet, so that a
// slow peer costs a bounded number of bytes.
//
// Threads:  every method may be called concurrently.
// Lifetime: shared by the connection and the writers' BodyStream; outlives both.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "connection.h"

namespace outrigger::http {

class StreamQueue {
 public:
  StreamQueue(std::weak_ptr<Connection> connection, std::shared_ptr<Gate> gate, std::size_t limit)
      : connection_(std::move(connection)), gate_(std::move(gate)), limit_(limit) {}

  bool Write(std::string_view bytes);
  bool WaitForRoom(std::size_t bytes, Millis deadline);
  void End();
  void Abort();
  bool Closed() const;

  enum class Next { kBytes, kNothing, kEnd };
  // For the connection: all that is queued, once what it took before is sent.
  Next Take(std::string& out);
  bool Aborted() const;
  // So many of the bytes taken are not sent yet.
  void Left(std::size_t bytes);
  // The connection is gone.
  void Close();

 private:
  void Wake();

  const std::weak_ptr<Connection> connection_;
  const std::shared_ptr<Gate> gate_;
  const std::size_t limit_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string queued_;
  std::size_t left_ = 0;
  bool awake_ = false;  // the connection will come for more by itself
  bool ended_ = false;
  bool aborted_ = false;
  bool closed_ = false;
};

// The writers' end. Dropped by all of them, it ends the stream.
BodyStreamPtr MakeBodyStream(std::shared_ptr<StreamQueue> queue);

}  // namespace outrigger::http
