// SPDX-License-Identifier: Apache-2.0
// Connection: one peer, one request at a time: read under a deadline, judged, handed over,
// answered.
//
// Threads:  all methods run on the loop's thread; ConnectionResponder alone is called from others.
// Lifetime: the loop owns it; pending socket operations share it.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "chunks.h"
#include "head.h"
#include "outrigger/base/clock.h"
#include "outrigger/http/server.h"
#include "outrigger/http/worker_pool.h"
#include "router.h"

namespace outrigger::http {

class Connection;
class Loop;
class StreamQueue;

// What all loops of one server share.
struct ServerCore {
  ServerOptions options;
  RouteTable* router = nullptr;
  Metrics* metrics = nullptr;
  std::unique_ptr<WorkerPool> workers;  // null without blocking routes
  std::atomic<std::size_t> open{0};
  std::atomic<std::size_t> body_bytes{0};
  std::atomic<bool> draining{false};
  std::mutex mutex;
  std::condition_variable all_closed;
};

// The way from other threads to a loop. It outlives the loop, so that a late answer finds a closed
// gate and not a dead loop.
class Gate : public std::enable_shared_from_this<Gate> {
 public:
  void Open(Loop* loop);
  void Close();
  void Deliver(const std::weak_ptr<Connection>& to, std::uint64_t turn, Response response);
  // The connection's stream has something to send or is to be closed. Never runs it at once.
  void WakeStream(const std::weak_ptr<Connection>& connection);

 private:
  struct Answer {
    std::weak_ptr<Connection> to;
    std::uint64_t turn;
    Response response;
  };
  void DeliverWaiting();

  std::mutex mutex_;
  Loop* loop_ = nullptr;
  std::thread::id thread_;
  std::vector<Answer> waiting_;  // of other threads: one wake-up of the loop serves all of them
};

// Counts requests by route, method and status without asking the registry each time. One a loop.
class RequestSeries {
 public:
  explicit RequestSeries(Metrics* metrics) : metrics_(metrics) {}
  void Count(const std::string& route, const std::string& method, int status, double seconds);
  void CountRefusal(const std::string& reason);
  void Opened(double by);

 private:
  struct Series {
    std::map<std::pair<std::string, int>, Counter*> totals;
    Histogram* duration = nullptr;
  };
  Metrics* metrics_;
  std::map<std::string, Series> by_route_;
  Gauge* open_ = nullptr;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Loop& loop, boost::asio::ip::tcp::socket socket, std::string remote);
  ~Connection();

  void Start();
  // The answer to the request of this turn; ignored when that one was answered already.
  void OnAnswer(std::uint64_t turn, Response response);
  void OnTick(SteadyTime now);
  // Sends what the response's stream holds.
  void PumpStream();
  // Closes unless a request is running.
  void CloseIfIdle();
  void Close();

  std::size_t index = 0;  // in the loop's list

 private:
  enum class At { kIdle, kHead, kBody, kHandling, kWriting, kStreaming, kLingering, kClosed };

  void WaitRead();
  void OnReadable();
  void Process(std::string_view bytes);
  std::size_t Step(std::string_view bytes);
  std::size_t TakeHead(std::string_view bytes);
  std::size_t TakeBody(std::string_view bytes);
  void BeginRequest();
  void BeginBody();
  void ReserveBody();
  void Dispatch();
  void Run(const RouteEntry& entry, Request request);
  void AnswerMissing(const RouteMatch& match);
  void Refuse(const Refusal& refusal);
  void SendProblem(int status, std::string code, std::string detail, HeaderList headers = {});
  void Write(Response response);
  void FlushOut();
  void Finish();
  void BeginStream();
  bool TakeFromStream();
  void StreamBytesSent();
  void Linger();
  void ReleaseBody();
  std::string RequestId();

  Loop& loop_;
  ServerCore& core_;
  boost::asio::ip::tcp::socket socket_;
  std::string remote_;
  At at_ = At::kIdle;
  SteadyTime deadline_{};
  bool reading_ = false;     // a wait for bytes is pending
  bool processing_ = false;  // Process() is on the stack

  std::string pending_;  // bytes that came and are not yet used
  HeadScan scan_;
  Head head_;
  ChunkReader chunks_;
  Request request_;
  std::size_t reserved_ = 0;  // of core_.body_bytes

  std::uint64_t turn_ = 0;  // number of the request that is handled
  bool close_after_ = false;
  std::string id_;     // of the request, for the answer's header
  std::string route_;  // what the metrics call it
  std::string method_;
  SteadyTime began_{};
  int status_ = 0;

  std::string out_head_, out_body_;
  std::size_t out_at_ = 0;
  StreamStart stream_start_;             // of the response whose head is written
  std::shared_ptr<StreamQueue> stream_;  // shared with its writers
  bool stream_ended_ = false;            // its last chunk was written
  bool out_waits_ = false;               // for the peer to take bytes
  std::size_t lingered_ = 0;
};

// One thread with its event loop and its connections.
class Loop {
 public:
  Loop(ServerCore& core, int number);
  ~Loop();

  void Start();
  void Stop();
  void Add(boost::asio::ip::tcp::socket socket);
  void Remove(Connection& connection);
  void CloseAll(bool idle_only);

  boost::asio::io_context& io() { return io_; }
  ServerCore& core() { return core_; }
  RequestSeries& series() { return series_; }
  const std::shared_ptr<Gate>& gate() const { return gate_; }
  const std::string& date() const { return date_; }
  std::vector<char>& scratch() { return scratch_; }
  std::string NewRequestId();

 private:
  void Tick();

  ServerCore& core_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::steady_timer tick_;
  bool ticking_ = false;
  std::vector<std::shared_ptr<Connection>> connections_;
  RequestSeries series_;
  std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();  // shared with responders, see Gate
  std::string date_;
  std::vector<char> scratch_;
  std::string id_prefix_;
  std::uint64_t id_count_ = 0;
  std::thread thread_;
};

}  // namespace outrigger::http
