// SPDX-License-Identifier: Apache-2.0
#include "data_pusher/queries.h"

#include <algorithm>
#include <map>
#include <utility>

#include "data_pusher/caller.h"
#include "data_pusher/cursor.h"
#include "data_pusher/page.h"
#include "data_pusher/query_answers.h"
#include "data_pusher/query_parameters.h"
#include "outrigger/http/problem.h"

namespace outrigger::data_pusher {
namespace {

constexpr std::chrono::milliseconds kReadDeadline{1'000};

std::size_t SizeOf(const store::HistoryValue& value) {
  constexpr std::size_t kNumber = 40;  // with its time
  const std::string* text = std::get_if<std::string>(&value);
  return kNumber + (text == nullptr ? 0 : text->size());
}

std::size_t SizeOfPoint(const store::AggregatePoint& point) {
  return point.value ? SizeOf(*point.value) : SizeOf(false);
}

std::size_t SizeOfOutput(const store::OutputRow& row) {
  return 200 + row.values.size() + row.asset.size() + row.version.size() + row.digest.size() +
         row.deployment.size() + row.request_id.size();
}

http::Response AnswerOf(const Page<store::AggregatePoint>& page, const http::Request& request) {
  std::optional<std::string> next;
  if (page.more) next = PointCursor(page.rows.back().time);
  return PointsAnswer(page.rows, next, request.Query("format") == "csv");
}

// from, to, order, limit and continue, as every history query has them.
void ReadSpan(QueryParameters& parameters, store::PointsQuery& query) {
  query.from = parameters.Time("from");
  query.to = parameters.Time("to");
  query.descending = parameters.Descending();
  query.limit = parameters.Limit();
  if (query.from && query.to && *query.from > *query.to) {
    parameters.Fault("from", "not-allowed", "from is after to");
  }
  if (const auto text = parameters.Text("continue"); text && !text->empty()) {
    const Result<std::int64_t> after = ParsePointCursor(*text);
    if (after) {
      query.after = *after;
    } else {
      parameters.Fault("continue", "bad-continue", after.error().message());
    }
  }
}

}  // namespace

void Queries::AddTo(http::Router& router) {
  const auto add = [&](const char* pattern, Answer answer) {
    router.BlockingRoute("GET", pattern, [this, answer](const http::Request& request) {
      return Guarded(request, answer);
    });
  };
  add("/api/v1/assets/{id}/latest", &Queries::Latest);
  add("/api/v1/assets/{id}/telemetry/{name}", &Queries::Telemetry);
  add("/api/v1/models/{name}/outputs", &Queries::Outputs);
}

http::Response Queries::Guarded(const http::Request& request, Answer answer) {
  auto credential = Viewer(request, parts_.credentials, parts_.clock);
  if (!credential) return std::move(credential.error());
  return (this->*answer)(request, TenantId(credential->tenant));
}

Result<Queries::Defined> Queries::DefinedOf(const TenantId& tenant, std::string_view asset,
                                            std::string_view telemetry) {
  const auto look = [&] {
    const SnapshotPtr catalog = parts_.catalog.Snapshot();
    Defined defined;
    if (const auto* found = catalog->assets.Find(CatalogKey(tenant.str(), asset))) {
      defined.asset = true;
      defined.telemetry = catalog->KindOf(tenant.str(), **found, telemetry);
    }
    return defined;
  };
  const Defined known = look();
  if (known.asset && (telemetry.empty() || known.telemetry)) return known;
  if (const Result<> read = parts_.catalog.ReadToEnd(kReadDeadline); !read) {
    return Error(ErrorCode::kUnavailable, read.error().message());
  }
  return look();
}

http::Response Queries::Latest(const http::Request& request, const TenantId& tenant) {
  const AssetId asset{std::string(request.Param("id"))};
  const Result<Defined> defined = DefinedOf(tenant, asset.str(), "");
  if (!defined) return FailureOf(defined.error());
  if (!defined->asset) return http::NotFound();
  std::map<std::string, store::Point, std::less<>> values;
  const auto hot = parts_.hot.Find(tenant.str(), asset.str());
  const auto stored = parts_.history.Latest(tenant, asset);
  if (!stored && !hot) return FailureOf(stored.error());
  if (stored) {
    for (const store::LatestValue& value : *stored) values[value.telemetry] = value.point;
  }
  if (hot) {
    for (const auto& [telemetry, entry] : *hot) {
      const auto known = values.find(telemetry);
      if (known == values.end() || known->second.time <= entry.point.time) {
        values[telemetry] = entry.point;
      }
    }
  }
  return LatestAnswer(asset.str(), values);
}

void Queries::LeaveOutOld(store::PointsQuery& query) const {
  const auto kept = parts_.catalog.Snapshot()->KeptFrom(query.tenant.str(), parts_.clock.WallMs());
  if (kept) query.from = std::max(query.from.value_or(*kept), *kept);
}

http::Response Queries::Telemetry(const http::Request& request, const TenantId& tenant) {
  store::PointsQuery query;
  query.tenant = tenant;
  query.asset = AssetId(std::string(request.Param("id")));
  query.telemetry = request.Param("name");
  const Result<Defined> defined = DefinedOf(tenant, query.asset.str(), query.telemetry);
  if (!defined) return FailureOf(defined.error());
  if (!defined->asset) return http::NotFound();
  if (!defined->telemetry) {
    if (!IsTelemetryName(query.telemetry)) return http::NotFound();
    // It may have been defined once: its history stays.
    store::PointsQuery any = query;
    any.limit = 1;
    LeaveOutOld(any);
    const auto points = parts_.history.Points(any);
    if (!points) return FailureOf(points.error());
    if (points->empty()) return http::NotFound();
  }
  QueryParameters parameters(request);
  ReadSpan(parameters, query);
  LeaveOutOld(query);
  parameters.OneOf("format", {"json", "csv"});
  const auto aggregate = parameters.OneOf(
      "aggregate", {"avg", "min", "max", "sum", "count", "first", "last", "stddev"});
  const auto interval = parameters.PositiveMs("interval");
  store::AggregateQuery aggregates{query};
  if (aggregate) {
    aggregates.aggregate = *store::AggregateFrom(*aggregate);
    aggregates.max_rows = max_rows_;
    aggregates.interval = interval.value_or(aggregates.interval);
    if (!request.Query("interval")) {
      parameters.Fault("interval", "missing", "an aggregate needs an interval in milliseconds");
    }
    const bool numbers = !defined->telemetry || *defined->telemetry == ValueKind::kNumber;
    if (!numbers && store::NeedsNumbers(aggregates.aggregate)) {
      parameters.Fault("aggregate", "not-allowed",
                       "only count, first and last, because the telemetry holds no numbers");
    }
  }
  if (auto refusal = parameters.Refusal()) return *std::move(refusal);
  return aggregate ? Aggregates(request, std::move(aggregates)) : Points(request, std::move(query));
}

http::Response Queries::Points(const http::Request& request, store::PointsQuery query) {
  using Rows = std::vector<store::AggregatePoint>;
  const auto read = [&](const store::AggregatePoint* last, std::size_t count) -> Result<Rows> {
    if (last != nullptr) query.after = last->time;
    query.limit = count;
    OR_ASSIGN(std::vector<store::Point> found, parts_.history.Points(query));
    Rows rows;
    rows.reserve(found.size());
    for (store::Point& point : found) rows.push_back({point.time, std::move(point.value)});
    return rows;
  };
  const auto page = ReadPage<store::AggregatePoint>({.rows = query.limit}, read, SizeOfPoint);
  if (!page) return FailureOf(page.error());
  return AnswerOf(*page, request);
}

http::Response Queries::Aggregates(const http::Request& request, store::AggregateQuery query) {
  using Rows = std::vector<store::AggregatePoint>;
  std::optional<std::int64_t> too_much;
  const auto read = [&](const store::AggregatePoint* last, std::size_t count) -> Result<Rows> {
    if (last != nullptr) query.points.after = last->time;
    query.points.limit = count;
    OR_ASSIGN(store::Aggregated found, parts_.history.Aggregates(query));
    if (found.too_much) too_much = found.too_much;
    return std::move(found.points);
  };
  PageLimits limits{.rows = query.points.limit};
  const bool may_be_text =
      query.aggregate == store::Aggregate::kFirst || query.aggregate == store::Aggregate::kLast;
  if (!may_be_text) limits.first_step = limits.rows + 1;
  const auto page = ReadPage<store::AggregatePoint>(limits, read, SizeOfPoint);
  if (!page) return FailureOf(page.error());
  if (too_much) {
    http::Problem problem;
    problem.status = 422;
    problem.code = "too-much";
    problem.detail = "the query would read about " + std::to_string(*too_much) +
                     " values, at most " + std::to_string(query.max_rows) + " are allowed";
    problem.hint = "ask for a shorter span";
    return http::ToResponse(problem);
  }
  return AnswerOf(*page, request);
}

Result<bool> Queries::ModelIsKnown(const TenantId& tenant, const std::string& model) {
  const std::string key = CatalogKey(tenant.str(), model);
  if (parts_.catalog.Snapshot()->routes_of_model.Find(key) != nullptr) return true;
  OR_ASSIGN(const bool there, parts_.outputs.KnowsModel(tenant, ModelName(model)));
  if (there) return true;
  if (const Result<> read = parts_.catalog.ReadToEnd(kReadDeadline); !read) {
    return Error(ErrorCode::kUnavailable, read.error().message());
  }
  return parts_.catalog.Snapshot()->routes_of_model.Find(key) != nullptr;
}

http::Response Queries::Outputs(const http::Request& request, const TenantId& tenant) {
  store::OutputsQuery query;
  query.tenant = tenant;
  query.model = ModelName(std::string(request.Param("name")));
  if (!IsLabel(query.model.str())) return http::NotFound();
  const Result<bool> known = ModelIsKnown(tenant, query.model.str());
  if (!known) return FailureOf(known.error());
  if (!*known) return http::NotFound();
  QueryParameters parameters(request);
  query.from = parameters.Time("from");
  query.to = parameters.Time("to");
  query.descending = parameters.Descending();
  const std::size_t limit = parameters.Limit();
  if (const auto asset = parameters.Text("asset")) {
    query.asset = std::string(*asset);
    if (!IsAssetId(*asset)) parameters.Fault("asset", "not-allowed", "no id of an asset");
  }
  if (query.from && query.to && *query.from > *query.to) {
    parameters.Fault("from", "not-allowed", "from is after to");
  }
  if (const auto text = parameters.Text("continue"); text && !text->empty()) {
    Result<store::OutputsQuery::Place> after = ParseOutputCursor(*text);
    if (after) {
      query.after = *std::move(after);
    } else {
      parameters.Fault("continue", "bad-continue", after.error().message());
    }
  }
  if (auto refusal = parameters.Refusal()) return *std::move(refusal);
  const auto read = [&](const store::OutputRow* last, std::size_t count) {
    if (last != nullptr) query.after = {last->time, last->identity, last->position};
    query.limit = count;
    return parts_.outputs.Outputs(query);
  };
  const auto page = ReadPage<store::OutputRow>({.rows = limit}, read, SizeOfOutput);
  if (!page) return FailureOf(page.error());
  std::optional<std::string> next;
  if (page->more) next = OutputCursor(page->rows.back());
  return OutputsAnswer(page->rows, next);
}

}  // namespace outrigger::data_pusher
