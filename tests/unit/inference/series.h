// SPDX-License-Identifier: Apache-2.0
// Streams of numbers to judge detectors by, and how they do on them.
#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "outrigger/inference/anomaly_detector.h"

namespace outrigger::inference {

using Series = std::vector<double>;

inline std::vector<Answer> Scored(const Series& series, const DetectorOptions& options = {}) {
  AnomalyDetector detector(options);
  std::vector<Answer> answers;
  std::int64_t seq = 0;
  for (const double value : series) {
    const InputValue input{"value", value};
    answers.push_back(detector.Score("machine", ++seq, {&input, 1}));
  }
  return answers;
}

inline bool Warns(const Answer& answer) { return answer.level != WarningLevel::kNormal; }

// Maximal runs of rows with a warning: {first, one past the last}.
inline std::vector<std::pair<std::size_t, std::size_t>> Episodes(
    const std::vector<Answer>& answers) {
  std::vector<std::pair<std::size_t, std::size_t>> episodes;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (!Warns(answers[i])) continue;
    if (episodes.empty() || episodes.back().second != i) episodes.emplace_back(i, i);
    episodes.back().second = i + 1;
  }
  return episodes;
}

// The first row with a warning at or after `from`, or the number of rows.
inline std::size_t FirstWarning(const std::vector<Answer>& answers, std::size_t from = 0) {
  while (from < answers.size() && !Warns(answers[from])) ++from;
  return from;
}

inline Series Make(std::size_t count, const std::function<double(std::size_t)>& value) {
  Series series;
  for (std::size_t i = 0; i < count; ++i) series.push_back(value(i));
  return series;
}

}  // namespace outrigger::inference
