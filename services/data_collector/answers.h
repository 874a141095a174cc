// SPDX-License-Identifier: Apache-2.0
// Answers of POST /api/v1/telemetry.
//
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "data_collector/telemetry_reader.h"
#include "outrigger/http/problem.h"

namespace outrigger::data_collector {

// A record that was refused, with pointers relative to it.
struct Rejected {
  std::size_t index = 0;
  std::vector<http::Fault> faults;
};

// 202 when nothing was rejected, else 207.
http::Response Accepted(std::size_t accepted, const std::vector<Rejected>& rejected);
// 422: every record is bad. `lone`: pointers carry no index.
http::Response AllBad(const std::vector<Rejected>& rejected, bool lone);
http::Response RefusedBody(const BodyFault& fault);
// 503: what was sent may or may not be in; to send it again is right.
http::Response NotNow(std::string detail);

// Whether a request's Content-Type and Content-Encoding can be read; kNone: 415.
enum class BodyForm { kNone, kJson, kNdjson };
BodyForm FormOf(std::string_view content_type, bool encoded);
http::Response WrongForm();

}  // namespace outrigger::data_collector
