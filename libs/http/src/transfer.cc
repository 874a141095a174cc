// SPDX-License-Identifier: Apache-2.0
#include "transfer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>

namespace outrigger::http {
namespace {

bool IsToken(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

bool IsFieldValue(std::string_view text) {
  return std::ranges::none_of(text, [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F;
  });
}

std::string TextOf(const sockaddr& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.sa_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text, sizeof text);
  } else if (address.sa_family == AF_INET6) {
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, text,
              sizeof text);
  }
  return text;
}

std::string_view Trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

Transfer::~Transfer() { curl_slist_free_all(headers_); }

Result<> Transfer::Prepare(CURL* easy) {
  easy_ = easy;
  const Call& call = pending_.call;
  curl_easy_setopt(easy_, CURLOPT_PRIVATE, this);
  curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, error_);
  curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy_, CURLOPT_QUICK_EXIT, 1L);  // no call waits for the slow name of another
  curl_easy_setopt(easy_, CURLOPT_URL, call.url.c_str());
  curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy_, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy_, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy_, CURLOPT_PROXY, "");  // an empty name: none, whatever the environment says
  curl_easy_setopt(easy_, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl_easy_setopt(easy_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy_, CURLOPT_HTTP09_ALLOWED, 0L);
  curl_easy_setopt(easy_, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(easy_, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS,
                   std::max<long>(1, static_cast<long>(call.connect_timeout.count())));
  const auto left =
      std::chrono::duration_cast<Millis>(pending_.deadline - SystemClock().Now()).count();
  curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS, std::max<long>(1, static_cast<long>(left)));
  curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &Transfer::OnBody);
  curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, &Transfer::OnHeader);
  curl_easy_setopt(easy_, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy_, CURLOPT_OPENSOCKETFUNCTION, &Transfer::OnOpen);
  curl_easy_setopt(easy_, CURLOPT_OPENSOCKETDATA, this);
  OR_RETURN_IF_ERROR(PrepareMethod());
  return PrepareHeaders();
}

Result<> Transfer::PrepareMethod() {
  const Call& call = pending_.call;
  if (!IsToken(call.method))
    return Error(ErrorCode::kInvalidArgument, "not a method: " + call.method);
  if (call.url.find('\0') != std::string::npos || !IsFieldValue(call.url))
    return Error(ErrorCode::kInvalidArgument, "a URL with control characters");
  if (call.body || call.method == "POST" || call.method == "PUT" || call.method == "PATCH") {
    curl_easy_setopt(easy_, CURLOPT_POST, 1L);
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(call.body ? call.body->size() : 0));
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, call.body ? call.body->data() : "");
  } else if (call.method == "HEAD") {
    curl_easy_setopt(easy_, CURLOPT_NOBODY, 1L);
    return {};
  } else {
    curl_easy_setopt(easy_, CURLOPT_HTTPGET, 1L);
  }
  curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, call.method.c_str());
  return {};
}

Result<> Transfer::PrepareHeaders() {
  // libcurl would wait a second for 100 Continue, and invent a content type.
  bool typed = false;
  const auto add = [this](const std::string& line) {
    if (curl_slist* longer = curl_slist_append(headers_, line.c_str())) headers_ = longer;
  };
  add("Expect:");
  for (const auto& [name, value] : pending_.call.headers) {
    if (!IsToken(name) || !IsFieldValue(value))
      return Error(ErrorCode::kInvalidArgument, "the header " + name + " cannot be sent");
    std::string lower = name;
    std::ranges::transform(lower, lower.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (lower == "content-type") typed = true;
    if (lower == "host" || lower == "content-length" || lower == "transfer-encoding")
      return Error(ErrorCode::kInvalidArgument, "the header " + name + " is the client's own");
    // "Name:" would remove a header; an empty value is written with a semicolon.
    add(value.empty() ? name + ";" : name + ": " + value);
  }
  if (!typed) add("Content-Type:");
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers_);
  return {};
}

std::size_t Transfer::OnBody(char* data, std::size_t, std::size_t size, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  if (transfer.reply_.body.size() + size > transfer.pending_.call.max_reply_bytes) {
    transfer.too_large_ = true;
    return CURL_WRITEFUNC_ERROR;
  }
  try {
    transfer.reply_.body.append(data, size);
  } catch (...) {  // out of memory must not pass through C
    transfer.too_large_ = true;
    return CURL_WRITEFUNC_ERROR;
  }
  return size;
}

std::size_t Transfer::OnHeader(char* data, std::size_t, std::size_t size, void* self) {
  auto& headers = static_cast<Transfer*>(self)->reply_.headers;
  try {
    const std::string_view line(data, size);
    if (line.starts_with("HTTP/")) {
      headers.clear();  // of an interim answer
      return size;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return size;
    std::string name(Trimmed(line.substr(0, colon)));
    std::ranges::transform(name, name.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    headers.emplace_back(std::move(name), std::string(Trimmed(line.substr(colon + 1))));
    return size;
  } catch (...) {
    return 0;
  }
}

curl_socket_t Transfer::OnOpen(void* self, curlsocktype, curl_sockaddr* address) {
  auto& transfer = *static_cast<Transfer*>(self);
  const std::string ip = TextOf(address->addr);
  if (!EgressAllowed(ip, transfer.egress_)) {
    ++transfer.refused_;
    return CURL_SOCKET_BAD;
  }
  ++transfer.opened_;
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

Result<Reply> Transfer::Outcome(CURLcode code) {
  if (code != CURLE_OK) return Failure(code);
  long status = 0;
  curl_off_t took = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(easy_, CURLINFO_TOTAL_TIME_T, &took);
  reply_.status = static_cast<int>(status);
  reply_.took = std::chrono::microseconds(took);
  return std::move(reply_);
}

Error Transfer::Failure(CURLcode code) const {
  const std::string why = error_[0] ? error_ : curl_easy_strerror(code);
  const char* peer = nullptr;
  curl_easy_getinfo(easy_, CURLINFO_PRIMARY_IP, &peer);
  const bool connected = peer != nullptr && *peer != '\0';
  if (too_large_ || code == CURLE_TOO_LARGE) {
    return {ErrorCode::kCorrupt,
            "the reply is over " + std::to_string(pending_.call.max_reply_bytes) + " bytes"};
  }
  if (refused_ > 0 && opened_ == 0) {
    return {ErrorCode::kInvalidArgument, "the address of the URL is forbidden",
            "loopback and private addresses must be allowed by the deployment"};
  }
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return {ErrorCode::kTimeout, why};
    case CURLE_UNSUPPORTED_PROTOCOL:  // before a connection: of the URL; after it: of the reply
      return {connected ? ErrorCode::kCorrupt : ErrorCode::kInvalidArgument, why};
    case CURLE_URL_MALFORMAT:
    case CURLE_BAD_FUNCTION_ARGUMENT:
      return {ErrorCode::kInvalidArgument, why};
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
      return {ErrorCode::kCorrupt, why};
    default:
      return {ErrorCode::kUnavailable, why};
  }
}

}  // namespace outrigger::http
