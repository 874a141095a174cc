// SPDX-License-Identifier: Apache-2.0
#include "model_api/body.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <string>

#include "model_api/manifest_faults.h"
#include "model_api/problems.h"
#include "outrigger/base/json.h"

namespace outrigger::model_api {
namespace {

// The media type without parameters, in lower case.
std::string MediaType(std::string_view header) {
  std::string type(header.substr(0, header.find(';')));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.pop_back();
  std::ranges::transform(type, type.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return type;
}

}  // namespace

Judged<DocumentType> TypeOfBody(const http::Request& request, bool yaml_allowed) {
  if (!request.Header("content-encoding").empty()) {
    return UnsupportedMediaType("a Content-Encoding is not read here",
                                "send the body as it is, without Content-Encoding");
  }
  const std::string type = MediaType(request.Header("content-type"));
  if (type == "application/json") return DocumentType::kJson;
  if (yaml_allowed && type == "application/yaml") return DocumentType::kYaml;
  return UnsupportedMediaType(
      type.empty() ? "there is no Content-Type" : "the Content-Type is another one",
      yaml_allowed ? "send Content-Type: application/json or application/yaml"
                   : "send Content-Type: application/json");
}

Judged<> SizeOfBody(const http::Request& request, std::size_t limit) {
  if (request.body_too_large || request.body.size() > limit) {
    return TooLarge("the body is larger than " + std::to_string(limit) + " bytes");
  }
  return {};
}

Judged<nlohmann::json> ReadJsonBody(const http::Request& request, std::size_t limit) {
  OR_RETURN_IF_ERROR(TypeOfBody(request, false));
  OR_RETURN_IF_ERROR(SizeOfBody(request, limit));
  auto parsed = ParseJson(request.body, {.bytes = limit});
  if (!parsed) {
    const JsonFault& fault = parsed.error();
    Faults faults = {
        {fault.pointer, fault.code, fault.detail}
    };
    if (fault.code == "too-large") return TooLarge(fault.detail);
    if (IsTextFault(fault.code)) return Malformed(std::move(faults));
    return Invalid(std::move(faults));
  }
  return std::move(*parsed);
}

Judged<> ExpectNoBody(const http::Request& request) {
  if (request.body.empty() && !request.body_too_large) return {};
  OR_ASSIGN(const nlohmann::json document, ReadJsonBody(request));
  if (document.is_object() && document.empty()) return {};
  Faults faults;
  if (document.is_object()) {
    for (const auto& [name, value] : document.items()) {
      if (Enough(faults)) break;
      faults.push_back({PointerTo("", name), "unknown-field", "this request takes no fields"});
    }
  } else {
    faults.push_back({"", "wrong-type", "this request takes no body, or an empty object"});
  }
  return Invalid(std::move(faults));
}

}  // namespace outrigger::model_api
