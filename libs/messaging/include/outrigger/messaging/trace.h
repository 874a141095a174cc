// SPDX-License-Identifier: Apache-2.0
// TraceContext: the trace that something belongs to, as W3C Trace Context names it, in a form that
// every row in memory can afford.
//
// Threads:  plain values and pure functions.
// See also: docs/tracing.md, https://www.w3.org/TR/trace-context/
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "outrigger/messaging/record.h"

namespace outrigger::messaging {

struct TraceContext {
  std::uint64_t high = 0, low = 0;  // the trace's id; both 0: none
  std::uint64_t span = 0;           // of whoever called
  bool sampled = false;

  // What a header `traceparent` says; none when it is no valid one. Later versions are read as far
  // as they are like version 00.
  static TraceContext Read(std::string_view traceparent);
  static TraceContext New();

  explicit operator bool() const { return (high | low) != 0; }
  bool SameTrace(const TraceContext& other) const { return high == other.high && low == other.low; }
  // For a call of our own: the same trace and a span of its own; a new trace where there is none.
  TraceContext Child() const;
  // The header, version 00; a new one where there is none.
  std::string Text() const;
};

// The 32 digits by which a trace is looked for; empty when `traceparent` is none.
std::string_view TraceIdOf(std::string_view traceparent);
std::string_view TraceIdOf(const Headers& headers);

}  // namespace outrigger::messaging
