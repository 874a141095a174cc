// SPDX-License-Identifier: Apache-2.0
// The second half of Connection: from the handler to the last byte of the answer.
#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <utility>

#include "connection.h"
#include "outrigger/base/log.h"
#include "outrigger/http/problem.h"
#include "reason.h"

namespace outrigger::http {
namespace {

using boost::asio::ip::tcp;
using Failure = boost::system::error_code;

// After a refusal the peer may still be sending; closing at once would reset the connection and
// destroy the answer on its way.
constexpr Millis kLingerTime{5'000};

// Answers through the loop's gate, from whatever thread.
class ConnectionResponder final : public Responder {
 public:
  ConnectionResponder(std::weak_ptr<Connection> connection, std::uint64_t turn,
                      std::shared_ptr<Gate> gate)
      : connection_(std::move(connection)), turn_(turn), gate_(std::move(gate)) {}

  ~ConnectionResponder() override {
    if (!sent_.load())
      Send(ToResponse({500, "internal", {}, "the request was dropped unanswered", {}, {}, {}}));
  }

  void Send(Response response) override {
    if (!sent_.exchange(true)) gate_->Deliver(connection_, turn_, std::move(response));
  }

 private:
  const std::weak_ptr<Connection> connection_;
  const std::uint64_t turn_;
  const std::shared_ptr<Gate> gate_;
  std::atomic<bool> sent_{false};
};

void AppendField(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  for (const char c : value) {
    const bool control = (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F;
    out += control ? ' ' : c;
  }
  out += "\r\n";
}

}  // namespace

void Connection::AnswerMissing(const RouteMatch& match) {
  if (match.allow.empty()) return Write(NotFound());
  route_ = "other-method";
  if (head_.method == "OPTIONS") return Write({204, {}, {}, {{"Allow", match.allow}}});
  SendProblem(405, "method-not-allowed", "this path knows other methods only: " + match.allow,
              {
                  {"Allow", match.allow}
  });
}

void Connection::Run(const RouteEntry& entry, Request request) {
  auto responder = std::make_shared<ConnectionResponder>(weak_from_this(), turn_, loop_.gate());
  const auto failed = [](const ResponderPtr& to, const char* what) {
    LogError("handler threw", {
                                  {"what", what}
    });
    to->Send(ToResponse(ProblemFrom(Error(ErrorCode::kInternal, "handler threw"))));
  };
  if (entry.async) {
    try {
      entry.async(std::move(request), responder);
    } catch (const std::exception& e) {
      failed(responder, e.what());
    } catch (...) {
      failed(responder, "not an exception of the standard library");
    }
    return;
  }
  auto task = [&entry, responder, failed, request = std::move(request)] {
    try {
      responder->Send(entry.blocking(request));
    } catch (const std::exception& e) {
      failed(responder, e.what());
    } catch (...) {
      failed(responder, "not an exception of the standard library");
    }
  };
  if (core_.workers->Push(std::move(task))) return;
  loop_.series().CountRefusal("worker-queue");
  responder->Send(ToResponse({503,
                              "overloaded",
                              {},
                              "too many requests wait already; try again",
                              {},
                              {},
                              {{"Retry-After", "1"}}}));
}

void Connection::OnAnswer(std::uint64_t turn, Response response) {
  if (at_ == At::kHandling && turn == turn_) Write(std::move(response));
}

void Connection::Refuse(const Refusal& refusal) {
  loop_.series().CountRefusal("malformed");
  close_after_ = true;
  SendProblem(refusal.status, refusal.code, refusal.detail);
}

void Connection::SendProblem(int status, std::string code, std::string detail, HeaderList headers) {
  Write(ToResponse({status, std::move(code), {}, std::move(detail), {}, {}, std::move(headers)}));
}

void Connection::Write(Response response) {
  const bool streams = response.stream.begin != nullptr;
  at_ = At::kWriting;
  deadline_ = SystemClock().Now() + core_.options.request_deadline;
  status_ = response.status;
  if (core_.draining.load() || streams) close_after_ = true;
  if (id_.empty()) id_ = loop_.NewRequestId();
  const bool bodiless = status_ < 200 || status_ == 204 || status_ == 304;
  out_head_.clear();
  out_head_ += "HTTP/1.1 " + std::to_string(status_) + " ";
  out_head_ += ReasonPhrase(status_);
  out_head_ += "\r\n";
  AppendField(out_head_, "Date", loop_.date());
  AppendField(out_head_, "Outrigger-Request-Id", id_);
  if (!bodiless) {
    if (!response.body.empty() || streams)
      AppendField(out_head_, "Content-Type", response.content_type);
    if (!streams) {
      AppendField(out_head_, "Content-Length", std::to_string(response.body.size()));
    } else if (head_.version != 10) {
      AppendField(out_head_, "Transfer-Encoding", "chunked");
    }
  }
  for (const auto& [name, value] : response.headers) AppendField(out_head_, name, value);
  if (close_after_) {
    AppendField(out_head_, "Connection", "close");
  } else if (head_.version == 10) {
    AppendField(out_head_, "Connection", "keep-alive");
  }
  out_head_ += "\r\n";
  const bool sends_body = !bodiless && method_ != "HEAD";
  out_body_ = sends_body && !streams ? std::move(response.body) : std::string();
  stream_start_ = sends_body ? std::move(response.stream) : StreamStart();
  out_at_ = 0;
  FlushOut();
}

void Connection::FlushOut() {
  while (at_ == At::kWriting || at_ == At::kStreaming) {
    const std::string_view head =
        std::string_view(out_head_).substr(std::min(out_at_, out_head_.size()));
    const std::string_view body = std::string_view(out_body_).substr(
        out_at_ > out_head_.size() ? out_at_ - out_head_.size() : 0);
    if (head.empty() && body.empty()) {
      if (at_ == At::kWriting) return Finish();
      if (!TakeFromStream()) return;
      continue;
    }
    const std::array<boost::asio::const_buffer, 2> parts{boost::asio::buffer(head),
                                                         boost::asio::buffer(body)};
    Failure failure;
    out_at_ += socket_.write_some(parts, failure);
    if (failure == boost::asio::error::would_block || failure == boost::asio::error::try_again) {
      out_waits_ = true;
      socket_.async_wait(tcp::socket::wait_write, [self = shared_from_this()](Failure ended) {
        self->out_waits_ = false;
        if (!ended) self->FlushOut();
      });
      return;
    }
    if (failure) return Close();
    if (at_ == At::kStreaming) StreamBytesSent();
  }
}

void Connection::Finish() {
  const SteadyTime now = SystemClock().Now();
  const std::chrono::duration<double> took = now - began_;
  loop_.series().Count(route_, method_, status_, took.count());
  ReleaseBody();
  out_body_ = std::string();
  if (stream_start_.begin) return BeginStream();
  if (close_after_) return Linger();
  at_ = At::kIdle;
  deadline_ = now + core_.options.idle_deadline;
  if (processing_) return;  // Process() goes on with the next request
  const std::string rest = std::exchange(pending_, {});
  Process(rest);
}

void Connection::Linger() {
  Failure ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
  at_ = At::kLingering;
  deadline_ = SystemClock().Now() + kLingerTime;
  WaitRead();
}

}  // namespace outrigger::http
