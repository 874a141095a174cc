// SPDX-License-Identifier: Apache-2.0
// RoutingSession: one life of the router's consumer and producer, so that whatever breaks them is
// mended the way a restart is: from the committed offsets.
//
// Threads: belongs to the router's thread.
#pragma once

#include <map>
#include <memory>
#include <stop_token>
#include <vector>

#include "data_pusher/router.h"

namespace outrigger::data_pusher {

class RoutingSession {
 public:
  RoutingSession(const RouterOptions& options, CatalogView& catalog, HotStore& hot, Clock& clock,
                 Metrics& metrics);

  // Routes until told to stop. Errors: consumer or producer are lost; make a new session.
  Result<> Run(const std::stop_token& stop, std::atomic<bool>& running);

 private:
  using PartitionPtr = std::shared_ptr<RoutedPartition>;  // shared: it may be lost while it waits

  Result<> Open();
  Result<> Step(const std::stop_token& stop);
  // Records that were polled when the newest partition was number `epoch`.
  Result<> TakeAll(std::vector<messaging::Record>& records, std::uint64_t epoch,
                   const std::stop_token& stop);
  // Brings partitions that were taken to where routing begins.
  void Prepare();
  void Begin();
  void LookUp(RoutedPartition& partition);
  // Routes by what the catalog says now.
  void UseCatalog();
  Result<> ReadCatalog(ArrivalTime newest, const std::stop_token& stop);
  bool NeedsCatalog(const RoutedPartition& partition, const messaging::Record& record) const;
  Result<> Take(const PartitionPtr& partition, messaging::Record& record,
                const std::stop_token& stop);
  // False: not all of it, because we stop or the partition was lost meanwhile.
  Result<bool> Route(const PartitionPtr& partition, messaging::Record& record, const Sample& sample,
                     const std::stop_token& stop);
  void TakeEnd(const messaging::EndOfPartition& end);
  Result<> WaitForRoom(const std::stop_token& stop);
  void Tell();
  void Commit();
  void Sweep();

  const RouterOptions& options_;
  CatalogView& catalog_;
  HotStore& hot_;
  Clock& clock_;
  Counter& routed_;
  Counter& fed_;
  Counter& repeats_;
  Counter& bad_;
  Gauge& owned_;
  Gauge& remembered_;
  Gauge& behind_;

  SnapshotPtr snapshot_;
  SampleParser parser_;
  FeedWriter writer_;
  std::uint64_t epoch_ = 0;
  std::map<int, PartitionPtr> partitions_;
  std::int64_t catalog_read_to_ = INT64_MIN;  // what arrived by then, the snapshot knows of
  SteadyTime next_prepare_;
  SteadyTime next_commit_;
  SteadyTime next_sweep_;
  std::unique_ptr<messaging::Admin> admin_;
  std::unique_ptr<messaging::Producer> producer_;
  std::unique_ptr<messaging::Consumer> consumer_;  // last: leaves the group first
};

}  // namespace outrigger::data_pusher
