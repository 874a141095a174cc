// SPDX-License-Identifier: Apache-2.0
// Server: the one HTTP listener of every service, so that strangers meet the same deadlines, limits
// and framing checks everywhere.
//
// Threads:  handlers of Route() run on an io thread and must not block; handlers of BlockingRoute()
// run on a bounded pool of workers. A Responder may be called from any thread. An exception of a
// handler is answered 500.
// Lifetime: the Router is moved into the server; what handlers refer to must outlive it.
// See also: docs/adr/0005-beast-for-every-listener.md
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "outrigger/base/metrics.h"
#include "outrigger/base/result.h"

namespace outrigger::http {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method;                                       // HEAD is handed over as GET
  std::string path;                                         // still percent-encoded, without query
  std::string route;                                        // the pattern that matched
  std::vector<std::pair<std::string, std::string>> params;  // of the pattern, percent-decoded
  std::vector<std::pair<std::string, std::string>> query;   // percent-decoded, in order
  HeaderList headers;                                       // names in lower case
  std::string body;
  bool body_too_large =
      false;       // the body was over the limit and left unread: answer 413 when it is its turn
  std::string id;  // Outrigger-Request-Id: the client's if sane, else made here
  std::string remote;  // address of the peer

  std::string_view Header(std::string_view lower_name) const;          // "" when absent
  std::string_view Param(std::string_view name) const;                 // "" when absent
  std::optional<std::string_view> Query(std::string_view name) const;  // the first one
};

// The body of a response that goes on as long as both sides like. Let go, it ends as End() does.
// Threads: every method may be called concurrently.
class BodyStream {
 public:
  virtual ~BodyStream() = default;
  // Queues bytes. False, and nothing is queued: they are more than fits now, or the stream is
  // closed. Where nothing is queued, anything fits.
  virtual bool Write(std::string_view bytes) = 0;
  // Waits until at most `bytes` are queued. False: not within the deadline, or closed.
  virtual bool WaitForRoom(std::size_t bytes, std::chrono::milliseconds deadline) = 0;
  // What is queued is sent, then the connection is closed.
  virtual void End() = 0;
  // Closes the connection now; the peer sees a body that was cut off.
  virtual void Abort() = 0;
  // Whether it ended or the peer is gone. A peer that shuts down its sending side is gone.
  virtual bool Closed() const = 0;
};
using BodyStreamPtr = std::shared_ptr<BodyStream>;  // shared: its writers may be many threads

// Makes a response a stream.
struct StreamStart {
  // Runs on an io thread when the head was sent, and must not block. It never runs for HEAD or when
  // the peer is gone by then.
  std::function<void(BodyStreamPtr)> begin = nullptr;
  std::size_t queue_bytes = 1 << 20;  // bound of what is queued for a slow peer
};

struct Response {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  HeaderList headers;
  StreamStart stream = {};  // where it can begin: in place of `body`
};

// Answers one request, once; later calls are ignored. Dropped without an answer, it sends 500.
class Responder {
 public:
  virtual ~Responder() = default;
  virtual void Send(Response response) = 0;
};
using ResponderPtr =
    std::shared_ptr<Responder>;  // shared: a handler hands it to whoever finishes the work

using AsyncHandler = std::function<void(Request request, ResponderPtr respond)>;
using Handler = std::function<Response(const Request& request)>;

// A table of method + pattern ("/api/v1/models/{name}/deploy"); "{path...}" at its end takes
// whatever path no other pattern does. A known path with another method answers 405 with Allow.
class Router {
 public:
  Router();
  ~Router();
  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;

  void Route(std::string method, std::string pattern, AsyncHandler handler);
  void BlockingRoute(std::string method, std::string pattern, Handler handler);
  // Every (method, pattern), in order of registration.
  std::vector<std::pair<std::string, std::string>> routes() const;

 private:
  friend class Server;
  struct State;
  std::unique_ptr<State> state_;
};

struct ServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  // 0: a free one, see Server::port()
  int io_threads = 1;
  int workers = 8;                                     // for blocking routes
  std::size_t worker_queue = 256;                      // beyond it: 503 with Retry-After
  std::size_t max_connections = 4096;                  // beyond it a new connection is closed
  std::size_t head_bytes = 16 * 1024;                  // beyond it: 431
  std::size_t body_bytes = 1 << 20;                    // beyond it: 413
  std::size_t total_body_bytes = 256 << 20;            // of all requests at hand; beyond it: 503
  std::chrono::milliseconds request_deadline{30'000};  // for a whole request to arrive, then 408;
                                                       // for a peer to take the next bytes
  std::chrono::milliseconds idle_deadline{75'000};     // between requests
  std::chrono::milliseconds answer_deadline{60'000};   // for the handler, then 503
};

class Server {
 public:
  // Binds, listens, and serves until Stop().
  // Errors: kUnavailable - the address is taken or not ours.
  static Result<std::unique_ptr<Server>> Start(const ServerOptions& options, Router router,
                                               Metrics* metrics = nullptr);
  ~Server();

  std::uint16_t port() const;
  // "http://127.0.0.1:40123"
  std::string url() const;
  // Stops accepting, lets running requests and streams end within `drain`, closes the rest.
  // Idempotent.
  void Stop(std::chrono::milliseconds drain = std::chrono::milliseconds{5'000});

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace outrigger::http
