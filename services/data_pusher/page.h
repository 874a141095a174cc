// SPDX-License-Identifier: Apache-2.0
// ReadPage: one page of an answer, read in steps, so that rows of a megabyte each neither fill the
// memory nor make an answer that nobody can take.
//
// Threads: pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "outrigger/base/result.h"

namespace outrigger::data_pusher {

struct PageLimits {
  std::size_t rows = 100;
  std::size_t bytes = 8 << 20;  // a page ends with the row that reaches it
  std::size_t first_step = 101;
};

template <typename Row>
struct Page {
  std::vector<Row> rows;
  bool more = false;
};

// `read(last, count)` returns at most `count` rows behind `last` (null: from the beginning);
// `size_of(row)` says what a row adds to an answer.
// Errors: those of `read`.
template <typename Row, typename Read, typename SizeOf>
Result<Page<Row>> ReadPage(const PageLimits& limits, Read read, SizeOf size_of) {
  Page<Row> page;
  std::size_t bytes = 0;
  std::size_t step = std::min(limits.rows + 1, limits.first_step);
  for (;;) {
    const Row* last = page.rows.empty() ? nullptr : &page.rows.back();
    OR_ASSIGN(std::vector<Row> rows, read(last, step));
    for (Row& row : rows) {
      if (page.rows.size() >= limits.rows || bytes >= limits.bytes) {
        page.more = true;
        return page;
      }
      bytes += size_of(row);
      page.rows.push_back(std::move(row));
    }
    if (rows.size() < step) return page;
    // As many as would fit if they were like those before, and one that tells whether there is
    // more.
    const std::size_t fit =
        bytes >= limits.bytes ? 0 : (limits.bytes - bytes) / (bytes / page.rows.size() + 1);
    step = std::min(limits.rows - page.rows.size(), fit) + 1;
  }
}

}  // namespace outrigger::data_pusher
