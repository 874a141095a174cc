// SPDX-License-Identifier: Apache-2.0
// Entity tags: the name of an object's desired state, so that nobody overwrites what he has not
// seen.
#pragma once

#include <string>
#include <string_view>

#include "model_api/judged.h"
#include "outrigger/http/server.h"

namespace outrigger::model_api {

// A strong tag, quoted, of an object's canonical text (its document, or uid and generation).
std::string EtagOf(std::string_view canonical);

// RFC 9110 section 13.1.1: `*` or one of a list of strong tags; without If-Match everything
// matches. 412 otherwise.
Judged<> CheckIfMatch(const http::Request& request, const std::string& current);

}  // namespace outrigger::model_api
