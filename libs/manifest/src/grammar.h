// SPDX-License-Identifier: Apache-2.0
// Grammars of single texts, so that a row of a table can name the one it wants.
//
// Threads:  pure functions.
// See also: docs/formats/manifest.md
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shape.h"

namespace outrigger::manifest {

// Each returns what the text must be when it is not that.
Complaint LabelText(std::string_view text);        // RFC 1123
Complaint StoredName(std::string_view text);       // of a registry of the tenant
Complaint LineText(std::string_view text);         // no control characters
Complaint PathText(std::string_view text);         // RFC 3986 path of a request
Complaint QueueText(std::string_view text);        // AMQP queue
Complaint InferPathText(std::string_view text);    // /v2/models/NAME[/versions/VERSION]/infer
Complaint HttpUrlText(std::string_view text);      // http(s)://host[:port][/path]
Complaint UriText(std::string_view text);          // scheme:…, printable
Complaint ImageText(std::string_view text);        // OCI repository name
Complaint TagText(std::string_view text);          // OCI tag
Complaint DigestText(std::string_view text);       // OCI digest, sha256 or sha512
Complaint RegistryText(std::string_view text);     // host[:port][/path]
Complaint EnvironmentName(std::string_view text);  // and not one of the platform's own
Complaint UnitText(std::string_view text);
std::string UnitSuggestion(std::string_view text);
Complaint Sha256Text(std::string_view text);
Complaint Base64Text(std::string_view text);
Complaint CpuText(std::string_view text);     // 1m to 1024
Complaint MemoryText(std::string_view text);  // 1Mi to 16Ti

// "500m" is 500, "2" is 2000; "256Mi" is 268435456. Nothing when it is no quantity.
std::optional<std::int64_t> CpuMillis(std::string_view text);
std::optional<std::int64_t> MemoryBytes(std::string_view text);

}  // namespace outrigger::manifest
