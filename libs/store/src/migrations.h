// SPDX-License-Identifier: Apache-2.0
// The numbered SQL files of libs/store/migrations, in order.
#pragma once

#include <string_view>
#include <vector>

namespace outrigger::store {

struct Migration {
  std::string_view name;  // "0001_initial.sql"
  std::string_view sql;
};

const std::vector<Migration>& Migrations();

}  // namespace outrigger::store
