// SPDX-License-Identifier: Apache-2.0
#include "outrigger/inference/anomaly_detector.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "bytes.h"
#include "outrigger/base/text.h"

namespace outrigger::inference {
namespace {

constexpr std::string_view kMagic = "outrigger-detector 1\n";
constexpr std::size_t kDigest = 64;
constexpr std::size_t kMaxReplay = 1 << 16;
constexpr std::size_t kSlice = 64;  // assets copied at a time
constexpr double kDecades = 10;     // of a return period that make a score of 1
constexpr double kPrecision = 1e6;  // digits beyond are rounding, not meaning

double ScoreOf(double surprise) {
  return std::round(std::clamp(surprise / kDecades, 0.0, 1.0) * kPrecision) / kPrecision;
}

}  // namespace

struct AnomalyDetector::Asset {
  struct Input {
    SeriesModel model;
    double last_surprise = 0;
  };
  struct Given {
    std::int64_t seq = 0;
    Answer answer;
  };

  std::map<std::string, Input, std::less<>> inputs;
  std::optional<std::int64_t> last_seq;
  Answer last;
  int calm_warning = 0;  // rows below the bound where the level falls
  int calm_critical = 0;
  std::vector<Given> given;  // ring, the next to replace at `next`
  std::size_t next = 0;

  void Keep(std::int64_t seq, std::size_t most) {
    if (most == 0) return;
    if (given.size() < most) {
      given.push_back({.seq = seq, .answer = last});
      return;
    }
    given[next] = {.seq = seq, .answer = last};
    next = (next + 1) % given.size();
  }
  const Given* Again(std::int64_t seq) const {
    const auto found = std::ranges::find(given, seq, &Given::seq);
    return found == given.end() ? nullptr : &*found;
  }

  void Save(std::string& bytes) const;
  bool Load(std::string_view& bytes, std::size_t max_inputs);
};

void AnomalyDetector::Asset::Save(std::string& bytes) const {
  Put(bytes, static_cast<std::uint8_t>(last_seq.has_value()), last_seq.value_or(0), last.score,
      static_cast<std::uint8_t>(last.level), calm_warning, calm_critical,
      static_cast<std::uint32_t>(inputs.size()));
  for (const auto& [name, input] : inputs) {
    PutText(bytes, name);
    Put(bytes, input.last_surprise);
    input.model.Save(bytes);
  }
  Put(bytes, static_cast<std::uint32_t>(given.size()));
  for (std::size_t i = 0; i < given.size(); ++i) {  // oldest first
    const Given& answer = given[(next + i) % given.size()];
    Put(bytes, answer.seq, answer.answer.score, static_cast<std::uint8_t>(answer.answer.level));
  }
}

bool AnomalyDetector::Asset::Load(std::string_view& bytes, std::size_t max_inputs) {
  std::uint8_t has_seq = 0;
  std::uint8_t level = 0;
  std::int64_t seq = 0;
  std::uint32_t count = 0;
  if (!Take(bytes, has_seq, seq, last.score, level, calm_warning, calm_critical, count) ||
      level > 2 || count > max_inputs)
    return false;
  if (has_seq != 0) last_seq = seq;
  last.level = static_cast<WarningLevel>(level);
  for (std::uint32_t i = 0; i < count; ++i) {
    std::string name;
    Input input;
    if (!TakeText(bytes, name, kMaxName) || !Take(bytes, input.last_surprise) ||
        !input.model.Load(bytes))
      return false;
    inputs.emplace(std::move(name), std::move(input));
  }
  if (!Take(bytes, count) || count > kMaxReplay) return false;
  for (std::uint32_t i = 0; i < count; ++i) {
    Given answer;
    if (!Take(bytes, answer.seq, answer.answer.score, level) || level > 2) return false;
    answer.answer.level = static_cast<WarningLevel>(level);
    given.push_back(answer);
  }
  return true;
}

std::string_view Name(WarningLevel level) {
  constexpr std::string_view kNames[] = {"NORMAL", "WARNING", "CRITICAL"};
  return kNames[static_cast<std::size_t>(level)];
}

AnomalyDetector::AnomalyDetector(const DetectorOptions& options)
    : options_([&] {
        DetectorOptions settled = options;
        settled.series.clip = options.warning * kDecades;
        settled.replay = std::min(options.replay, kMaxReplay);
        return settled;
      }()) {}
AnomalyDetector::~AnomalyDetector() = default;

AnomalyDetector::Asset& AnomalyDetector::Find(std::string_view asset) {
  if (const auto found = index_.find(asset); found != index_.end()) {
    by_use_.splice(by_use_.begin(), by_use_, found->second);
    return found->second->second;
  }
  while (!by_use_.empty() && by_use_.size() >= options_.max_assets) {
    index_.erase(by_use_.back().first);
    by_use_.pop_back();
  }
  by_use_.emplace_front(std::string(asset), Asset{});
  index_.emplace(by_use_.front().first, by_use_.begin());
  return by_use_.front().second;
}

Answer AnomalyDetector::Judge(const Asset& asset, std::span<const InputValue> values,
                              std::vector<double>& surprises) const {
  Answer answer{.score = 0, .level = asset.last.level};
  for (const InputValue& value : values) {
    const auto input = asset.inputs.find(value.input);
    const double surprise =
        input == asset.inputs.end() ? 0 : input->second.model.Judge(value.value, options_.series);
    surprises.push_back(surprise);
    answer.score = std::max(answer.score, ScoreOf(surprise));
  }
  return answer;
}

void AnomalyDetector::Settle(Asset& asset, double persistent, double score) const {
  asset.calm_warning = score < options_.warning - options_.fall ? asset.calm_warning + 1 : 0;
  asset.calm_critical = score < options_.critical - options_.fall ? asset.calm_critical + 1 : 0;
  WarningLevel& level = asset.last.level;
  if (level == WarningLevel::kCritical && asset.calm_critical >= options_.hold)
    level = WarningLevel::kWarning;
  if (level == WarningLevel::kWarning && asset.calm_warning >= options_.hold)
    level = WarningLevel::kNormal;
  if (persistent >= options_.warning) level = std::max(level, WarningLevel::kWarning);
  if (persistent >= options_.critical) level = WarningLevel::kCritical;
  asset.last.score = score;
}

Answer AnomalyDetector::Score(std::string_view name, std::optional<std::int64_t> seq,
                              std::span<const InputValue> all) {
  std::vector<InputValue> values;
  values.reserve(all.size());
  std::ranges::copy_if(all, std::back_inserter(values),
                       [](const InputValue& value) { return std::isfinite(value.value); });
  const std::lock_guard hold(mutex_);
  Asset& asset = Find(name);
  std::vector<double> surprises;
  surprises.reserve(values.size());
  if (seq && asset.last_seq && *seq <= *asset.last_seq) {
    if (const auto* again = asset.Again(*seq)) return again->answer;
    return values.empty() ? asset.last : Judge(asset, values, surprises);
  }
  if (!values.empty()) {
    const Answer answer = Judge(asset, values, surprises);
    double persistent = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      auto input = asset.inputs.find(values[i].input);
      if (input == asset.inputs.end()) {
        if (asset.inputs.size() >= options_.max_inputs) continue;
        input = asset.inputs.emplace(std::string(values[i].input), Asset::Input{}).first;
      }
      persistent =
          std::max(persistent, ScoreOf(std::min(surprises[i], input->second.last_surprise)));
      input->second.last_surprise = surprises[i];
      input->second.model.Learn(values[i].value, surprises[i], options_.series);
    }
    Settle(asset, persistent, answer.score);
    ++learned_;
  }
  if (seq) {
    asset.last_seq = seq;
    asset.Keep(*seq, options_.replay);
  }
  return asset.last;
}

void AnomalyDetector::Forget(std::string_view asset) {
  const std::lock_guard hold(mutex_);
  const auto found = index_.find(asset);
  if (found == index_.end()) return;
  const auto at = found->second;
  index_.erase(found);
  by_use_.erase(at);
}

void AnomalyDetector::KeepOnly(std::span<const std::string> assets) {
  const std::set<std::string_view> kept(assets.begin(), assets.end());
  const std::lock_guard hold(mutex_);
  for (auto at = by_use_.begin(); at != by_use_.end();) {
    if (kept.contains(at->first)) {
      ++at;
      continue;
    }
    index_.erase(at->first);
    at = by_use_.erase(at);
  }
}

std::size_t AnomalyDetector::assets() const {
  const std::lock_guard hold(mutex_);
  return by_use_.size();
}

std::uint64_t AnomalyDetector::learned() const {
  const std::lock_guard hold(mutex_);
  return learned_;
}

std::string AnomalyDetector::Save() const {
  std::vector<std::string> names;
  {
    const std::lock_guard hold(mutex_);
    for (const auto& entry : by_use_) names.push_back(entry.first);
  }
  std::string bytes;
  for (std::size_t begin = 0; begin < names.size(); begin += kSlice) {
    const std::lock_guard hold(mutex_);
    for (std::size_t i = begin; i < std::min(names.size(), begin + kSlice); ++i) {
      const auto found = index_.find(names[i]);
      if (found == index_.end()) continue;
      PutText(bytes, names[i]);
      found->second->second.Save(bytes);
    }
  }
  return std::string(kMagic) + Sha256Hex(bytes) + bytes;
}

Result<> AnomalyDetector::Load(std::string_view bytes) {
  const Error damaged(ErrorCode::kCorrupt, "the detector's state is damaged");
  if (!bytes.starts_with(kMagic) || bytes.size() < kMagic.size() + kDigest) return damaged;
  bytes.remove_prefix(kMagic.size());
  const std::string_view digest = bytes.substr(0, kDigest);
  bytes.remove_prefix(kDigest);
  if (Sha256Hex(bytes) != digest) return damaged;
  Assets read;
  while (!bytes.empty() && read.size() < options_.max_assets) {
    std::string name;
    Asset asset;
    if (!TakeText(bytes, name, kMaxName) || !asset.Load(bytes, options_.max_inputs)) return damaged;
    if (asset.given.size() > options_.replay) asset.given.clear();
    read.emplace_back(std::move(name), std::move(asset));
  }
  const std::lock_guard hold(mutex_);
  by_use_ = std::move(read);
  index_.clear();
  for (auto at = by_use_.begin(); at != by_use_.end(); ++at) index_.emplace(at->first, at);
  return {};
}

}  // namespace outrigger::inference
