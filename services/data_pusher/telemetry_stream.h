// SPDX-License-Identifier: Apache-2.0
// TelemetryStream: one client's stream: what it asked for, and how far it got in each partition, so
// that each sample reaches it once, read live or while catching up.
//
// A partition is either live (the records of the one live reader go to it) or catching up (only
// those of its own reader do). It turns live where its next record is one that the live reader has
// not passed yet.
//
// Threads: TelemetryStreams calls it under its mutex; out() may be used by anybody.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "data_pusher/sample.h"
#include "data_pusher/stream_offsets.h"
#include "outrigger/base/clock.h"
#include "outrigger/http/server.h"

namespace outrigger::data_pusher {

// Empty: all.
struct StreamFilter {
  std::set<std::string, std::less<>> assets;
  std::set<std::string, std::less<>> telemetries;
};

// The fields `event` and `data` of a sample; nullopt where the filter leaves nothing of it.
std::optional<std::string> TelemetryEvent(const Sample& sample, const StreamFilter& filter);

struct StreamRequest {
  std::string tenant;
  std::string token_key;
  StreamFilter filter;
  std::optional<Offsets> after;  // of Last-Event-ID
};

class TelemetryStream {
 public:
  // Begins live at `live`, or where `request` says in each partition that `live` names.
  TelemetryStream(StreamRequest request, const Offsets& live, http::BodyStreamPtr out);

  enum class Sent { kYes, kNothing, kFull };
  // A record that the live reader took, after which it is at `live`. `sample` is null where the
  // record is none of the tenant's.
  Sent OfferLive(int partition, std::int64_t offset, const Sample* sample, const Offsets& live);
  // A record of its own reader. kFull: it counts as not read.
  Sent OfferOld(int partition, std::int64_t offset, const Sample* sample, const Offsets& live);

  // Where its own reader goes on; nullopt: the partition is live.
  std::optional<std::int64_t> OldPlace(int partition) const;
  Offsets OldPlaces() const;
  // Never back.
  void MoveOld(int partition, std::int64_t next);
  // What lies before `to` is not there any more, or the offset never was.
  void Replace(int partition, std::int64_t to);
  // Turns partitions live that are as far as the live reader. Whether all are live now.
  bool Join(const Offsets& live);

  // Tells the id, with `text` (whole fields or a comment) before it. False: it does not fit.
  bool Tell(const std::string& text, const Offsets& live);
  SteadyTime last_told() const { return last_told_; }
  Offsets Place(const Offsets& live) const;

  const StreamRequest& request() const { return request_; }
  http::BodyStream& out() { return *out_; }

 private:
  struct Partition {
    std::int64_t next = 0;
    bool live = false;
  };
  Sent Send(const Sample* sample, const Offsets& live);

  const StreamRequest request_;
  const http::BodyStreamPtr out_;
  std::map<int, Partition> partitions_;
  SteadyTime last_told_;
};

}  // namespace outrigger::data_pusher
