// SPDX-License-Identifier: Apache-2.0
#include "connection.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <utility>

#include "outrigger/http/problem.h"
#include "stream_queue.h"
#include "target.h"

namespace outrigger::http {
namespace {

using boost::asio::ip::tcp;
using Failure = boost::system::error_code;

// A peer whose refused request never ends is cut off here.
constexpr std::size_t kLingerBytes = 256u << 20;

bool IsPlainId(std::string_view id) {
  return !id.empty() && id.size() <= 128 && std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-' || c == ':';
  });
}

}  // namespace

Connection::Connection(Loop& loop, tcp::socket socket, std::string remote)
    : loop_(loop), core_(loop.core()), socket_(std::move(socket)), remote_(std::move(remote)) {}

Connection::~Connection() { ReleaseBody(); }

void Connection::Start() {
  deadline_ = SystemClock().Now() + core_.options.request_deadline;
  WaitRead();
}

void Connection::WaitRead() {
  if (reading_ || at_ == At::kClosed) return;
  reading_ = true;
  socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this()](Failure failure) {
    self->reading_ = false;
    if (!failure) self->OnReadable();
  });
}

void Connection::OnReadable() {
  // Handling and writing read nothing: what the peer sends meanwhile waits in the kernel.
  if (at_ == At::kClosed || at_ == At::kHandling || at_ == At::kWriting) return;
  Failure failure;
  const std::size_t count = socket_.read_some(boost::asio::buffer(loop_.scratch()), failure);
  if (failure == boost::asio::error::would_block || failure == boost::asio::error::try_again)
    return WaitRead();
  if (failure) return Close();
  if (at_ == At::kLingering || at_ == At::kStreaming) {
    lingered_ += count;
    return lingered_ > kLingerBytes ? Close() : WaitRead();
  }
  const std::string_view came(loop_.scratch().data(), count);
  if (pending_.empty()) return Process(came);
  std::string all = std::exchange(pending_, {});
  all += came;
  Process(all);
}

// Uses up `bytes` request by request as long as answers come at once; keeps the rest for later.
void Connection::Process(std::string_view bytes) {
  const auto self = shared_from_this();  // an answer may close us
  processing_ = true;
  while (at_ == At::kIdle || at_ == At::kHead || at_ == At::kBody) {
    if (bytes.empty()) break;
    const std::size_t used = Step(bytes);
    bytes.remove_prefix(used);
    if (used == 0) break;
  }
  processing_ = false;
  if (at_ == At::kClosed || at_ == At::kLingering) return;
  pending_.assign(bytes);
  if (at_ != At::kHandling && at_ != At::kWriting) WaitRead();
}

std::size_t Connection::Step(std::string_view bytes) {
  if (at_ == At::kIdle) {
    // RFC 9112 section 2.2: an empty line before a request is ignored.
    if (bytes == "\r") return 0;
    if (bytes.starts_with("\r\n")) return 2;
    BeginRequest();
  }
  return at_ == At::kHead ? TakeHead(bytes) : TakeBody(bytes);
}

void Connection::BeginRequest() {
  at_ = At::kHead;
  scan_ = HeadScan();
  request_ = Request();
  id_.clear();
  route_ = "malformed";
  method_.clear();
  close_after_ = false;
  began_ = SystemClock().Now();
  deadline_ = began_ + core_.options.request_deadline;
}

std::size_t Connection::TakeHead(std::string_view bytes) {
  const HeadScan::State state = scan_.Feed(bytes.substr(0, core_.options.head_bytes + 1));
  if (state == HeadScan::State::kBad) return Refuse(scan_.refusal()), bytes.size();
  const std::size_t limit = core_.options.head_bytes;
  if (state == HeadScan::State::kWhole ? scan_.size() > limit : bytes.size() > limit) {
    Refuse({431, "head-too-large",
            "request line and headers are over " + std::to_string(limit) + " bytes"});
    return bytes.size();
  }
  if (state == HeadScan::State::kMore) return 0;
  auto head = ParseHead(bytes.substr(0, scan_.size()));
  if (!head) return Refuse(head.error()), bytes.size();
  head_ = std::move(*head);
  BeginBody();
  return scan_.size();
}

void Connection::BeginBody() {
  request_.id = id_ = RequestId();
  if (!head_.keep_alive) close_after_ = true;
  const std::uint64_t length = head_.content_length.value_or(0);
  if (length > core_.options.body_bytes) {
    request_.body_too_large = true;
    close_after_ = true;
    return Dispatch();
  }
  if (length == 0 && !head_.chunked) return Dispatch();
  at_ = At::kBody;
  chunks_ = ChunkReader();
  if (head_.expects_continue) {
    // Small enough for any socket buffer; a peer whose buffer is full reads nothing anyway.
    constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    Failure failure;
    socket_.write_some(boost::asio::buffer(kContinue), failure);
  }
}

std::size_t Connection::TakeBody(std::string_view bytes) {
  std::size_t used = 0;
  bool whole = false;
  if (head_.chunked) {
    used = chunks_.Feed(bytes, request_.body, core_.options.body_bytes);
    if (chunks_.state() == ChunkReader::State::kBad)
      return Refuse({400, "bad-chunk", "the chunked body breaks its grammar"}), bytes.size();
    if (chunks_.state() == ChunkReader::State::kTooLarge) {
      request_.body = std::string();
      request_.body_too_large = true;
      close_after_ = true;
    }
    whole = chunks_.state() != ChunkReader::State::kMore;
  } else {
    used = std::min<std::size_t>(bytes.size(), *head_.content_length - request_.body.size());
    request_.body.append(bytes.substr(0, used));
    whole = request_.body.size() == *head_.content_length;
  }
  ReserveBody();
  if (at_ != At::kBody) return bytes.size();
  if (whole) Dispatch();
  return used;
}

void Connection::ReserveBody() {
  const std::size_t more =
      request_.body.capacity() > reserved_ ? request_.body.capacity() - reserved_ : 0;
  reserved_ += more;
  if (core_.body_bytes.fetch_add(more) + more <= core_.options.total_body_bytes) return;
  request_.body = std::string();
  ReleaseBody();
  loop_.series().CountRefusal("body-budget");
  close_after_ = true;
  SendProblem(503, "overloaded", "too many large requests at once",
              {
                  {"Retry-After", "1"}
  });
}

void Connection::ReleaseBody() { core_.body_bytes.fetch_sub(std::exchange(reserved_, 0)); }

std::string Connection::RequestId() {
  for (const auto& [name, value] : head_.headers) {
    if (name == "outrigger-request-id" && IsPlainId(value)) return value;
  }
  return loop_.NewRequestId();
}

void Connection::Dispatch() {
  at_ = At::kHandling;
  ++turn_;
  deadline_ = SystemClock().Now() + core_.options.answer_deadline;
  method_ = head_.method;
  route_ = "unmatched";
  const auto target = SplitTarget(head_.target);
  if (!target)
    return Refuse({400, "bad-target", "the request target is neither a path nor an absolute URL"});
  if (target->path == "*") {
    if (head_.method != "OPTIONS") return Refuse({400, "bad-target", "'*' is for OPTIONS"});
    return Write({204, {}, {}, {{"Allow", "GET, HEAD, POST, PUT, DELETE, OPTIONS"}}});
  }
  auto match = core_.router->Find(head_.method, target->path);
  if (!match) return SendProblem(400, match.error().code, match.error().detail);
  if (!match->entry) return AnswerMissing(*match);
  route_ = match->entry->pattern;
  auto query = ParseQuery(target->query);
  if (!query)
    return SendProblem(400, "bad-query", "the query holds a broken escape or invalid UTF-8");
  request_.method = head_.method == "HEAD" ? match->entry->method : head_.method;
  request_.path = std::string(target->path);
  request_.route = match->entry->pattern;
  request_.params = std::move(match->params);
  request_.query = std::move(*query);
  request_.headers = std::move(head_.headers);
  request_.remote = remote_;
  Run(*match->entry, std::move(request_));
}

void Connection::OnTick(SteadyTime now) {
  if (at_ == At::kClosed || now < deadline_) return;
  switch (at_) {
    case At::kHead:
    case At::kBody:
      loop_.series().CountRefusal("request-deadline");
      close_after_ = true;
      return SendProblem(408, "request-timeout", "the request did not arrive in time");
    case At::kHandling:
      close_after_ = true;
      return SendProblem(503, "answer-timeout",
                         "no answer in time; the outcome of the request is unknown",
                         {
                             {"Retry-After", "1"}
      });
    default:
      return Close();
  }
}

void Connection::CloseIfIdle() {
  if (at_ == At::kIdle) Close();
}

void Connection::Close() {
  if (at_ == At::kClosed) return;
  at_ = At::kClosed;
  if (stream_) stream_->Close();
  Failure ignored;
  socket_.close(ignored);
  ReleaseBody();
  loop_.Remove(*this);
}

}  // namespace outrigger::http
