// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <boost/asio/post.hpp>
#include <ctime>
#include <iterator>

#include "connection.h"
#include "outrigger/base/ids.h"
#include "outrigger/base/log.h"

namespace outrigger::http {
namespace {

// Deadlines are checked at this step: a timer for each of thousands of connections would cost more
// than the requests.
constexpr Millis kTick{100};
constexpr std::size_t kScratchBytes = 64 * 1024;

std::string HttpDate(std::int64_t unix_ms) {
  const std::time_t seconds = unix_ms / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40];
  const std::size_t size = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text, size};
}

// Methods are a label: a stranger must not make series at will.
std::string MethodLabel(const std::string& method) {
  constexpr std::string_view kKnown[] = {"GET",    "HEAD",  "POST",   "PUT",
                                         "DELETE", "PATCH", "OPTIONS"};
  return std::ranges::find(kKnown, method) == std::end(kKnown) ? "other" : method;
}

}  // namespace

void Gate::Open(Loop* loop) {
  const std::lock_guard lock(mutex_);
  loop_ = loop;
  thread_ = std::this_thread::get_id();
}

void Gate::Close() {
  const std::lock_guard lock(mutex_);
  waiting_.clear();
  loop_ = nullptr;
  thread_ = {};
}

void Gate::Deliver(const std::weak_ptr<Connection>& to, std::uint64_t turn, Response response) {
  std::unique_lock lock(mutex_);
  if (!loop_) return;
  if (std::this_thread::get_id() == thread_) {
    lock.unlock();  // the answer may run other handlers, which come here again
    if (const auto connection = to.lock()) connection->OnAnswer(turn, std::move(response));
    return;
  }
  waiting_.push_back({to, turn, std::move(response)});
  if (waiting_.size() == 1)
    boost::asio::post(loop_->io(), [self = shared_from_this()] { self->DeliverWaiting(); });
}

void Gate::DeliverWaiting() {
  std::vector<Answer> answers;
  {
    const std::lock_guard lock(mutex_);
    answers.swap(waiting_);
  }
  for (Answer& answer : answers)
    if (const auto connection = answer.to.lock())
      connection->OnAnswer(answer.turn, std::move(answer.response));
}

void Gate::WakeStream(const std::weak_ptr<Connection>& connection) {
  const std::lock_guard lock(mutex_);
  if (!loop_) return;
  boost::asio::post(loop_->io(), [connection] {
    if (const auto there = connection.lock()) there->PumpStream();
  });
}

void RequestSeries::Count(const std::string& route, const std::string& method, int status,
                          double seconds) {
  if (!metrics_) return;
  Series& series = by_route_[route];
  const std::string label =
      MethodLabel(method);  // one of few: a stranger names methods without end
  Counter*& total = series.totals[{label, status}];
  if (!total) {
    total = &metrics_->GetCounter(
        "outrigger_http_requests_total", "Requests answered.",
        {
            {"route",  route                 },
            {"method", label                 },
            {"status", std::to_string(status)}
    });
  }
  if (!series.duration) {
    series.duration = &metrics_->GetHistogram(
        "outrigger_http_request_duration_seconds",
        "From the first byte of a request to its answer.",
        {
            .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30
    },
        {{"route", route}});
  }
  total->Add();
  series.duration->Observe(seconds);
}

void RequestSeries::CountRefusal(const std::string& reason) {
  if (!metrics_) return;
  metrics_
      ->GetCounter("outrigger_http_refused_total",
                   "Connections and requests refused before a handler saw them.",
                   {
                       {"reason", reason}
  })
      .Add();
}

void RequestSeries::Opened(double by) {
  if (!metrics_) return;
  if (!open_)
    open_ = &metrics_->GetGauge("outrigger_http_open_connections", "Connections open now.");
  open_->Add(by);
}

Loop::Loop(ServerCore& core, int number)
    : core_(core),
      work_(boost::asio::make_work_guard(io_)),
      tick_(io_),
      series_(core.metrics),
      date_(HttpDate(SystemClock().WallMs())),
      scratch_(kScratchBytes),
      id_prefix_(RandomId(12) + std::to_string(number) + "-") {}

Loop::~Loop() { Stop(); }

void Loop::Start() {
  thread_ = std::thread([this] {
    gate_->Open(this);
    io_.run();
  });
}

void Loop::Stop() {
  gate_->Close();
  io_.stop();
  if (thread_.joinable()) thread_.join();
  for (const auto& connection : std::exchange(connections_, {})) connection->Close();
}

std::string Loop::NewRequestId() { return id_prefix_ + std::to_string(++id_count_); }

void Loop::Add(boost::asio::ip::tcp::socket socket) {
  boost::system::error_code failure;
  const auto peer = socket.remote_endpoint(failure);
  const std::string remote = failure ? "" : peer.address().to_string();
  socket.non_blocking(true, failure);
  socket.set_option(boost::asio::ip::tcp::no_delay(true), failure);
  const auto connection = std::make_shared<Connection>(*this, std::move(socket), remote);
  connection->index = connections_.size();
  connections_.push_back(connection);
  series_.Opened(1);
  connection->Start();
  if (!ticking_) Tick();
}

void Loop::Remove(Connection& connection) {
  if (connection.index < connections_.size() &&
      connections_[connection.index].get() == &connection) {
    connections_.back()->index = connection.index;
    std::swap(connections_[connection.index], connections_.back());
    connections_.pop_back();
  }
  series_.Opened(-1);
  if (core_.open.fetch_sub(1) == 1) {
    const std::lock_guard lock(core_.mutex);
    core_.all_closed.notify_all();
  }
}

void Loop::CloseAll(bool idle_only) {
  const auto all = connections_;  // closing removes from the list
  for (const auto& connection : all) {
    if (idle_only) {
      connection->CloseIfIdle();
    } else {
      connection->Close();
    }
  }
}

void Loop::Tick() {
  date_ = HttpDate(SystemClock().WallMs());
  const SteadyTime now = SystemClock().Now();
  for (std::size_t i = 0; i < connections_.size();) {
    const std::shared_ptr<Connection> connection = connections_[i];
    connection->OnTick(now);
    // A closed one was replaced by the last of the list, which waits for its turn.
    if (i < connections_.size() && connections_[i] == connection) ++i;
  }
  ticking_ = !connections_.empty();
  if (!ticking_) return;
  tick_.expires_after(kTick);
  tick_.async_wait([this](boost::system::error_code failure) {
    if (!failure) Tick();
  });
}

}  // namespace outrigger::http
