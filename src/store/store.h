// The records that must survive: keys, usage, and what answers that may be asked for again are known by.
//
// One store belongs to one process at a time (it holds a lock on the folder's file "lock"). All calls may come from any
// thread and block until what they wrote is durable.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/result.h"

namespace studio::store {

class Writer;

struct ApiKey {
  std::string key_id = {};
  std::string name = {};
  Sha256Digest digest{};    // of the key's bytes; the key itself is never here
  std::string prefix = {};  // the key's first characters, for people
  std::string suffix = {};  // and its last
  int64_t created_at = 0;   // Unix seconds
  bool is_local = false;    // the data folder's own key, not one that somebody made
};

struct Usage {
  std::string request_id = {};  // recorded once, for ever
  std::string key_id = {};
  std::string model = {};
  std::string operation = {};
  int64_t prompt_tokens = 0;
  int64_t cached_tokens = 0;      // of the prompt
  int64_t newly_held_tokens = 0;  // of the prompt, that its marks have held from then on
  int64_t completion_tokens = 0;
  int64_t reasoning_tokens = 0;  // of the completion
  std::string outcome = {};
  bool is_batch = false;      // a line of a batch, not a call of its own
  int64_t started_at_ms = 0;  // Unix milliseconds
  int64_t first_token_ms = -1;
  int64_t total_ms = 0;
};

struct UsageTotals {
  int64_t requests = 0;
  int64_t prompt_tokens = 0;
  int64_t cached_tokens = 0;
  int64_t completion_tokens = 0;
};

class Writer;

// An answer that may be asked for again (api/kept/records.h). Digests alone: neither question nor answer is here.
struct KeptAnswer {
  std::string answer_id = {};
  std::string key_id = {};
  std::optional<Sha256Digest> idempotency = {};
  Sha256Digest request{};
  Sha256Digest inputs{};
  int64_t arrived_at_ms = 0;  // Unix milliseconds
  bool is_cancelled = false;
};

class Store {
 public:
  // Opens or makes `folder`/studio.db. Errors: conflict when another process holds it (its pid is in the message).
  static Result<std::unique_ptr<Store>> open(const std::string& folder);
  ~Store();

  Status add_key(const ApiKey& key);             // conflict when the id or the digest is there already
  Status revoke_key(const std::string& key_id);  // not_found when no key that counts has the id
  Status revoke_local_keys();
  Result<std::vector<ApiKey>> active_keys();  // oldest first
  Result<bool> was_revoked(const Sha256Digest& digest);

  // Again with the same request id: ok, and nothing changes.
  Status record_usage(const Usage& usage);
  Result<std::optional<Usage>> find_usage(const std::string& request_id);
  Result<UsageTotals> usage_totals();

  Status add_kept_answer(const KeptAnswer& answer);  // conflict when the id, or the key's idempotency, is there already
  Result<std::optional<KeptAnswer>> find_kept_answer(const std::string& key_id, const std::string& answer_id);
  Result<std::optional<KeptAnswer>> find_kept_answer(const std::string& key_id, const Sha256Digest& idempotency);
  Status cancel_kept_answer(const std::string& answer_id);
  Status remove_kept_answer(const std::string& answer_id);
  Status remove_kept_answers_before(int64_t arrived_at_ms);
  Result<std::map<std::string, int64_t>> count_kept_answers();  // of each key

  uint64_t commits() const;

  // For the tables that have a file of their own here: files.h, batches.h.
  Writer& writer();

 private:
  struct State;
  explicit Store(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace studio::store
