// SPDX-License-Identifier: Apache-2.0
#include "model_api/context.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "model_api/etag.h"
#include "model_api/problems.h"
#include "model_api/route_table.h"
#include "outrigger/base/json.h"
#include "outrigger/base/text.h"

namespace outrigger::model_api {

Judged<> CheckQuery(const Context& context) {
  std::vector<std::string_view> known;
  for (const QueryParameter& parameter : context.route.query) known.push_back(parameter.name);
  for (const auto& [name, value] : context.request.query) {
    if (std::ranges::find(known, name) != known.end()) continue;
    const auto near = Nearest(name, known);
    return BadQuery("this request has no query parameter of that name",
                    near ? "did you mean " + std::string(*near) : "leave it out");
  }
  return {};
}

Judged<nlohmann::json> ReadBody(Context& context, std::size_t limit) {
  OR_RETURN_IF_ERROR(CheckQuery(context));
  return ReadJsonBody(context.request, limit);
}

Judged<> ReadNoBody(Context& context) {
  OR_RETURN_IF_ERROR(CheckQuery(context));
  return ExpectNoBody(context.request);
}

Judged<bool> DryRun(const Context& context) {
  const auto value = context.request.Query("dryRun");
  if (!value || *value == "false") return false;
  if (*value == "true") return true;
  return BadQuery("dryRun is neither true nor false", "send dryRun=true, or leave it out");
}

Answer ObjectAnswer(int status, const nlohmann::json& document) {
  Answer answer{.status = status, .body = Dump(document)};
  answer.headers.emplace_back("ETag", EtagOf(answer.body));
  return answer;
}

}  // namespace outrigger::model_api
