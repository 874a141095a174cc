// SPDX-License-Identifier: Apache-2.0
// Head: the request line and the fields of one request, read so strictly that no peer or proxy can
// see other borders between requests than we do.
//
// Threads: plain values and pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "outrigger/http/server.h"

namespace outrigger::http {

// Why a request is refused before any handler sees it. The connection is closed afterwards.
struct Refusal {
  int status = 400;
  std::string code;
  std::string detail;
};

struct Head {
  std::string method;
  std::string target;
  int version = 11;    // 10 or 11
  HeaderList headers;  // names in lower case, in order
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
  bool keep_alive = true;
  bool expects_continue = false;
};

// Finds the end of a head while its bytes arrive, and refuses at the first byte that no head may
// hold, so that garbage need not wait for its blank line.
class HeadScan {
 public:
  enum class State { kMore, kWhole, kBad };
  // `so_far` is everything from the first byte of the head on; it only grows between calls.
  State Feed(std::string_view so_far);
  std::size_t size() const { return size_; }  // of the whole head, with its blank line
  const Refusal& refusal() const { return refusal_; }

 private:
  State Bad(std::string_view detail);
  std::size_t at_ = 0;
  std::size_t size_ = 0;
  bool request_line_ = true;
  Refusal refusal_;
};

// Reads a whole head (as HeadScan found it) and judges its framing.
std::expected<Head, Refusal> ParseHead(std::string_view raw);

}  // namespace outrigger::http
