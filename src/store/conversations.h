// Conversations and their items, each the key's that made it: for every other key they are not there.
//
// Items are JSON texts that the store does not read. All calls may come from any thread and block until what they wrote
// is durable.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/store.h"

namespace studio::store {

class Connection;

struct Conversation {
  std::string conversation_id = {};
  int64_t created_at_ms = 0;    // Unix milliseconds
  std::string metadata = "{}";  // JSON object
};

struct ConversationItem {
  std::string item_id = {};
  std::string item = {};  // JSON object
};

struct ItemPage {
  std::vector<ConversationItem> items;
  bool has_more = false;
};

struct ItemQuery {
  std::string after = {};  // an item's id: only those behind it, in the order asked for; empty: from the first
  int64_t limit = 20;
  bool is_ascending = false;
};

// Appends inside a job of the writer, so that it is one commit with something else. Errors: not_found, where the key
// has no such conversation; quota_exceeded, where it is full.
Status append_items(Connection& connection, std::string_view key_id, std::string_view conversation_id,
                    const std::vector<ConversationItem>& items);

class Conversations {
 public:
  // One conversation of ten thousand turns; a model's context is full long before.
  static constexpr int64_t kMaxItems = 20'000;
  static constexpr int64_t kMaxBytes = 16 << 20;  // of their texts: twice a context of a million tokens

  // Of one key: 50 people who begin one on each working day of eight years. In bytes 40 KiB of text in each.
  static constexpr int64_t kMaxOfKey = 100'000;
  static constexpr int64_t kMaxBytesOfKey = 4ll << 30;

  explicit Conversations(std::shared_ptr<Store> store) : store_(std::move(store)) {}

  // Errors: quota_exceeded, where the key has as many as it may, or as much in them.
  Status add(std::string_view key_id, const Conversation& conversation, const std::vector<ConversationItem>& items);
  // Whether the key's conversations may grow, for who will append when it has ended. Errors: quota_exceeded.
  Status check_room(std::string_view key_id);
  // Errors of all that follow: not_found where the key has none of that id.
  Result<Conversation> find(std::string_view key_id, std::string_view conversation_id);
  Result<Conversation> set_metadata(std::string_view key_id, std::string_view conversation_id,
                                    std::string_view metadata);
  Status remove(std::string_view key_id, std::string_view conversation_id);  // its items too

  // Errors: quota_exceeded too, of the conversation or of the key.
  Status append(std::string_view key_id, std::string_view conversation_id, const std::vector<ConversationItem>& items);
  // not_found with the parameter "after" where that names no item.
  Result<ItemPage> list(std::string_view key_id, std::string_view conversation_id, const ItemQuery& query);
  Result<ConversationItem> find_item(std::string_view key_id, std::string_view conversation_id,
                                     std::string_view item_id);
  Status remove_item(std::string_view key_id, std::string_view conversation_id, std::string_view item_id);

 private:
  const std::shared_ptr<Store> store_;
};

}  // namespace studio::store
