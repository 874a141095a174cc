// SPDX-License-Identifier: Apache-2.0
#include "outrigger/base/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <mutex>
#include <sstream>

#include "outrigger/base/result.h"

namespace outrigger {
namespace {

struct CounterSeries final : Counter {
  explicit CounterSeries(prometheus::Counter& of) : series(&of) {}
  void Add(double by) override { series->Increment(by); }
  double Value() const override { return series->Value(); }
  prometheus::Counter* series;
};

struct GaugeSeries final : Gauge {
  explicit GaugeSeries(prometheus::Gauge& of) : series(&of) {}
  void Set(double value) override { series->Set(value); }
  void Add(double by) override { series->Increment(by); }
  double Value() const override { return series->Value(); }
  prometheus::Gauge* series;
};

struct HistogramSeries final : Histogram {
  explicit HistogramSeries(prometheus::Histogram& of) : series(&of) {}
  void Observe(double value) override { series->Observe(value); }
  prometheus::Histogram* series;
};

// The families of one kind and the series handed out.
template <typename Raw, typename Series>
struct Kind {
  struct Entry {
    std::unique_ptr<Series> series;
    prometheus::Family<Raw>* family;
  };
  std::map<std::string, prometheus::Family<Raw>*> families;
  std::map<std::pair<std::string, Labels>, Entry> series;

  template <typename Builder, typename... Args>
  Series& Get(prometheus::Registry& registry, Builder builder, const std::string& name,
              const std::string& help, const Labels& labels, Args&&... args) {
    if (const auto found = series.find({name, labels}); found != series.end())
      return *found->second.series;
    auto& family = families[name];
    if (!family) family = &builder.Name(name).Help(help).Register(registry);
    auto& raw = family->Add(labels, std::forward<Args>(args)...);
    return *series.emplace(std::pair{name, labels}, Entry{std::make_unique<Series>(raw), family})
                .first->second.series;
  }

  void Drop(const std::string& label, const std::string& value) {
    std::erase_if(series, [&](const auto& item) {
      const auto found = item.first.second.find(label);
      if (found == item.first.second.end() || found->second != value) return false;
      item.second.family->Remove(item.second.series->series);
      return true;
    });
  }
};

}  // namespace

struct Metrics::State {
  mutable std::mutex mutex;
  prometheus::Registry registry{prometheus::Registry::InsertBehavior::Merge};
  Kind<prometheus::Counter, CounterSeries> counters;
  Kind<prometheus::Gauge, GaugeSeries> gauges;
  Kind<prometheus::Histogram, HistogramSeries> histograms;
};

Metrics::Metrics() : state_(std::make_unique<State>()) {}
Metrics::~Metrics() = default;

Counter& Metrics::GetCounter(const std::string& name, const std::string& help,
                             const Labels& labels) {
  const std::lock_guard lock(state_->mutex);
  return state_->counters.Get(state_->registry, prometheus::BuildCounter(), name, help, labels);
}

Gauge& Metrics::GetGauge(const std::string& name, const std::string& help, const Labels& labels) {
  const std::lock_guard lock(state_->mutex);
  return state_->gauges.Get(state_->registry, prometheus::BuildGauge(), name, help, labels);
}

Histogram& Metrics::GetHistogram(const std::string& name, const std::string& help,
                                 const std::vector<double>& buckets, const Labels& labels) {
  const std::lock_guard lock(state_->mutex);
  return state_->histograms.Get(state_->registry, prometheus::BuildHistogram(), name, help, labels,
                                buckets);
}

void Metrics::DropSeries(const std::string& label, const std::string& value) {
  const std::lock_guard lock(state_->mutex);
  state_->counters.Drop(label, value);
  state_->gauges.Drop(label, value);
  state_->histograms.Drop(label, value);
}

std::string Metrics::Text() const {
  const std::lock_guard lock(state_->mutex);
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, state_->registry.Collect());
  return out.str();
}

}  // namespace outrigger
