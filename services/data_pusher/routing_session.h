// SPDX-License-Identifier: Apache-2.0
// RoutingSession: one life of the router's consumer and producer, so that whatever breaks them is
// mended the way a restart is: from the committed offsets.
//
// Threads: belongs to the router's thread.
#pragma once

#include <map>
#include <memory>
#include <stop_token>

#include "data_pusher/router.h"

namespace outrigger::data_pusher {

class RoutingSession {
 public:
  RoutingSession(const RouterOptions& options, CatalogView& catalog, HotStore& hot, Clock& clock,
                 Metrics& metrics);

  // Routes until told to stop. Errors: consumer or producer are lost; make a new session.
  Result<> Run(const std::stop_token& stop, std::atomic<bool>& running);

 private:
  Result<> Open();
  Result<> Step(const std::stop_token& stop);
  // Brings partitions that were taken to where routing begins.
  void Prepare();
  void Begin();
  void LookUp(RoutedPartition& partition);
  void Take(messaging::Record& record);
  void Route(messaging::Record& record, const Sample& sample, RoutedPartition& partition);
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

  SnapshotPtr snapshot_;
  SampleParser parser_;
  FeedWriter writer_;
  std::uint64_t epoch_ = 0;
  std::map<int, std::unique_ptr<RoutedPartition>> partitions_;
  SteadyTime next_prepare_;
  SteadyTime next_commit_;
  SteadyTime next_sweep_;
  std::unique_ptr<messaging::Admin> admin_;
  std::unique_ptr<messaging::Producer> producer_;
  std::unique_ptr<messaging::Consumer> consumer_;  // last: leaves the group first
};

}  // namespace outrigger::data_pusher
