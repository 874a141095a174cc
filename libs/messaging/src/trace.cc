// SPDX-License-Identifier: Apache-2.0
#include "outrigger/messaging/trace.h"

#include <format>
#include <functional>
#include <optional>
#include <random>

#include "outrigger/base/text.h"

namespace outrigger::messaging {
namespace {

// Lower case only, as the standard wants.
std::optional<std::uint64_t> Hex(std::string_view digits) {
  std::uint64_t number = 0;
  for (const char c : digits) {
    const bool decimal = c >= '0' && c <= '9';
    if (!decimal && (c < 'a' || c > 'f')) return std::nullopt;
    number = number << 4 | static_cast<std::uint64_t>(decimal ? c - '0' : c - 'a' + 10);
  }
  return number;
}

// Asking the system for each would cost more than the record.
std::uint64_t Random() {
  thread_local std::mt19937_64 random(std::hash<std::string>{}(RandomBytes(16)));
  for (;;)
    if (const std::uint64_t number = random(); number != 0) return number;
}

}  // namespace

TraceContext TraceContext::Read(std::string_view traceparent) {
  constexpr std::size_t kSize = 55;
  if (traceparent.size() < kSize) return {};
  if (traceparent[2] != '-' || traceparent[35] != '-' || traceparent[52] != '-') return {};
  const auto version = Hex(traceparent.substr(0, 2));
  if (!version || *version == 0xff) return {};
  if (traceparent.size() > kSize && (*version == 0 || traceparent[kSize] != '-')) return {};
  const auto high = Hex(traceparent.substr(3, 16));
  const auto low = Hex(traceparent.substr(19, 16));
  const auto span = Hex(traceparent.substr(36, 16));
  const auto flags = Hex(traceparent.substr(53, 2));
  if (!high || !low || !span || !flags || (*high | *low) == 0 || *span == 0) return {};
  return {*high, *low, *span, (*flags & 1) != 0};
}

TraceContext TraceContext::New() { return {Random(), Random(), Random(), true}; }

TraceContext TraceContext::Child() const {
  return *this ? TraceContext{high, low, Random(), sampled} : New();
}

std::string TraceContext::Text() const {
  if (!*this) return New().Text();
  return std::format("00-{:016x}{:016x}-{:016x}-{}", high, low, span, sampled ? "01" : "00");
}

std::string_view TraceIdOf(std::string_view traceparent) {
  return IsTraceParent(traceparent) ? traceparent.substr(3, 32) : std::string_view();
}

std::string_view TraceIdOf(const Headers& headers) {
  return TraceIdOf(FindHeader(headers, "traceparent").value_or(std::string_view()));
}

}  // namespace outrigger::messaging
