// SPDX-License-Identifier: Apache-2.0
// TelemetryStreams: all live streams of the process behind one reader of `telemetry`, so that a
// hundred clients cost Kafka one.
//
// Threads:  one that reads while there are streams, and one for each catch-up that may run; the
//           methods may be called concurrently.
// Lifetime: outlives the server that its streams belong to.
// See also: docs/formats/telemetry-stream.md
#pragma once

#include <atomic>
#include <condition_variable>
#include <expected>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "data_pusher/admission.h"
#include "data_pusher/credential_view.h"
#include "data_pusher/sharded_map.h"
#include "data_pusher/telemetry_stream.h"
#include "outrigger/base/clock.h"
#include "outrigger/base/metrics.h"
#include "outrigger/http/worker_pool.h"
#include "outrigger/messaging/kafka.h"

namespace outrigger::data_pusher {

class TelemetryStreams {
 public:
  struct Options {
    messaging::KafkaOptions kafka;
    Admission::Limits streams;
    Admission::Limits catch_ups;
    std::size_t queue_bytes = 1 << 20;  // for a client that does not read
    Millis heartbeat{15'000};
  };
  TelemetryStreams(const Options& options, CredentialView& credentials, Clock& clock,
                   Metrics& metrics);
  ~TelemetryStreams();
  TelemetryStreams(const TelemetryStreams&) = delete;

  // A stream for a caller who may read `request.tenant`, or the refusal: too many, or Kafka does
  // not answer. Waits for Kafka at most 3 s.
  std::expected<http::StreamStart, http::Response> Open(const StreamRequest& request);

  // Ends every stream and opens none any more. The destructor waits for the threads.
  void RequestStop();

 private:
  // What a stream holds as long as it is open.
  struct Client {
    TelemetryStream stream;
    Admission::Ticket ticket;
  };
  using ClientPtr = std::shared_ptr<Client>;  // shared with its catch-up

  void Run(const std::stop_token& stop);
  Result<> Session(const std::stop_token& stop);
  void Attach(const StreamRequest& request, const Admission::Ticket& ticket,
              const Admission::Ticket& slot, const http::BodyStreamPtr& out);
  void Dispatch(messaging::Record& record);
  void Sweep();
  // Whether the client stays: authorized, there, and not cut off.
  bool Stays(Client& client);
  void CutOff(Client& client);
  void EndAll();

  // In telemetry_catch_up.cc; these run on the threads of the catch-ups.
  void CatchUp(Client& client);
  Result<> ReadOld(Client& client);
  Result<> CheckKept(Client& client, messaging::Admin& admin);
  bool OfferOld(Client& client, messaging::Record& record, SampleParser& parser);
  bool WaitForRoom(Client& client, std::size_t bytes);
  bool Over(Client& client) const { return stopping_ || client.stream.out().Closed(); }

  const Options options_;
  CredentialView& credentials_;
  Clock& clock_;
  Counter& events_;
  Counter& cut_off_;
  Counter& gaps_;
  Admission admission_;
  Admission catch_up_slots_;
  std::atomic<bool> stopping_{false};

  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool open_ = false;  // the live reader reads, from `live_` on
  Offsets live_;
  std::unordered_map<std::string, std::vector<ClientPtr>, TextHash, std::equal_to<>> clients_;

  SampleParser parser_;  // of the live reader
  http::WorkerPool catch_ups_;
  std::jthread thread_;  // last: it uses the members above
};

}  // namespace outrigger::data_pusher
