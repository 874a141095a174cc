// SPDX-License-Identifier: Apache-2.0
#include "outrigger/inference/series_model.h"

#include <algorithm>
#include <cmath>

#include "bytes.h"

namespace outrigger::inference {
namespace {

constexpr std::size_t kMaxBlocks = 128;  // then neighbours merge, or the oldest is forgotten
constexpr std::size_t kMinBlocks = 16;   // below it nothing is known
constexpr double kQuantile = 0.9;        // of block extremes: where the tail begins
constexpr int kGap = 1;                  // a usual block within an event does not end it
// Until events teach better, an excess is expected to be this part of the usual range, with the
// weight of so many events.
constexpr double kPriorPart = 0.04;
constexpr double kPriorWeight = 12;
// A stream that has swung about its middle only so often has hardly shown its range: until then the
// expected excess grows in proportion.
constexpr double kFewSwings = 10;
constexpr double kSettledPart = 0.5;      // an event that goes on is left out up to this part
constexpr double kResolution = 1e-15;     // differences below this part of a value are rounding
constexpr double kHuge = 1e300;           // leaves room for sums
constexpr std::int64_t kMinChanges = 20;  // a stream that hardly ever moved cannot be stuck
constexpr int kCalmPerUnusual = 4;

// The heights of the events above `threshold`: one for each run of blocks above it.
std::vector<double> Peaks(const double* blocks, std::size_t count, double threshold) {
  std::vector<double> peaks;
  bool open = false;
  int gap = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double excess = blocks[i] - threshold;
    if (excess > 0) {
      if (open) peaks.back() = std::max(peaks.back(), excess);
      if (!open) peaks.push_back(excess);
      open = true;
      gap = 0;
    } else if (open && ++gap > kGap) {
      open = false;
    }
  }
  return peaks;
}

double Quantile(std::vector<double> values) {
  const auto rank =
      static_cast<std::size_t>(std::ceil(kQuantile * static_cast<double>(values.size()) - 1e-9));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

// How often the middles of blocks go from one side of their median to the other.
double Swings(const std::vector<double>& highs, const std::vector<double>& lows) {
  std::vector<double> middles;
  for (std::size_t i = 0; i < highs.size(); ++i) middles.push_back((highs[i] - lows[i]) / 2);
  std::vector<double> sorted = middles;
  std::ranges::sort(sorted);
  const std::size_t half = sorted.size() / 2;
  const double median =
      sorted.size() % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  int side = 0;
  int swings = 0;
  for (const double middle : middles) {
    const int now = middle > median ? 1 : middle < median ? -1 : side;
    if (side != 0 && now != side) ++swings;
    side = now;
  }
  return std::max(1, swings);
}

// Merges neighbours: half as many blocks, twice as long.
void Halve(std::vector<double>& blocks) {
  for (std::size_t i = 0; i < blocks.size() / 2; ++i)
    blocks[i] = std::max(blocks[2 * i], blocks[2 * i + 1]);
  blocks.resize(blocks.size() / 2);
}

}  // namespace

double SeriesModel::Tail::Surprise(double value) const {
  if (value <= threshold || rate <= 0) return 0;
  // A stream that never moved says how seldom it moves, but not how far.
  if (mean <= 0) return std::clamp(-std::log10(rate), 0.0, kMost);
  const double surprise =
      events * std::log10(1 + (value - threshold) / (events * mean)) - std::log10(rate);
  return std::clamp(surprise, 0.0, kMost);
}

double SeriesModel::Tail::Limit(double surprise) const {
  const double exponent = (surprise + std::log10(rate)) / events;
  return exponent <= 0 ? threshold
                       : std::min(kHuge, threshold + events * mean * (std::pow(10, exponent) - 1));
}

double SeriesModel::JudgeRun(double value, const SeriesOptions& options) const {
  if (changes_ < kMinChanges || value != last_) return 0;
  const double longest = static_cast<double>(longest_run_) * options.stuck_factor;
  const double usual = std::max(static_cast<double>(options.stuck_samples), longest);
  const double run = static_cast<double>(equal_run_ + 1);
  // At the limit as unusual as a value at the clip; each doubling adds two decades.
  return run < usual ? 0 : std::min(kMost, options.clip + 2 * std::log2(run / usual));
}

double SeriesModel::Judge(double value, const SeriesOptions& options) const {
  if (samples_ < options.warmup) return 0;
  value = std::clamp(value, -kHuge, kHuge);
  return std::max({upper_.Surprise(value), lower_.Surprise(-value), JudgeRun(value, options)});
}

void SeriesModel::Learn(double value, double surprise, const SeriesOptions& options) {
  value = std::clamp(value, -kHuge, kHuge);
  if (samples_ > 0 && value == last_) {
    ++equal_run_;
  } else {
    // An unusually long run teaches, but not all it could: else each fault hides the next.
    const auto usual = std::max<std::int64_t>(
        options.stuck_samples,
        static_cast<std::int64_t>(static_cast<double>(longest_run_) * options.stuck_factor));
    if (samples_ > 0) longest_run_ = std::max(longest_run_, std::min(equal_run_, usual / 2));
    if (samples_ > 0) ++changes_;
    equal_run_ = 1;
    last_ = value;
  }
  unusual_run_ = surprise >= options.clip
                     ? unusual_run_ + 1
                     : std::max<std::int64_t>(0, unusual_run_ - kCalmPerUnusual);
  double high = value;
  double low = -value;
  if (samples_ >= options.warmup && unusual_run_ < options.patience) {
    if (upper_.mean > 0) high = std::min(high, upper_.Limit(options.clip));
    if (lower_.mean > 0) low = std::min(low, lower_.Limit(options.clip));
  }
  ++samples_;
  block_high_ = block_fill_ == 0 ? high : std::max(block_high_, high);
  block_low_ = block_fill_ == 0 ? low : std::max(block_low_, low);
  if (++block_fill_ >= block_length_) CloseBlock(options);
}

void SeriesModel::CloseBlock(const SeriesOptions& options) {
  highs_.push_back(block_high_);
  lows_.push_back(block_low_);
  block_fill_ = 0;
  if (highs_.size() >= kMaxBlocks) {
    if (block_length_ * static_cast<std::int64_t>(kMaxBlocks) < options.memory) {
      Halve(highs_);
      Halve(lows_);
      block_length_ *= 2;
    } else {
      highs_.erase(highs_.begin());
      lows_.erase(lows_.begin());
    }
  }
  if (highs_.size() >= kMinBlocks) Refit(options);
}

std::size_t SeriesModel::SettledBlocks(const std::vector<double>& blocks, const Tail& before,
                                       const SeriesOptions& options) const {
  const std::size_t count = blocks.size();
  if (before.rate <= 0) return count;
  std::size_t began = count;
  int gap = 0;
  for (std::size_t i = count; i-- > 0 && gap <= kGap;) {
    gap = blocks[i] > before.threshold ? 0 : gap + 1;
    if (gap == 0) began = i;
  }
  const double most =
      std::min(kSettledPart * static_cast<double>(count),
               static_cast<double>(options.patience) / static_cast<double>(block_length_));
  const std::size_t settled = std::max(began, count - static_cast<std::size_t>(most));
  return settled < kMinBlocks ? count : settled;
}

void SeriesModel::Refit(const SeriesOptions& options) {
  const std::size_t upper_count = SettledBlocks(highs_, upper_, options);
  const std::size_t lower_count = SettledBlocks(lows_, lower_, options);
  const auto front = [](const std::vector<double>& blocks, std::size_t count) {
    return std::vector<double>(blocks.begin(), blocks.begin() + static_cast<std::ptrdiff_t>(count));
  };
  const double high = Quantile(front(highs_, upper_count));
  const double low = Quantile(front(lows_, lower_count));
  const double range = high + low;  // low is mirrored
  const double resolution = kResolution * std::max(std::abs(high), std::abs(low));
  const double expected = kPriorPart * range * (1 + kFewSwings / Swings(highs_, lows_));
  const auto fit = [&](const std::vector<double>& blocks, std::size_t count, double threshold) {
    const std::vector<double> peaks = Peaks(blocks.data(), count, threshold);
    const auto events = static_cast<double>(peaks.size());
    // Without a usual range nothing is expected: what was seen is all there is.
    const double weight = range > resolution ? kPriorWeight : 0;
    double sum = weight * expected;
    for (const double peak : peaks) sum += peak;
    const double mean = events + weight > 0 ? sum / (events + weight) : 0;
    return Tail{.threshold = threshold,
                .mean = mean > 0 ? std::max(mean, resolution) : 0,
                .events = events + 1,
                .rate = std::max(events, 1.0) /
                        (static_cast<double>(count) * static_cast<double>(block_length_))};
  };
  upper_ = fit(highs_, upper_count, high);
  lower_ = fit(lows_, lower_count, low);
}

void SeriesModel::Save(std::string& bytes) const {
  Put(bytes, samples_, block_length_, block_fill_, block_high_, block_low_);
  PutNumbers(bytes, highs_);
  PutNumbers(bytes, lows_);
  for (const Tail& tail : {upper_, lower_})
    Put(bytes, tail.threshold, tail.mean, tail.events, tail.rate);
  Put(bytes, unusual_run_, last_, equal_run_, longest_run_, changes_);
}

Result<> SeriesModel::Load(std::string_view& bytes) {
  SeriesModel read;
  bool whole = Take(bytes, read.samples_, read.block_length_, read.block_fill_, read.block_high_,
                    read.block_low_) &&
               TakeNumbers(bytes, read.highs_, kMaxBlocks) &&
               TakeNumbers(bytes, read.lows_, kMaxBlocks);
  for (Tail* tail : {&read.upper_, &read.lower_})
    whole = whole && Take(bytes, tail->threshold, tail->mean, tail->events, tail->rate);
  whole = whole && Take(bytes, read.unusual_run_, read.last_, read.equal_run_, read.longest_run_,
                        read.changes_);
  if (!whole || read.highs_.size() != read.lows_.size() || read.block_length_ < 1 ||
      read.block_fill_ < 0 || read.block_fill_ >= read.block_length_ || read.samples_ < 0)
    return Error(ErrorCode::kCorrupt, "a series' state is damaged");
  *this = std::move(read);
  return {};
}

}  // namespace outrigger::inference
