// SPDX-License-Identifier: Apache-2.0
// OutputStore: what models said and what could not be scored, as tables, so that it can be read
// long after the topics forgot it.
//
// Threads:  every method may be called concurrently.
// Durable:  success of Append() means rows and offsets are committed together.
// Lifetime: the Databases must outlive the store.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "outrigger/base/ids.h"
#include "outrigger/base/result.h"
#include "outrigger/store/archive_step.h"
#include "outrigger/store/database.h"

namespace outrigger::store {

// One row of an output record. `identity` and `position` name it for good.
struct OutputRow {
  std::string tenant;
  std::string model;
  std::string asset;
  std::int64_t time = 0;  // Unix ms
  std::string identity;   // the record's ce_id
  int position = 0;       // of the row in its record
  std::string values;     // a JSON object: output -> value
  std::string version;
  std::string digest;
  std::string deployment;
  std::optional<std::pair<std::int64_t, std::int64_t>> window;  // start and end, Unix ms
  std::string request_id;
};

struct DeadLetterRow {
  std::string tenant;
  std::string id;  // the record's ce_id
  std::string model;
  std::string deployment;
  std::string request_id;
  std::string cause;
  std::string detail;
  int tries = 0;
  std::int64_t time = 0;  // Unix ms, arrival
  std::string source;     // topic:partition:offset
  std::string record;
  std::optional<std::string> row;        // its header dead_row
  std::optional<std::string> replay_of;  // the dead letter that it came of
};

struct OutputsQuery {
  struct Place {
    std::int64_t time = 0;
    std::string identity;
    int position = 0;
  };
  TenantId tenant;
  ModelName model;
  std::optional<std::string> asset;
  std::optional<std::int64_t> from;  // inclusive
  std::optional<std::int64_t> to;    // exclusive
  std::optional<Place> after;        // the last row of the page before
  bool descending = false;
  std::size_t limit = 100;
};

class OutputStore : public ArchivePositions {
 public:
  // Writes both kinds of rows (one that is there stays as it is) and moves the offsets by
  // compare-and-set, in one transaction.
  // Errors: kConflict - the offsets are not where `moves` begin: read Positions() and go on from
  // there; kTimeout - in doubt, the same; kUnavailable - nothing was committed; kInvalidArgument -
  // a value the database refuses.
  virtual Result<> Append(std::span<const OutputRow> outputs, std::span<const DeadLetterRow> dead,
                          std::span<const ArchiveMove> moves) = 0;

  // At most `limit` rows, by time. Errors: kUnavailable, kTimeout.
  virtual Result<std::vector<OutputRow>> Outputs(const OutputsQuery& query) = 0;

  // Whether the model exists, in whatever state, or ever said anything.
  virtual Result<bool> KnowsModel(const TenantId& tenant, const ModelName& model) = 0;
};

// `archive` is opened with Access::kArchive, `readers` with Access::kApplication.
std::unique_ptr<OutputStore> MakePostgresOutputs(Database& archive, Database& readers);

}  // namespace outrigger::store
