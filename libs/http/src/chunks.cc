// SPDX-License-Identifier: Apache-2.0
#include "chunks.h"

#include <algorithm>

namespace outrigger::http {
namespace {

constexpr std::size_t kMaxExtension = 256;
constexpr std::size_t kMaxTrailers = 8 * 1024;

int HexDigit(unsigned char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool IsControl(unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7F; }

}  // namespace

std::size_t ChunkReader::Feed(std::string_view bytes, std::string& body, std::size_t limit) {
  std::size_t at = 0;
  while (at < bytes.size() && state_ == State::kMore) {
    if (at_ == At::kData) {
      const std::size_t take =
          static_cast<std::size_t>(std::min<std::uint64_t>(size_, bytes.size() - at));
      body.append(bytes.substr(at, take));
      at += take;
      size_ -= take;
      if (size_ == 0) at_ = At::kDataCr;
    } else {
      Take(static_cast<unsigned char>(bytes[at++]), body, limit);
    }
  }
  return at;
}

void ChunkReader::Take(unsigned char c, const std::string& body, std::size_t limit) {
  switch (at_) {
    case At::kSize:
    case At::kExtension:
    case At::kSizeLf:
      return TakeSize(c, body, limit);
    case At::kDataCr:
      if (c != '\r') state_ = State::kBad;
      at_ = At::kDataLf;
      return;
    case At::kDataLf:
      if (c != '\n') state_ = State::kBad;
      at_ = At::kSize, digits_ = 0, size_ = 0, overhead_ = 0;
      return;
    case At::kTrailer:
    case At::kTrailerLf:
      return TakeTrailer(c);
    case At::kData:
      return;
  }
}

void ChunkReader::TakeSize(unsigned char c, const std::string& body, std::size_t limit) {
  if (at_ == At::kSizeLf) {
    if (c != '\n') return void(state_ = State::kBad);
    return EndOfSizeLine(body, limit);
  }
  if (c == '\r' && digits_ > 0) return void(at_ = At::kSizeLf);
  if (at_ == At::kExtension) {
    if (IsControl(c) || ++overhead_ > kMaxExtension) state_ = State::kBad;
    return;
  }
  const int digit = HexDigit(c);
  if (digit >= 0) {
    // Sixteen digits would fit 64 bits, fifteen are more than anybody can mean.
    if (++digits_ > 15) return void(state_ = State::kBad);
    size_ = size_ * 16 + static_cast<std::uint64_t>(digit);
  } else if (digits_ > 0 && (c == ';' || c == ' ' || c == '\t')) {
    // Blanks are legal before an extension only, so one must follow: "5 5" has none.
    at_ = At::kExtension;
    if (c != ';') state_ = State::kBad;
  } else {
    state_ = State::kBad;
  }
}

void ChunkReader::EndOfSizeLine(const std::string& body, std::size_t limit) {
  if (size_ == 0) {
    at_ = At::kTrailer, line_ = 0, overhead_ = 0;
  } else if (size_ > limit || body.size() > limit - size_) {
    state_ = State::kTooLarge;
  } else {
    at_ = At::kData;
  }
}

void ChunkReader::TakeTrailer(unsigned char c) {
  if (++overhead_ > kMaxTrailers) return void(state_ = State::kBad);
  if (at_ == At::kTrailerLf) {
    if (c != '\n') return void(state_ = State::kBad);
    if (line_ == 0) return void(state_ = State::kDone);
    at_ = At::kTrailer, line_ = 0;
  } else if (c == '\r') {
    at_ = At::kTrailerLf;
  } else if (IsControl(c) || (line_ == 0 && (c == ' ' || c == '\t'))) {
    state_ = State::kBad;
  } else {
    ++line_;
  }
}

}  // namespace outrigger::http
