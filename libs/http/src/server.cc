// SPDX-License-Identifier: Apache-2.0
#include "outrigger/http/server.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/post.hpp>

#include "connection.h"
#include "outrigger/base/log.h"

namespace outrigger::http {
namespace {

using boost::asio::ip::tcp;
using Failure = boost::system::error_code;

constexpr Millis kAcceptPause{50};

std::string_view FindIn(const HeaderList& list, std::string_view name) {
  const auto at = std::ranges::find(list, name, &HeaderList::value_type::first);
  return at == list.end() ? std::string_view() : std::string_view(at->second);
}

// As many files as the system lets us open: each connection is one.
void RaiseFileLimit(std::size_t wanted) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, wanted);
  setrlimit(RLIMIT_NOFILE, &limit);
}

// Else a process that the service starts would hold the port after the service is gone.
void KeepFromChildren(int socket) { ::fcntl(socket, F_SETFD, FD_CLOEXEC); }

}  // namespace

std::string_view Request::Header(std::string_view lower_name) const {
  return FindIn(headers, lower_name);
}

std::string_view Request::Param(std::string_view name) const { return FindIn(params, name); }

std::optional<std::string_view> Request::Query(std::string_view name) const {
  const auto at = std::ranges::find(query, name, &HeaderList::value_type::first);
  if (at == query.end()) return std::nullopt;
  return at->second;
}

struct Server::State {
  State(const ServerOptions& options, Router router_, Metrics* metrics)
      : router(std::move(router_)) {
    core.options = options;
    core.router = router.state_.get();
    core.metrics = metrics;
    const bool blocks = std::ranges::any_of(
        core.router->entries, [](const RouteEntry& entry) { return entry.blocking != nullptr; });
    Gauge* const waiting = metrics == nullptr
                               ? nullptr
                               : &metrics->GetGauge("outrigger_http_waiting_requests",
                                                    "Requests that wait for a worker.");
    if (blocks) {
      core.workers = std::make_unique<WorkerPool>(options.workers, options.worker_queue, waiting);
    }
    for (int i = 0; i < std::max(1, options.io_threads); ++i)
      loops.push_back(std::make_unique<Loop>(core, i));
    acceptor = std::make_unique<tcp::acceptor>(loops[0]->io());
    pause = std::make_unique<boost::asio::steady_timer>(loops[0]->io());
  }

  ~State() {
    // Sockets and timers go before their loop.
    loops[0]->Stop();
    acceptor.reset();
    pause.reset();
  }

  Result<> Listen() {
    Failure failure;
    const auto address = boost::asio::ip::make_address(core.options.address, failure);
    const tcp::endpoint endpoint(address, core.options.port);
    if (!failure) acceptor->open(endpoint.protocol(), failure);
    if (!failure) KeepFromChildren(acceptor->native_handle());
    if (!failure) acceptor->set_option(tcp::acceptor::reuse_address(true), failure);
    if (!failure) acceptor->bind(endpoint, failure);
    if (!failure) acceptor->listen(boost::asio::socket_base::max_listen_connections, failure);
    if (failure) {
      return Error(ErrorCode::kUnavailable,
                   "cannot listen on " + core.options.address + ":" +
                       std::to_string(core.options.port) + ": " + failure.message(),
                   "choose another address or port");
    }
    port = acceptor->local_endpoint().port();
    return {};
  }

  void Accept() {
    Loop& loop = *loops[next++ % loops.size()];
    acceptor->async_accept(loop.io(), [this, &loop](Failure failure, tcp::socket socket) {
      if (!acceptor->is_open()) return;
      if (failure) return AcceptLater(failure);
      KeepFromChildren(socket.native_handle());
      if (core.open.fetch_add(1) >= core.options.max_connections) {
        core.open.fetch_sub(1);
        loops[0]->series().CountRefusal("connections");
      } else if (&loop == loops[0].get()) {
        loop.Add(std::move(socket));
      } else {
        boost::asio::post(loop.io(), [&loop, socket = std::move(socket)]() mutable {
          loop.Add(std::move(socket));
        });
      }
      Accept();
    });
  }

  // Out of files or memory: the queue of the kernel holds newcomers until some are free again.
  void AcceptLater(const Failure& failure) {
    if (failure == boost::asio::error::operation_aborted) return;
    LogWarning("cannot accept", {
                                    {"cause", failure.message()}
    });
    pause->expires_after(kAcceptPause);
    pause->async_wait([this](Failure ended) {
      if (!ended) Accept();
    });
  }

  void Stop(Millis drain) {
    const std::lock_guard only_one(stop_mutex);
    if (std::exchange(stopped, true)) return;
    core.draining = true;
    boost::asio::post(loops[0]->io(), [this] {
      Failure ignored;
      acceptor->close(ignored);
      pause->cancel();
    });
    for (const auto& loop : loops)
      boost::asio::post(loop->io(), [&loop = *loop] { loop.CloseAll(true); });
    {
      std::unique_lock lock(core.mutex);
      core.all_closed.wait_for(lock, drain, [this] { return core.open.load() == 0; });
    }
    for (const auto& loop : loops) loop->Stop();
    Failure ignored;
    acceptor->close(ignored);  // the posted close may not have had its turn
    if (core.workers) core.workers->Stop();
  }

  Router router;
  ServerCore core;
  std::vector<std::unique_ptr<Loop>> loops;
  std::unique_ptr<tcp::acceptor> acceptor;
  std::unique_ptr<boost::asio::steady_timer> pause;
  std::size_t next = 0;
  std::uint16_t port = 0;
  std::mutex stop_mutex;
  bool stopped = false;
};

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}

Server::~Server() { Stop(); }

Result<std::unique_ptr<Server>> Server::Start(const ServerOptions& options, Router router,
                                              Metrics* metrics) {
  RaiseFileLimit(options.max_connections + 1'024);
  auto state = std::make_unique<State>(options, std::move(router), metrics);
  OR_RETURN_IF_ERROR(state->Listen());
  state->Accept();
  for (const auto& loop : state->loops) loop->Start();
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

std::uint16_t Server::port() const { return state_->port; }

std::string Server::url() const {
  const std::string& address = state_->core.options.address;
  const bool v6 = address.find(':') != std::string::npos;
  return "http://" + (v6 ? "[" + address + "]" : address) + ":" + std::to_string(state_->port);
}

void Server::Stop(Millis drain) { state_->Stop(drain); }

}  // namespace outrigger::http
