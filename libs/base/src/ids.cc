// SPDX-License-Identifier: Apache-2.0
#include "outrigger/base/ids.h"

#include <algorithm>

#include "outrigger/base/json.h"
#include "outrigger/base/text.h"

namespace outrigger {
namespace {

bool IsAlnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

std::string RandomId(std::size_t length) {
  constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
  std::string id;
  while (id.size() < length) {
    for (const char byte : RandomBytes(length)) {
      const auto value = static_cast<unsigned char>(byte);
      const std::size_t letters = id.empty() ? 26 : kAlphabet.size();
      if (id.size() < length && value < 256 / letters * letters)
        id += kAlphabet[value % letters];  // no bias
    }
  }
  return id;
}

std::string RandomUuid() {
  std::string bytes = RandomBytes(16);
  bytes[6] = static_cast<char>((bytes[6] & 0x0F) | 0x40);
  bytes[8] = static_cast<char>((bytes[8] & 0x3F) | 0x80);
  std::string hex = ToHex(bytes);
  for (const std::size_t at : {20, 16, 12, 8}) hex.insert(at, "-");
  return hex;
}

bool IsLabel(std::string_view text) {
  return !text.empty() && text.size() <= 63 && text.front() != '-' && text.back() != '-' &&
         std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

bool IsAssetId(std::string_view text) {
  return !text.empty() && text.size() <= 128 && IsAlnum(text.front()) &&
         std::ranges::all_of(text,
                             [](char c) { return IsAlnum(c) || c == '.' || c == '_' || c == '-'; });
}

bool IsTelemetryName(std::string_view text) {
  if (text.empty() || !IsValidUtf8(text)) return false;
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 || c == 0x7F || c == '/' || c == '+' || c == '#') return false;
    if (c == 0xC2 && static_cast<unsigned char>(text[i + 1]) < 0xA0)
      return false;  // C1 control characters
    if ((c & 0xC0) != 0x80) ++characters;
  }
  return characters <= 128;
}

}  // namespace outrigger
