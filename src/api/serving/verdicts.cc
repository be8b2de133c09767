#include "api/serving/verdicts.h"

#include <boost/json/object.hpp>
#include <mutex>
#include <unordered_map>

#include "base/digest.h"
#include "base/json.h"
#include "engine/constrain/spec.h"

namespace studio::api {
namespace {

// What was compiled before needs no second proof.
class Verdicts {
 public:
  Verdict of(const std::string& spec) {
    const Sha256Digest digest = sha256(spec);
    const std::string key(digest.begin(), digest.end());
    {
      std::scoped_lock lock(mutex_);
      if (auto known = known_.find(key); known != known_.end()) return known->second;
    }
    size_t work = 0;
    const auto made = engine::constrain::compile_spec(spec, &work);
    const Verdict verdict{made.ok() ? Status(Ok{}) : Status(made.error()), work};
    std::scoped_lock lock(mutex_);
    if (known_.size() >= kMost) known_.clear();
    known_.emplace(key, verdict);
    return verdict;
  }

 private:
  static constexpr size_t kMost = 4096;  // a few hundred bytes each
  std::mutex mutex_;
  std::unordered_map<std::string, Verdict> known_;
};

}  // namespace

std::string spec_of(std::string_view kind, boost::json::value value) {
  boost::json::object spec;
  spec[kind] = std::move(value);
  return to_json(spec);
}

// Behind reasoning it is the longer one.
Verdict verdict_of(const std::string& spec) {
  static Verdicts verdicts;
  return verdicts.of("{\"after_line_ends\":true," + spec.substr(1));
}

Error at_field(const std::string& field, const Error& error) {
  const bool has_pointer = error.param().starts_with('#');
  std::string message = error.message();
  const std::string place = has_pointer ? field + error.param() : field;
  if (has_pointer && message.starts_with(error.param())) message.erase(0, error.param().size());
  if (message.starts_with(": ")) message.erase(0, 2);
  return Error(error.code(), place + ": " + message).with_param(place);
}

}  // namespace studio::api
