// SPDX-License-Identifier: Apache-2.0
// ArchiveLoop: takes topics into PostgreSQL, records and places in one transaction, so that tables
// hold each record once however often we die. PostgreSQL gone holds up nobody but this.
//
// Threads:  one of its own, from construction to destruction.
// Durable:  a place moves only together with what was read before it.
// See also: docs/adr/0010-history-in-native-partitions.md
#pragma once

#include <atomic>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "data_pusher/placed_reader.h"
#include "outrigger/base/metrics.h"
#include "outrigger/messaging/kafka.h"
#include "outrigger/store/archive_step.h"

namespace outrigger::data_pusher {

// Where records go. Both methods are called from the loop's thread.
class ArchiveSink {
 public:
  virtual ~ArchiveSink() = default;
  // Writes `records` and moves the places in one transaction.
  // Errors: kInvalidArgument - the database refuses a value of one of them; anything else - nothing
  // is known: the places are read back.
  virtual Result<> Write(std::span<messaging::Record> records,
                         std::span<const store::ArchiveMove> moves) = 0;
  virtual store::ArchivePositions& positions() = 0;
};

struct ArchiveOptions {
  messaging::KafkaOptions kafka;
  std::string name;                 // in metrics and logs
  std::string group;                // shares partitions among replicas; its offsets are not used
  std::string instance;             // group.instance.id
  std::vector<std::string> topics;  // a pattern begins with ^
  std::size_t batch = 5'000;        // records a transaction
  Millis idle{20};                  // so long without a record: the place of an end is kept too
};

class ArchiveLoop {
 public:
  ArchiveLoop(const ArchiveOptions& options, ArchiveSink& sink, Clock& clock, Metrics& metrics);
  ~ArchiveLoop();
  ArchiveLoop(const ArchiveLoop&) = delete;

  // The destructor waits for the end, which it may ask for itself.
  void RequestStop() { thread_.request_stop(); }
  // Whether the last write succeeded.
  bool Healthy() const { return healthy_; }

 private:
  void Run(const std::stop_token& stop);
  Result<> Read(const std::stop_token& stop);
  Result<> Write(PlacedReader& reader, messaging::Consumer::Batch& batch);
  void Refused(PlacedReader& reader, const Error& error, std::span<messaging::Record> records,
               std::span<const store::ArchiveMove> moves);

  const ArchiveOptions options_;
  ArchiveSink& sink_;
  Clock& clock_;
  Counter& records_;
  Counter& skipped_;
  Gauge& behind_;
  std::atomic<bool> healthy_{true};
  int failures_ = 0;
  std::size_t one_by_one_ = 0;  // records still to be written alone, to find the one refused
  Places ends_;                 // ends seen and not yet kept
  std::jthread thread_;         // last: it uses the members above
};

}  // namespace outrigger::data_pusher
