// Counters, gauges and histograms of this process, read as Prometheus text at /metrics.
//
// Families are declared once, in a table beside the code that feeds them; recording takes the family and the label
// values in the order of its label names. Label values come from closed sets (routes, models, outcomes), never from a
// request's bytes. Any thread.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace studio::metrics {

enum class Kind { kCounter, kGauge, kHistogram };

class Registry;

// A declared family. Copyable; lives as long as its registry.
class Family {
 public:
  void add(std::initializer_list<std::string_view> label_values, double amount = 1) const;  // counter, gauge
  void set(std::initializer_list<std::string_view> label_values, double value) const;       // gauge
  void observe(std::initializer_list<std::string_view> label_values, double value) const;   // histogram
  // Many observations at once, made elsewhere: how many more in each bucket, the one above all bounds last.
  void observe_many(std::initializer_list<std::string_view> label_values, const std::vector<double>& increments,
                    double sum) const;
  // Makes the series stand at 0 before anything happened, so that its first rise is seen as one.
  void open(std::initializer_list<std::string_view> label_values) const;

 private:
  friend class Registry;
  struct State;
  std::shared_ptr<State> state_;
};

struct Declaration {
  Kind kind;
  std::string name;  // "studio_requests_total"
  std::string help;
  std::vector<std::string> labels;
  std::vector<double> buckets = {};  // histograms: upper bounds, ascending
};

class Registry {
 public:
  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  Family declare(Declaration declaration);
  std::string text() const;  // Prometheus text exposition format 0.0.4

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace studio::metrics
