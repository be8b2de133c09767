// What of a kept answer outlives the process: enough to know its request again and to make the same answer again, and
// nothing of what was asked or said.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/digest.h"
#include "base/result.h"

namespace studio::api {

struct KeptRecord {
  std::string answer_id;                    // the first request's id, under which its usage is recorded
  std::string key_id;                       // who asked: nobody else finds it
  std::optional<Sha256Digest> idempotency;  // of the Idempotency-Key
  Sha256Digest request{};                   // of what was asked (kept_answers.cc)
  Sha256Digest inputs{};                    // of all that its tokens follow from (serving/answer_inputs.h)
  int64_t arrived_at_ms = 0;                // Unix milliseconds
  bool is_cancelled = false;                // its client stayed away: it is over, and not whole
};

// Any thread; may block for a commit. What was written is durable when a call returns.
class KeptRecords {
 public:
  virtual ~KeptRecords() = default;
  virtual Result<std::optional<KeptRecord>> find(const std::string& key_id, const std::string& answer_id) = 0;
  virtual Result<std::optional<KeptRecord>> find(const std::string& key_id, const Sha256Digest& idempotency) = 0;
  // Errors: conflict where the id, or the key's idempotency, is there already.
  virtual Status add(const KeptRecord& record) = 0;
  virtual Status mark_cancelled(const std::string& answer_id) = 0;
  virtual Status remove(const std::string& answer_id) = 0;
  virtual Status remove_before(int64_t arrived_at_ms) = 0;
  virtual Result<std::map<std::string, int64_t>> count_by_key() = 0;
};

}  // namespace studio::api
