// SPDX-License-Identifier: Apache-2.0
// The statements that read history, as pure functions, so that each can be read and tested without
// a database.
//
// Threads: pure functions.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "outrigger/store/database.h"
#include "outrigger/store/history.h"

namespace outrigger::store {

struct Statement {
  std::string sql;
  std::vector<Param> params;
};

// Columns: time, number, text, flag.
Statement PointsStatement(const PointsQuery& query);

// Columns: interval's start, number, text, flag, rows touched in all. Touches at most max_rows + 1.
// Requires: interval > 0.
Statement AggregateStatement(const AggregateQuery& query);

// The rows an aggregate would touch, for EXPLAIN.
Statement TouchedStatement(const AggregateQuery& query);

// A PostgreSQL array literal of text elements; nullopt is NULL.
std::string ArrayLiteral(std::span<const std::optional<std::string>> elements);

}  // namespace outrigger::store
