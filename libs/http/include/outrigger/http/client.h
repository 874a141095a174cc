// SPDX-License-Identifier: Apache-2.0
// Client: thousands of HTTP calls in flight on one thread, behind the egress guard, so that a slow
// or hostile peer costs neither a thread nor our network.
//
// Threads:  every method may be called concurrently. Callbacks run on the client's own loop thread
// and must not block. Lifetime: the destructor cancels what is in flight (callbacks get kCancelled)
// and joins the loop. See also: docs/adr/0006-egress-guard.md
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "outrigger/base/result.h"
#include "outrigger/http/server.h"

namespace outrigger::http {

// Which addresses a call may connect to. The *connected* address is judged, after resolution, at
// every connect.
struct EgressPolicy {
  bool allow_loopback = false;
  bool allow_private =
      false;  // RFC 1918, unique-local, carrier-grade NAT; link-local and metadata never
};

// Whether an IP address (text form) may be connected to. IPv4-mapped, NAT64 and 6to4 forms are
// judged as the IPv4 address within.
bool EgressAllowed(std::string_view ip, const EgressPolicy& policy);

struct Call {
  std::string method = "GET";
  std::string url;  // http or https
  HeaderList headers;
  std::shared_ptr<const std::string> body;  // shared: a retry sends the same bytes without a copy
  std::chrono::milliseconds connect_timeout{3'000};
  std::chrono::milliseconds deadline{30'000};  // for the whole call
  std::size_t max_reply_bytes = 16 << 20;
};

struct Reply {
  int status = 0;
  HeaderList headers;  // names in lower case
  std::string body;
  std::chrono::microseconds took{0};
  std::string_view Header(std::string_view lower_name) const;
};

class Client {
 public:
  struct Options {
    EgressPolicy egress;
    std::size_t max_connections = 2'000;
    std::size_t max_connections_per_host = 64;
    std::size_t max_calls = 20'000;  // queued and in flight; beyond it kResourceExhausted at once
  };
  explicit Client(Options options);
  ~Client();
  Client(const Client&) = delete;

  // Starts a call. No redirect is followed, no proxy used, no cookie kept.
  // Errors (to `done`): kUnavailable - refused or reset, nothing is known about the effect;
  // kTimeout - outcome unknown; kInvalidArgument - bad URL or an address the guard forbids;
  // kCorrupt - not HTTP, or a reply longer than allowed; kResourceExhausted - too many calls: this
  // one was not sent; kCancelled - the client was destroyed.
  void Start(Call call, std::function<void(Result<Reply>)> done);

  // The same, waiting. Never call from a callback.
  Result<Reply> Do(Call call);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace outrigger::http
