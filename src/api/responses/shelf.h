// Where responses and conversations are kept: records and items, to and from the store's texts. Each is the key's that
// made it; for another it is not there (not_found).
//
// Threads: any; every call blocks for the store.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/responses/record.h"
#include "api/responses/wire.h"
#include "store/conversations.h"
#include "store/responses.h"

namespace studio::api::responses {

inline constexpr int64_t kKeptDays = 30;  // a response; the original keeps 7, OpenAI 30. Conversations stay

// Of one key: two a minute for all of the 30 days; and 40 KiB in each of them, where a request may bring 8 MiB.
inline constexpr int64_t kMaxKeptOfKey = 100'000;
inline constexpr int64_t kMaxKeptBytesOfKey = 4ll << 30;

// A response on the shelf.
struct Kept {
  std::string key_id;
  Record record;
  boost::json::array input;  // the items that its request brought
  std::string pending;       // what it takes to make it; empty where it has ended
  size_t input_bytes = 0;    // of the input, as it is stored
};

class Shelf {
 public:
  explicit Shelf(const std::shared_ptr<store::Store>& store) : responses_(store), conversations_(store) {}

  // Whether the key may keep one more, to be asked before it is made: what was paid for is kept, so those that are made
  // at once may come to a little more. `conversation_id`: what it will grow, or empty. Errors: quota_exceeded.
  Status check_room(std::string_view key_id, std::string_view conversation_id);
  // One that has ended; its input and output go to its conversation in the same commit.
  Status keep(const std::string& key_id, const Record& record, const boost::json::array& input);
  // One that is to be made, and its end. `pending` is a JSON object.
  Status keep_pending(const std::string& key_id, const Record& record, const boost::json::array& input,
                      const boost::json::object& pending);
  Status finish(const Record& record, const boost::json::array& input);

  Result<Kept> find(std::string_view key_id, std::string_view response_id);
  Status remove(std::string_view key_id, std::string_view response_id);
  Result<std::vector<Kept>> unfinished();
  Status remove_expired();

  store::Conversations& conversations() { return conversations_; }

 private:
  store::Responses responses_;
  store::Conversations conversations_;
};

std::vector<store::ConversationItem> stored_items(const boost::json::array& items);
// Of our own making. Errors: internal where it is no object.
Result<boost::json::object> item_of(const store::ConversationItem& stored);

}  // namespace studio::api::responses
