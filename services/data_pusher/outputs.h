// SPDX-License-Identifier: Apache-2.0
// Outputs: makes what models say telemetry of their assets, each output once, so that it is a
// sample like any other for history, readers and other models.
//
// Threads:  one of its own, from construction to destruction.
// Durable:  telemetry, dead letters and the places in out.* are one Kafka transaction; after an
//           unknown outcome a new producer goes on from the committed offsets.
// See also: docs/formats/out.md
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <thread>

#include "data_pusher/catalog_view.h"
#include "data_pusher/output_judgement.h"
#include "data_pusher/placed_reader.h"
#include "outrigger/base/metrics.h"
#include "outrigger/messaging/kafka.h"

namespace outrigger::data_pusher {

struct OutputsOptions {
  messaging::KafkaOptions kafka;
  std::string instance;              // group.instance.id, and part of the transactional id
  std::size_t batch = 500;           // output records a transaction
  std::size_t max_records = 20'000;  // telemetry records a transaction, about
  Millis idle{200};                  // so long without a record: the place of an end is kept too
};

class Outputs {
 public:
  Outputs(const OutputsOptions& options, CatalogView& catalog, Clock& clock, Metrics& metrics);
  ~Outputs();
  Outputs(const Outputs&) = delete;

  // The destructor waits for the end, which it may ask for itself.
  void RequestStop() { thread_.request_stop(); }
  // Whether it takes part in its group with a producer of its own.
  bool Running() const { return running_; }

 private:
  void Run(const std::stop_token& stop);
  Result<> Read(const std::stop_token& stop);
  Result<> Take(PlacedReader& reader, messaging::Consumer::Batch& batch);
  // Writes records from `begin` on in one transaction; returns where the next one begins.
  Result<std::size_t> Transact(PlacedReader& reader, std::span<const messaging::Record> records,
                               std::size_t begin);
  Result<OutputVerdict> JudgeOf(const messaging::Record& record);
  // The same, of a record whose telemetry or dead letter Kafka refused before.
  Result<OutputVerdict> JudgeAgain(const messaging::Record& record);
  // Kafka refused something of a transaction that began with these records.
  void Refused(std::span<const messaging::Record> records);
  Result<> Send(const messaging::OutRecord& record);
  Result<> KeepEnds(PlacedReader& reader);

  const OutputsOptions options_;
  CatalogView& catalog_;
  Clock& clock_;
  Counter& outputs_;
  Counter& telemetry_;
  Counter& not_mapped_;
  std::map<std::string, Counter*> dead_;  // by cause
  Counter& failures_;
  Histogram& transaction_seconds_;
  Gauge& behind_;
  std::atomic<bool> running_{false};
  Places ends_;                   // ends seen and not yet kept
  bool catalog_is_read_ = false;  // to its end, since the batch was polled
  std::size_t one_by_one_ = 0;    // records still to be written alone, to find the one refused
  std::string refused_;           // the record that was refused alone, and how often
  int refusals_ = 0;
  std::unique_ptr<messaging::Admin> admin_;
  std::unique_ptr<messaging::TransactionalProducer> producer_;
  std::jthread thread_;  // last: it uses the members above
};

}  // namespace outrigger::data_pusher
