// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "model_api/dead_letter_store.h"
#include "model_api/document.h"
#include "model_api/handlers.h"
#include "model_api/model_document.h"
#include "model_api/paging.h"
#include "model_api/problems.h"
#include "outrigger/base/json.h"
#include "outrigger/base/text.h"

namespace outrigger::model_api {
namespace {

using Json = nlohmann::json;

constexpr int kDefaultTail = 100;
constexpr int kMaxTail = 10'000;

Judged<int> TailOf(const http::Request& request) {
  const auto text = request.Query("tail");
  if (!text) return kDefaultTail;
  std::int64_t tail = 0;
  const auto [at, error] = std::from_chars(text->data(), text->data() + text->size(), tail);
  if (error != std::errc() || at != text->data() + text->size()) {
    return BadQuery("tail is no whole number", "tail is 1 to 10000");
  }
  return static_cast<int>(std::clamp<std::int64_t>(tail, 1, kMaxTail));
}

nlohmann::json Lines(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  nlohmann::json lines = nlohmann::json::array();
  if (text.empty()) return lines;
  for (const std::string_view line : Split(text, '\n')) lines.push_back(line);
  return lines;
}

}  // namespace

Judged<Answer> ListStateHistory(Context& context) {
  OR_ASSIGN(const ModelRow model, ExistingModel(context, RowLock::kNone));
  OR_ASSIGN(const Page page, PageOf(context.request));
  OR_ASSIGN(const auto after, AfterNumber(page));
  OR_ASSIGN(const auto changes, context.api.lifecycle.StateHistory(
                                    context.caller.tenant, ModelName(model.name),
                                    static_cast<int>(page.limit) + 1, after.value_or(0)));
  KeyedItems items;
  for (const lifecycle::StateChange& change : changes) {
    Json item = {
        {"from",      nullptr                },
        {"to",        Name(change.to)        },
        {"reason",    change.reason          },
        {"message",   change.message         },
        {"actor",     change.actor           },
        {"operation", nullptr                },
        {"time",      FormatTime(change.time)}
    };
    if (change.from) item["from"] = Name(*change.from);
    if (!change.operation.empty()) item["operation"] = change.operation;
    items.emplace_back(std::to_string(change.seq), std::move(item));
  }
  return Answer{.body = ListBody(page, std::move(items))};
}

Judged<Answer> ListHealthHistory(Context& context) {
  OR_ASSIGN(const ModelRow model, ExistingModel(context, RowLock::kNone));
  OR_ASSIGN(const Page page, PageOf(context.request));
  OR_ASSIGN(const auto after, AfterNumber(page));
  OR_ASSIGN(const auto samples, context.api.lifecycle.HealthHistory(
                                    context.caller.tenant, ModelName(model.name),
                                    static_cast<int>(page.limit) + 1, after.value_or(0)));
  KeyedItems items;
  for (const lifecycle::HealthSample& sample : samples) {
    items.emplace_back(std::to_string(sample.seq), Json{
                                                       {"status",    sample.status          },
                                                       {"detail",    sample.detail          },
                                                       {"latencyMs", sample.latency_ms      },
                                                       {"time",      FormatTime(sample.time)}
    });
  }
  return Answer{.body = ListBody(page, std::move(items))};
}

Judged<Answer> ListDeadLetters(Context& context) {
  OR_ASSIGN(const ModelRow model, ExistingModel(context, RowLock::kNone));
  OR_ASSIGN(const Page page, PageOf(context.request));
  OR_ASSIGN(auto items, DeadLetters(context.transaction, model.name, page));
  return Answer{.body = ListBody(page, std::move(items.rows), items.cut)};
}

Judged<Answer> GetLogs(Context& context) {
  OR_ASSIGN(const ModelRow model, ExistingModel(context, RowLock::kNone));
  OR_ASSIGN(const int tail, TailOf(context.request));
  std::string text;
  if (!model.deployment.empty()) {
    auto logs = context.api.engine.Logs(
        {context.caller.tenant, ModelName(model.name), DeploymentId(model.deployment)}, tail);
    // Not started yet, or gone: there are no lines.
    if (!logs && logs.error().code() != ErrorCode::kNotFound) return logs.error();
    if (logs) text = *std::move(logs);
  }
  return Answer{
      .body = Dump(nlohmann::json{{"lines", Lines(text)}}
        )
  };
}

}  // namespace outrigger::model_api
