// SPDX-License-Identifier: Apache-2.0
// AnomalyDetector: a score in 0..1 and a warning level for every row of every asset, learned
// online, so that a machine can be watched without a trained model.
//
// The score of a row is that of its most unusual input (series_model.h): 0.1 for each decade of its
// return period, so 0.5 is "once in 100,000 samples". A level rises when two rows in a row reach
// its bound, so that a lone spike scores but does not warn, and falls after `hold` rows below the
// bound of its fall.
//
// Threads:  every method may be called concurrently.
// Durable:  nothing; Save() gives all of it as bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "outrigger/base/result.h"
#include "outrigger/inference/series_model.h"

namespace outrigger::inference {

enum class WarningLevel : std::uint8_t { kNormal, kWarning, kCritical };
std::string_view Name(WarningLevel level);  // NORMAL, WARNING, CRITICAL

struct DetectorOptions {
  SeriesOptions series;             // clip is set to the bound of WARNING
  double warning = 0.5;             // score from which on it is WARNING
  double critical = 0.7;            // … CRITICAL
  double fall = 0.1;                // a level ends this much below its bound …
  int hold = 16;                    // … for so many rows
  std::size_t replay = 64;          // answers an asset keeps, to give them again
  std::size_t max_assets = 20'000;  // beyond it the asset not heard of for longest is forgotten
  std::size_t max_inputs = 256;     // of an asset
};

// One value of one row; a value that is missing or no number is left out.
struct InputValue {
  std::string_view input;
  double value = 0;
};

struct Answer {
  double score = 0;
  WarningLevel level = WarningLevel::kNormal;
};

class AnomalyDetector {
 public:
  static constexpr std::size_t kMaxName = 4096;  // bytes of an asset's or an input's name

  explicit AnomalyDetector(const DetectorOptions& options);
  ~AnomalyDetector();

  // Judges a row and learns it. `seq` names the row for good and grows by asset: a row seen again
  // is not learned again, and gets the answer it got where that is still known. Values that are not
  // finite are left out; a row without values repeats the last answer.
  Answer Score(std::string_view asset, std::optional<std::int64_t> seq,
               std::span<const InputValue> values);

  // Forgets an asset. Idempotent.
  void Forget(std::string_view asset);
  // Forgets every asset but these.
  void KeepOnly(std::span<const std::string> assets);
  std::size_t assets() const;
  // Grows with every row that was learned.
  std::uint64_t learned() const;

  // All that was learned. Waits for no caller longer than it takes to copy a few assets.
  std::string Save() const;
  // Replaces all by what Save() gave. Errors: kCorrupt - nothing was changed.
  Result<> Load(std::string_view bytes);

 private:
  struct Asset;
  // A list in order of last use, and where each is in it.
  using Assets = std::list<std::pair<std::string, Asset>>;

  Asset& Find(std::string_view asset);  // mutex_ held
  Answer Judge(const Asset& asset, std::span<const InputValue> values,
               std::vector<double>& surprises) const;
  void Settle(Asset& asset, double persistent, double score) const;

  const DetectorOptions options_;
  mutable std::mutex mutex_;
  Assets by_use_;                                                 // under mutex_; most recent first
  std::unordered_map<std::string_view, Assets::iterator> index_;  // under mutex_
  std::uint64_t learned_ = 0;                                     // under mutex_
};

}  // namespace outrigger::inference
