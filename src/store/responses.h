// Responses that were asked to be kept, each the key's that asked: for every other key they are not there.
//
// What a response is made of are JSON texts that the store does not read. All calls may come from any thread and block
// until what they wrote is durable.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/conversations.h"
#include "store/kept_totals.h"
#include "store/store.h"

namespace studio::store {

struct StoredResponse {
  std::string response_id = {};
  std::string key_id = {};
  int64_t created_at = 0;  // Unix seconds
  bool is_final = false;
  std::string record = {};   // JSON object
  std::string input = {};    // JSON list of items
  std::string pending = {};  // JSON object: what it takes to make it again; empty once it is final
};

// Items that a response adds to a conversation when it ends.
struct Appendix {
  std::string conversation_id = {};  // empty: none
  std::vector<ConversationItem> items = {};
};

class Responses {
 public:
  explicit Responses(std::shared_ptr<Store> store) : store_(std::move(store)) {}

  // One that is final brings its appendix along: both are kept or none. A conversation that is gone by then is no
  // error.
  Status add(const StoredResponse& response, const Appendix& appendix = {});
  // The end of one that was added before. Nothing where it was removed meanwhile, or is final already.
  Status finish(std::string_view response_id, std::string_view record, const Appendix& appendix);

  // Errors: not_found where the key has none of that id.
  Result<StoredResponse> find(std::string_view key_id, std::string_view response_id);
  Status remove(std::string_view key_id, std::string_view response_id);

  Result<KeptTotals> totals(std::string_view key_id);  // of what the key keeps

  Result<std::vector<StoredResponse>> unfinished();  // of every key, oldest first
  Status remove_older(int64_t created_before);       // of what is final

 private:
  const std::shared_ptr<Store> store_;
};

}  // namespace studio::store
