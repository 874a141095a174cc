// SPDX-License-Identifier: Apache-2.0
// ChunkReader: decodes a chunked body as its bytes arrive and refuses every liberty with the
// grammar (RFC 9112 section 7.1), so that the end of the body is where everybody else sees it.
//
// Threads: one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace outrigger::http {

class ChunkReader {
 public:
  enum class State { kMore, kDone, kBad, kTooLarge };

  // Decodes from `bytes` into `body` until the body is whole, wrong, or longer than `limit`.
  // Returns how many bytes belong to this body. Trailer fields are read and dropped.
  std::size_t Feed(std::string_view bytes, std::string& body, std::size_t limit);
  State state() const { return state_; }

 private:
  enum class At { kSize, kExtension, kSizeLf, kData, kDataCr, kDataLf, kTrailer, kTrailerLf };
  void Take(unsigned char c, const std::string& body, std::size_t limit);
  void TakeSize(unsigned char c, const std::string& body, std::size_t limit);
  void TakeTrailer(unsigned char c);
  void EndOfSizeLine(const std::string& body, std::size_t limit);

  State state_ = State::kMore;
  At at_ = At::kSize;
  std::uint64_t size_ = 0;
  int digits_ = 0;
  std::size_t overhead_ = 0;  // bytes of extensions (per chunk) or trailers
  std::size_t line_ = 0;      // bytes of the current trailer line
};

}  // namespace outrigger::http
