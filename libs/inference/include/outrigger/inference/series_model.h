// SPDX-License-Identifier: Apache-2.0
// SeriesModel: what is usual for one stream of numbers, learned as it comes, so that the unusual
// can be told without knowing unit, scale or sampling rate.
//
// Method: peaks over threshold. The stream is cut into blocks, of which only the highest and lowest
// values are kept; neighbouring blocks are merged as the stream grows, so that a fixed number
// covers the whole memory at any sampling rate. On each side, the peaks of what lies above the 90 %
// quantile of block extremes are counted as independent events (runs declustering: S. Coles, An
// Introduction to Statistical Modeling of Extreme Values, 2001, ch. 5.3; as a stream detector: A.
// Siffer et al., Anomaly Detection in Streams with Extreme Value Theory, KDD 2017). Their excesses
// are taken as exponential with unknown mean (wider while the stream has hardly swung about its
// middle); the predictive tail (Lomax) is heavy while few events were seen, so that little
// experience makes no alarms. The answer is a return period: once in how many samples. A value that
// stays exactly the same far longer than ever before is unusual too.
//
// Scaling, shifting and mirroring the stream change nothing but rounding.
//
// Threads:  plain value: one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "outrigger/base/result.h"

namespace outrigger::inference {

struct SeriesOptions {
  std::int64_t warmup = 100;    // samples before the first judgement
  std::int64_t memory = 8'192;  // samples that count; older ones are forgotten
  // log10 of the return period from which on a value is learned only up to that limit.
  double clip = 5.0;
  // Samples after which what lasts is the new normal.
  std::int64_t patience = 512;
  // A run of equal values is unusual from this length, and from `stuck_factor` times the longest.
  std::int64_t stuck_samples = 12;
  double stuck_factor = 4;
};

class SeriesModel {
 public:
  // log10 of the return period of `value` in samples, 0 where it is usual or nothing is known yet;
  // at most kMost. Changes nothing.
  // Requires: `value` is finite.
  double Judge(double value, const SeriesOptions& options) const;
  // Learns `value`, judged as `surprise`.
  void Learn(double value, double surprise, const SeriesOptions& options);

  static constexpr double kMost = 99;

  // Appends the model's state; Load() takes it from the front of `bytes`. Errors: kCorrupt.
  void Save(std::string& bytes) const;
  Result<> Load(std::string_view& bytes);

 private:
  // Beyond `threshold`, excesses have mean `mean`, known from `events` events that come `rate`
  // times a sample.
  struct Tail {
    double threshold = 0;
    double mean = 0;
    double events = 0;
    double rate = 0;
    double Surprise(double value) const;
    double Limit(double surprise) const;  // the value that surprises so
  };

  void CloseBlock(const SeriesOptions& options);
  void Refit(const SeriesOptions& options);
  // How many of `blocks` to judge by: all but an event that goes on.
  std::size_t SettledBlocks(const std::vector<double>& blocks, const Tail& before,
                            const SeriesOptions& options) const;
  double JudgeRun(double value, const SeriesOptions& options) const;

  std::int64_t samples_ = 0;
  std::int64_t block_length_ = 4;
  std::int64_t block_fill_ = 0;
  double block_high_ = 0;
  double block_low_ = 0;       // mirrored, as all of the lower side: -minimum
  std::vector<double> highs_;  // one a block, oldest first
  std::vector<double> lows_;
  Tail upper_;
  Tail lower_;
  std::int64_t unusual_run_ = 0;

  double last_ = 0;
  std::int64_t equal_run_ = 0;  // samples equal to the last one, itself included
  std::int64_t longest_run_ = 1;
  std::int64_t changes_ = 0;
};

}  // namespace outrigger::inference
