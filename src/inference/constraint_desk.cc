#include "inference/constraint_desk.h"

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "engine/constrain/spec.h"
#include "engine/tokenizer/tokenizer.h"
#include "inference/end_ids.h"

namespace studio::inference {

using engine::TokenId;
using engine::constrain::SharedMatchers;
using engine::constrain::Vocabulary;

namespace {

// A tenth of a second of one core: not while the first answers of a new worker are computed.
constexpr std::chrono::seconds kUntilReady{3};
constexpr int kBehindAll = 19;  // nice

}  // namespace

ConstraintDesk::ConstraintDesk(const engine::ModelSource* model) : model_(model) {
  if (model_ != nullptr) thread_ = std::thread([this] { make_vocabulary(); });
}

ConstraintDesk::~ConstraintDesk() {
  {
    std::scoped_lock lock(mutex_);
    is_stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void ConstraintDesk::make_vocabulary() {
  {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kUntilReady, [this] { return is_wanted_ || is_stopping_; });
    if (is_stopping_) return;
    if (!is_wanted_) ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kBehindAll);
  }
  auto made = read_vocabulary();
  if (!made.ok()) log::error("constraints.no_vocabulary", {{"why", made.error().message()}});
  std::scoped_lock lock(mutex_);
  vocabulary_ = std::move(made);
  changed_.notify_all();
}

Result<ConstraintDesk::VocabularyPtr> ConstraintDesk::read_vocabulary() const {
  STUDIO_TRY(const auto tokenizer, engine::Tokenizer::from_gguf(*model_));
  STUDIO_TRY(const auto ends, end_ids(*model_, *tokenizer));
  std::vector<std::string_view> tokens(static_cast<size_t>(tokenizer->vocab_size()));
  for (TokenId id = 0; id < tokenizer->vocab_size(); ++id) {
    if (!tokenizer->is_special(id)) tokens[static_cast<size_t>(id)] = tokenizer->token_bytes(id);
  }
  return Vocabulary::of(tokens, ends, [tokenizer](std::string_view text) { return tokenizer->encode_template(text); });
}

std::shared_ptr<SharedMatchers> ConstraintDesk::find(const std::string& spec) {
  for (auto it = kept_.begin(); it != kept_.end(); ++it) {
    if (it->spec != spec) continue;
    kept_.splice(kept_.begin(), kept_, it);
    return it->matchers;
  }
  return nullptr;
}

Result<std::shared_ptr<SharedMatchers>> ConstraintDesk::compile(const std::string& spec) {
  if (model_ == nullptr) return std::shared_ptr<SharedMatchers>();
  {
    std::scoped_lock lock(mutex_);
    is_wanted_ = true;
    if (auto known = find(spec)) return known;
  }
  changed_.notify_all();
  STUDIO_TRY(auto constraint, engine::constrain::compile_spec(spec));
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return vocabulary_.has_value(); });
  if (!vocabulary_->ok()) return vocabulary_->error();
  if (auto known = find(spec)) return known;  // another made it meanwhile
  kept_.push_front({spec, std::make_shared<SharedMatchers>(std::move(constraint), **vocabulary_)});
  if (kept_.size() > kKeptConstraints) kept_.pop_back();
  return kept_.front().matchers;
}

}  // namespace studio::inference
