// SPDX-License-Identifier: Apache-2.0
// CredentialView: what each token stands for, as the topic `credentials` says.
//
// Threads:  Apply() is called by one thread; Find() may be called concurrently.
// See also: docs/formats/credentials.md
#pragma once

#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "outrigger/http/bearer.h"
#include "outrigger/messaging/record.h"

namespace outrigger::data_collector {

class CredentialView {
 public:
  // Takes in one record of the topic. A broken one takes the token away: nobody may come in by a
  // value that we cannot read.
  void Apply(const messaging::Record& record);
  // `key` as http::TokenKey() makes it.
  std::optional<http::Credential> Find(const std::string& key) const;

 private:
  mutable std::shared_mutex mutex_;
  std::unordered_map<std::string, http::Credential> by_key_;
};

}  // namespace outrigger::data_collector
