// SPDX-License-Identifier: Apache-2.0
#include "outrigger/store/history_sql.h"

#include <algorithm>
#include <array>
#include <utility>

namespace outrigger::store {
namespace {

constexpr std::array<std::pair<std::string_view, Aggregate>, 8> kAggregates = {
    {
     {"avg", Aggregate::kAvg},
     {"min", Aggregate::kMin},
     {"max", Aggregate::kMax},
     {"sum", Aggregate::kSum},
     {"count", Aggregate::kCount},
     {"first", Aggregate::kFirst},
     {"last", Aggregate::kLast},
     {"stddev", Aggregate::kStddev},
     }
};

// " AND time >= $4 …" for whatever bounds there are.
class Where {
 public:
  explicit Where(const PointsQuery& query)
      : text_(" WHERE tenant = $1 AND asset = $2 AND telemetry = $3"),
        params_{query.tenant, query.asset, query.telemetry} {}

  void And(std::string_view comparison, std::optional<std::int64_t> bound) {
    if (!bound) return;
    text_ += " AND time ";
    text_ += comparison;
    text_ += ' ' + Bind(*bound) + "::bigint";
  }
  std::string Bind(std::int64_t value) {
    params_.emplace_back(value);
    return '$' + std::to_string(params_.size());
  }
  const std::string& text() const { return text_; }
  std::vector<Param> TakeParams() { return std::move(params_); }

 private:
  std::string text_;
  std::vector<Param> params_;
};

// A page of intervals goes on behind the last one: at the next interval, or before its start.
Where WhereOf(const AggregateQuery& query) {
  const PointsQuery& points = query.points;
  Where where(points);
  where.And(">=", points.from);
  where.And("<", points.to);
  if (points.after) {
    if (points.descending) {
      where.And("<", points.after);
    } else {
      std::int64_t next = 0;
      if (__builtin_add_overflow(*points.after, query.interval, &next)) next = INT64_MAX;
      where.And(">=", next);
    }
  }
  return where;
}

std::string_view NumberOf(Aggregate aggregate) {
  switch (aggregate) {
    case Aggregate::kAvg:
      return "avg(number)";
    case Aggregate::kMin:
      return "min(number)";
    case Aggregate::kMax:
      return "max(number)";
    case Aggregate::kSum:
      return "sum(number)";
    case Aggregate::kStddev:
      return "stddev_samp(number)";
    default:
      return "count(*)::double precision";
  }
}

}  // namespace

std::optional<Aggregate> AggregateFrom(std::string_view name) {
  const auto* found =
      std::ranges::find(kAggregates, name, &decltype(kAggregates)::value_type::first);
  if (found == kAggregates.end()) return std::nullopt;
  return found->second;
}

bool NeedsNumbers(Aggregate aggregate) {
  return aggregate != Aggregate::kCount && aggregate != Aggregate::kFirst &&
         aggregate != Aggregate::kLast;
}

Statement PointsStatement(const PointsQuery& query) {
  Where where(query);
  where.And(">=", query.from);
  where.And("<", query.to);
  where.And(query.descending ? "<" : ">", query.after);
  const std::string limit = where.Bind(static_cast<std::int64_t>(query.limit));
  std::string sql = "SELECT time, number, text, flag FROM telemetry_history" + where.text() +
                    " ORDER BY time " + (query.descending ? "DESC" : "ASC") + " LIMIT " + limit +
                    "::bigint";
  return {std::move(sql), where.TakeParams()};
}

Statement AggregateStatement(const AggregateQuery& query) {
  Where where = WhereOf(query);
  const std::string interval = where.Bind(query.interval) + "::bigint";
  const std::string bound = where.Bind(query.max_rows + 1) + "::bigint";
  const std::string limit = where.Bind(static_cast<std::int64_t>(query.points.limit)) + "::bigint";
  // The remainder is made positive, so that an interval before 1970 begins at its lower end too.
  const std::string rows = "(SELECT time - ((time % " + interval + ") + " + interval + ") % " +
                           interval +
                           " AS bucket, time, number, text, flag FROM telemetry_history" +
                           where.text() + " LIMIT " + bound + ") AS touched";
  std::string sql;
  if (query.aggregate == Aggregate::kFirst || query.aggregate == Aggregate::kLast) {
    sql =
        "SELECT * FROM (SELECT DISTINCT ON (bucket) bucket, number, text, flag, count(*) OVER () "
        "FROM " +
        rows + " ORDER BY bucket, time " + (query.aggregate == Aggregate::kFirst ? "ASC" : "DESC") +
        ") AS ends";
  } else {
    sql = "SELECT bucket, " + std::string(NumberOf(query.aggregate)) +
          ", NULL::text, NULL::boolean, (sum(count(*)) OVER ())::bigint FROM " + rows +
          " GROUP BY bucket";
  }
  sql += std::string(" ORDER BY bucket ") + (query.points.descending ? "DESC" : "ASC") + " LIMIT " +
         limit;
  return {std::move(sql), where.TakeParams()};
}

Statement TouchedStatement(const AggregateQuery& query) {
  Where where = WhereOf(query);
  return {"SELECT 1 FROM telemetry_history" + where.text(), where.TakeParams()};
}

std::string ArrayLiteral(std::span<const std::optional<std::string>> elements) {
  std::string text = "{";
  for (const std::optional<std::string>& element : elements) {
    if (text.size() > 1) text += ',';
    if (!element) {
      text += "NULL";
      continue;
    }
    text += '"';
    for (const char c : *element) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
    text += '"';
  }
  text += '}';
  return text;
}

}  // namespace outrigger::store
