// SPDX-License-Identifier: Apache-2.0
// Bodies: what a request's body is and whether it can be read, in the order 415, 413, 400, so that
// every route judges alike.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "model_api/judged.h"
#include "outrigger/http/server.h"

namespace outrigger::model_api {

inline constexpr std::size_t kDocumentBytes = 1 << 20;
inline constexpr std::size_t kBulkBytes = 16 << 20;  // 10,000 assets with attributes

enum class DocumentType { kJson, kYaml };

// The type of the body. 415 for another Content-Type, and for any Content-Encoding.
Judged<DocumentType> TypeOfBody(const http::Request& request, bool yaml_allowed);
// 413 when the body is larger than `limit`.
Judged<> SizeOfBody(const http::Request& request, std::size_t limit);

// A JSON body, parsed strictly: 415, 413, then 400.
Judged<nlohmann::json> ReadJsonBody(const http::Request& request,
                                    std::size_t limit = kDocumentBytes);
// For routes that act without a document: no body, or an empty object.
Judged<> ExpectNoBody(const http::Request& request);

}  // namespace outrigger::model_api
