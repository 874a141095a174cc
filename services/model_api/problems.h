// SPDX-License-Identifier: Apache-2.0
// The refusals of this API, one function each, so that a code always comes with the same status.
//
// See also: docs/problems.md (what each code means and what to do)
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "outrigger/http/problem.h"

namespace outrigger::model_api {

using Faults = std::vector<http::Fault>;

// How many faults one answer tells; where there are more, a last one says so.
inline constexpr std::size_t kMaxFaults = 1'000;
// Whether more faults would not be told: whoever looks for them may stop.
inline bool Enough(const Faults& faults) { return faults.size() > kMaxFaults; }

http::Problem Unauthenticated();                                       // 401
http::Problem Forbidden(std::string detail);                           // 403
http::Problem Missing();                                               // 404, names nothing
http::Problem StateConflict(std::string detail, std::string hint);     // 409, by the state
http::Problem Taken(std::string detail, Faults faults = {});           // 409, a name or id
http::Problem InUse(std::string detail, std::string hint);             // 409
http::Problem WriterConflict(std::string detail, Faults faults = {});  // 409, cycle, two writers
http::Problem PreconditionFailed(std::string current);                 // 412
http::Problem TooLarge(const std::string& detail);                     // 413
http::Problem UnsupportedMediaType(std::string detail, std::string hint);  // 415
http::Problem Malformed(Faults faults);                                    // 400, is no document
http::Problem BadQuery(std::string detail, std::string hint);              // 400
http::Problem Invalid(Faults faults);        // 422, every fault at once
http::Problem Unsupported(Faults faults);    // 422, what this build cannot run
http::Problem NotBuilt(std::string detail);  // 501
http::Problem NotPublished();                // 503, stored, but Kafka does not answer

}  // namespace outrigger::model_api
