#include "base/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <cassert>
#include <map>

namespace studio::metrics {

struct Family::State {
  Declaration declaration;
  prometheus::Family<prometheus::Counter>* counters = nullptr;
  prometheus::Family<prometheus::Gauge>* gauges = nullptr;
  prometheus::Family<prometheus::Histogram>* histograms = nullptr;

  std::map<std::string, std::string> labels(std::initializer_list<std::string_view> values) const {
    assert(values.size() == declaration.labels.size());
    std::map<std::string, std::string> result;
    auto name = declaration.labels.begin();
    for (std::string_view value : values) result.emplace(*name++, value);
    return result;
  }
};

struct Registry::State {
  prometheus::Registry registry;
};

Registry::Registry() : state_(std::make_unique<State>()) {}
Registry::~Registry() = default;

Family Registry::declare(Declaration declaration) {
  auto state = std::make_shared<Family::State>();
  state->declaration = std::move(declaration);
  const Declaration& family = state->declaration;
  switch (family.kind) {
    case Kind::kCounter:
      state->counters = &prometheus::BuildCounter().Name(family.name).Help(family.help).Register(state_->registry);
      break;
    case Kind::kGauge:
      state->gauges = &prometheus::BuildGauge().Name(family.name).Help(family.help).Register(state_->registry);
      break;
    case Kind::kHistogram:
      state->histograms = &prometheus::BuildHistogram().Name(family.name).Help(family.help).Register(state_->registry);
      break;
  }
  Family result;
  result.state_ = std::move(state);
  return result;
}

std::string Registry::text() const {
  return prometheus::TextSerializer().Serialize(state_->registry.Collect());
}

void Family::add(std::initializer_list<std::string_view> label_values, double amount) const {
  auto labels = state_->labels(label_values);
  if (state_->counters != nullptr) state_->counters->Add(labels).Increment(amount);
  if (state_->gauges != nullptr) state_->gauges->Add(labels).Increment(amount);
}

void Family::set(std::initializer_list<std::string_view> label_values, double value) const {
  assert(state_->gauges != nullptr);
  state_->gauges->Add(state_->labels(label_values)).Set(value);
}

void Family::observe(std::initializer_list<std::string_view> label_values, double value) const {
  assert(state_->histograms != nullptr);
  state_->histograms->Add(state_->labels(label_values), state_->declaration.buckets).Observe(value);
}

void Family::observe_many(std::initializer_list<std::string_view> label_values, const std::vector<double>& increments,
                          double sum) const {
  assert(state_->histograms != nullptr && increments.size() == state_->declaration.buckets.size() + 1);
  state_->histograms->Add(state_->labels(label_values), state_->declaration.buckets).ObserveMultiple(increments, sum);
}

void Family::open(std::initializer_list<std::string_view> label_values) const {
  auto labels = state_->labels(label_values);
  if (state_->counters != nullptr) state_->counters->Add(labels);
  if (state_->gauges != nullptr) state_->gauges->Add(labels);
  if (state_->histograms != nullptr) state_->histograms->Add(labels, state_->declaration.buckets);
}

}  // namespace studio::metrics
