// SPDX-License-Identifier: Apache-2.0
// Metrics: counters, gauges and histograms in the Prometheus text format, so that every queue and
// every failure shows.
//
// Threads:  every method may be called concurrently.
// Lifetime: what Get*() returns lives until DropSeries() takes it or the registry dies.
// See also: naming rules of prometheus.io/docs/practices/naming
#pragma once

#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace outrigger {

using Labels = std::map<std::string, std::string>;

class Counter {
 public:
  virtual ~Counter() = default;
  virtual void Add(double by = 1) = 0;
  virtual double Value() const = 0;
};

class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void Set(double value) = 0;
  virtual void Add(double by) = 0;
  virtual double Value() const = 0;
};

class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void Observe(double value) = 0;
};

class Metrics {
 public:
  Metrics();
  ~Metrics();

  // The series of `name` with `labels`; made at the first call. Names end in a unit (_seconds,
  // _bytes, _total).
  Counter& GetCounter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge& GetGauge(const std::string& name, const std::string& help, const Labels& labels = {});
  Histogram& GetHistogram(const std::string& name, const std::string& help,
                          const std::vector<double>& buckets, const Labels& labels = {});

  // Drops every series that carries label=value: call it when a model is gone. References to them
  // dangle afterwards.
  void DropSeries(const std::string& label, const std::string& value);

  // The exposition format, version 0.0.4.
  std::string Text() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace outrigger
