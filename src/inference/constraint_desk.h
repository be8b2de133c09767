// The constraints that a worker's answers are held to: compiled when they come, kept while they may come again.
//
// The vocabulary is made ready on a thread of its own, some time after the worker is; a constraint that comes sooner
// has it made at once and waits for it. Threads: any; compile() may take milliseconds.
#pragma once

#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/result.h"
#include "engine/constrain/shared_matchers.h"
#include "engine/formats/model_source.h"

namespace studio::inference {

// Constraints that are kept: those of as many programs as use a model in turn. Each takes 56 MB at most.
inline constexpr size_t kKeptConstraints = 16;

class ConstraintDesk {
 public:
  // `model`: null where the engine has none; nothing is compiled then.
  explicit ConstraintDesk(const engine::ModelSource* model);
  ~ConstraintDesk();  // joins its thread

  // Null where there is no model. Errors: those of constrain::compile_spec(), and of a vocabulary that cannot be read.
  Result<std::shared_ptr<engine::constrain::SharedMatchers>> compile(const std::string& spec);

 private:
  using VocabularyPtr = std::shared_ptr<const engine::constrain::Vocabulary>;
  struct Kept {
    std::string spec;
    std::shared_ptr<engine::constrain::SharedMatchers> matchers;
  };

  void make_vocabulary();
  Result<VocabularyPtr> read_vocabulary() const;
  std::shared_ptr<engine::constrain::SharedMatchers> find(const std::string& spec);  // with mutex_ held

  const engine::ModelSource* const model_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::optional<Result<VocabularyPtr>> vocabulary_;
  bool is_wanted_ = false, is_stopping_ = false;
  std::list<Kept> kept_;  // last used first
  std::thread thread_;
};

}  // namespace studio::inference
