// SPDX-License-Identifier: Apache-2.0
#include "head.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <charconv>

namespace outrigger::http {
namespace {

namespace beast = boost::beast;
using Failure = beast::error_code;

constexpr std::size_t kMaxFields = 100;

std::string Lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return out;
}

// Takes fields as Beast's parser finds them. The body is not its business: see BodyReader.
class FieldReader final : public beast::http::basic_parser<true> {
 public:
  Head head;

 private:
  void on_request_impl(beast::http::verb, beast::string_view method, beast::string_view target,
                       int version, Failure&) override {
    head.method.assign(method.data(), method.size());
    head.target.assign(target.data(), target.size());
    head.version = version;
  }
  void on_field_impl(beast::http::field, beast::string_view name, beast::string_view value,
                     Failure&) override {
    head.headers.emplace_back(Lower({name.data(), name.size()}),
                              std::string(value.data(), value.size()));
  }
  void on_header_impl(Failure&) override {}
  void on_response_impl(int, beast::string_view, int, Failure&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, Failure&) override {}
  std::size_t on_body_impl(beast::string_view body, Failure&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, Failure&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body, Failure&) override {
    return body.size();
  }
  void on_finish_impl(Failure&) override {}
};

std::unexpected<Refusal> Bad(std::string_view code, std::string_view detail, int status = 400) {
  return std::unexpected(Refusal{status, std::string(code), std::string(detail)});
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// "HTTP/2.0" is another version, "HTTP/x" is nonsense.
bool NamesAVersion(std::string_view raw) {
  const std::string_view line = raw.substr(0, raw.find('\r'));
  const std::size_t space = line.rfind(' ');
  if (std::ranges::count(line, ' ') != 2) return false;
  const std::string_view version = line.substr(space + 1);
  return version.size() == 8 && version.starts_with("HTTP/") && IsDigit(version[5]) &&
         version[6] == '.' && IsDigit(version[7]);
}

Refusal RefusalFor(const Failure& failure, std::string_view raw) {
  using beast::http::error;
  if (failure == error::bad_version && NamesAVersion(raw))
    return {505, "http-version", "HTTP/1.1 and HTTP/1.0 are spoken here"};
  if (failure == error::bad_content_length || failure == error::multiple_content_length)
    return {400, "content-length", "Content-Length is not one plain number, or not alone"};
  if (failure == error::bad_transfer_encoding)
    return {400, "transfer-encoding",
            "Transfer-Encoding is given twice, or together with Content-Length"};
  return {400, "malformed-request", "the head of the request is not HTTP: " + failure.message()};
}

// What a field may say at most once; two different ones would be read differently by somebody else.
constexpr std::string_view kOnce[] = {"host", "content-length", "authorization", "content-type"};

std::optional<Refusal> CheckRepeats(const Head& head) {
  for (const std::string_view name : kOnce) {
    const auto count =
        std::ranges::count_if(head.headers, [&](const auto& field) { return field.first == name; });
    if (count > 1)
      return Refusal{400, "repeated-header", "the header " + std::string(name) + " is there twice"};
    if (name == "host" && count == 0 && head.version >= 11)
      return Refusal{400, "host-missing", "HTTP/1.1 asks for exactly one Host"};
  }
  return std::nullopt;
}

bool IsHost(std::string_view text) {
  constexpr std::string_view kOthers = "-._~%!$&'()*+;=:[]";
  return std::ranges::all_of(text, [&](char c) {
    return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kOthers.find(c) != std::string_view::npos;
  });
}

std::optional<Refusal> CheckField(Head& head, std::string_view name, std::string_view value) {
  if (name == "host" && !IsHost(value)) return Refusal{400, "host", "Host is not a host"};
  if (name == "content-length") {
    std::uint64_t length = 0;
    const bool plain = !value.empty() && std::ranges::all_of(value, IsDigit);
    const auto read = std::from_chars(value.data(), value.data() + value.size(), length);
    if (!plain || read.ec != std::errc())
      return Refusal{400, "content-length", "Content-Length is not one plain number"};
    head.content_length = length;
  } else if (name == "transfer-encoding") {
    if (head.chunked || Lower(value) != "chunked")
      return Refusal{501, "transfer-encoding", "the only transfer coding spoken here is chunked"};
    head.chunked = true;
  } else if (name == "expect") {
    if (Lower(value) != "100-continue")
      return Refusal{417, "expectation", "the only expectation met here is 100-continue"};
    head.expects_continue = head.version >= 11;
  }
  return std::nullopt;
}

std::optional<Refusal> CheckFraming(Head& head) {
  if (head.headers.size() > kMaxFields)
    return Refusal{431, "too-many-headers", "at most 100 header fields are taken"};
  for (const auto& [name, value] : head.headers) {
    if (auto refusal = CheckField(head, name, value)) return refusal;
  }
  if (head.chunked && head.content_length)
    return Refusal{400, "content-length", "Content-Length together with Transfer-Encoding"};
  if (head.chunked && head.version < 11)
    return Refusal{400, "transfer-encoding", "HTTP/1.0 has no transfer codings"};
  if (auto refusal = CheckRepeats(head)) return refusal;
  if (head.method == "CONNECT")
    return Refusal{501, "method", "this is an origin server, not a proxy"};
  return std::nullopt;
}

}  // namespace

HeadScan::State HeadScan::Bad(std::string_view detail) {
  refusal_ = {400, "malformed-request", std::string(detail)};
  return State::kBad;
}

HeadScan::State HeadScan::Feed(std::string_view so_far) {
  for (; at_ < so_far.size(); ++at_) {
    const unsigned char c = static_cast<unsigned char>(so_far[at_]);
    const char before = at_ > 0 ? so_far[at_ - 1] : '\0';
    if (c == '\n') {
      if (before != '\r') return Bad("a line ends without a carriage return");
      request_line_ = false;
      if (at_ >= 3 && so_far[at_ - 2] == '\n') {
        size_ = ++at_;
        return State::kWhole;
      }
      continue;
    }
    if (before == '\r') return Bad("a carriage return without a line feed");
    if ((c < 0x20 && c != '\t' && c != '\r') || c == 0x7F) return Bad("a control character");
    if (request_line_ && (c >= 0x80 || c == '\t'))
      return Bad("the request line holds more than visible ASCII: percent-encode the rest");
    if (before == '\n' && (c == ' ' || c == '\t')) return Bad("a folded header line");
  }
  return State::kMore;
}

std::expected<Head, Refusal> ParseHead(std::string_view raw) {
  FieldReader reader;
  reader.header_limit(static_cast<std::uint32_t>(raw.size()) + 1);
  reader.body_limit(boost::none);
  Failure failure;
  reader.put(boost::asio::buffer(raw.data(), raw.size()), failure);
  if (failure) return std::unexpected(RefusalFor(failure, raw));
  if (!reader.is_header_done())
    return Bad("malformed-request", "the head of the request ends early");
  Head head = std::move(reader.head);
  head.keep_alive = reader.keep_alive();
  if (auto refusal = CheckFraming(head)) return std::unexpected(std::move(*refusal));
  return head;
}

}  // namespace outrigger::http
