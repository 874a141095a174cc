// SPDX-License-Identifier: Apache-2.0
#include "model_api/idempotency.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "model_api/idempotency_store.h"
#include "model_api/problems.h"
#include "model_api/route_table.h"
#include "outrigger/base/json.h"
#include "outrigger/base/text.h"

namespace outrigger::model_api {
namespace {

constexpr std::size_t kMaxKey = 255;

bool IsKey(std::string_view key) {
  return key.size() <= kMaxKey &&
         std::ranges::all_of(key, [](char c) { return c > ' ' && c < '\x7f'; });
}

std::string Key(const Context& context) {
  return std::string(context.request.Header("idempotency-key"));
}

// Which request it was: method, path and query as they came.
std::string RouteOf(const Context& context) {
  std::string route = context.request.method + " " + context.request.path;
  for (const auto& [name, value] : context.request.query) route += "&" + name + "=" + value;
  return Sha256Hex(route);
}

// Salted, so that the digest of a small body with a password in it cannot be guessed.
std::string BodyHash(const Context& context) {
  return Sha256Hex(context.api.digest_salt + Sha256Hex(context.request.Header("content-type")) +
                   Sha256Hex(context.request.body));
}

std::string ToText(const Answer& answer) {
  nlohmann::json headers = nlohmann::json::array();
  for (const auto& [name, value] : answer.headers) headers.push_back({name, value});
  return Dump({
      {"body",    answer.body     },
      {"headers", headers         },
      {"outbox",  answer.outbox_id}
  });
}

Answer FromText(int status, const std::string& text) {
  const nlohmann::json kept = nlohmann::json::parse(text, nullptr, false);
  Answer answer{.status = status, .body = kept.value("body", "")};
  answer.outbox_id = kept.value("outbox", std::int64_t{0});
  for (const auto& header : kept.value("headers", nlohmann::json::array())) {
    answer.headers.emplace_back(header.at(0).get<std::string>(), header.at(1).get<std::string>());
  }
  return answer;
}

http::Problem KeyProblem(int status, std::string code, std::string detail, std::string hint) {
  http::Problem problem;
  problem.status = status;
  problem.code = std::move(code);
  problem.title = "Idempotency-Key";
  problem.detail = std::move(detail);
  problem.hint = std::move(hint);
  return problem;
}

}  // namespace

Judged<std::optional<Answer>> FindEarlierAnswer(Context& context) {
  const std::string key = Key(context);
  if (!IsKey(key)) {
    return BadQuery("Idempotency-Key is 1 to 255 printable ASCII characters without blanks",
                    "send another key, a UUID for example, or none");
  }
  OR_ASSIGN(const bool mine, TryLockKey(context.transaction, context.caller.tenant, key));
  if (!mine) {
    auto problem = KeyProblem(409, "idempotency-running", "the request with this key still runs",
                              "wait, then send it again: it gets that request's answer");
    problem.headers.emplace_back("Retry-After", "1");
    return problem;
  }
  OR_ASSIGN(const auto kept, FindKept(context.transaction, key, kAnswersKept));
  if (!kept) return std::optional<Answer>();
  if (kept->route != RouteOf(context) || kept->body_hash != BodyHash(context)) {
    return KeyProblem(422, "idempotency-reused", "the key was used for another request",
                      "send a new request under a new key; a repeat must be equal to the first");
  }
  return std::optional<Answer>(FromText(kept->status, kept->response));
}

Judged<> KeepAnswer(Context& context, const Answer& answer) {
  OR_RETURN_IF_ERROR(Keep(context.transaction, context.caller.tenant, Key(context),
                          {RouteOf(context), BodyHash(context), answer.status, ToText(answer)}));
  return {};
}

Result<> ForgetOldAnswers(store::Database& worker) {
  return worker.Run(std::nullopt, [](store::Transaction& transaction) {
    return ForgetKept(transaction, kAnswersKept);
  });
}

}  // namespace outrigger::model_api
