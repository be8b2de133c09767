#include "store/conversations.h"

#include "store/kept_totals.h"
#include "store/sqlite.h"
#include "store/writer.h"

namespace studio::store {
namespace {

Error no_conversation() {
  return Error(Code::kNotFound, "There is no conversation of this id.");
}

Result<Conversation> find_in(Connection& connection, std::string_view key_id, std::string_view conversation_id) {
  std::optional<Conversation> found;
  STUDIO_CHECK_OK(connection.query(
      "SELECT created_at_ms, metadata FROM conversations WHERE key_id = ? AND conversation_id = ?",
      {key_id, conversation_id},
      [&](const Row& row) { found = Conversation{std::string(conversation_id), row.integer(0), row.text(1)}; }));
  if (!found) return no_conversation();
  return std::move(*found);
}

// The position behind which a page begins; 0 or the largest where it begins at an end.
Result<int64_t> border(Connection& connection, std::string_view conversation_id, const ItemQuery& query) {
  if (query.after.empty()) return query.is_ascending ? int64_t{0} : INT64_MAX;
  std::optional<int64_t> position;
  STUDIO_CHECK_OK(connection.query("SELECT position FROM conversation_items WHERE conversation_id = ? AND item_id = ?",
                                   {conversation_id, std::string_view(query.after)},
                                   [&](const Row& row) { position = row.integer(0); }));
  if (!position) return Error(Code::kNotFound, "There is no item of the id in `after`.").with_param("after");
  return *position;
}

Status check_bytes(Connection& connection, std::string_view key_id) {
  STUDIO_TRY(const KeptTotals totals, kept_totals(connection, key_id, kConversationsKind));
  if (totals.bytes < Conversations::kMaxBytesOfKey) return Ok{};
  return Error(Code::kQuotaExceeded, "This key's conversations hold " +
                                         std::to_string(Conversations::kMaxBytesOfKey >> 30) +
                                         " GiB, which is the most they may; delete some, or items of them.");
}

Status check_count(Connection& connection, std::string_view key_id) {
  STUDIO_TRY(const KeptTotals totals, kept_totals(connection, key_id, kConversationsKind));
  if (totals.count < Conversations::kMaxOfKey) return Ok{};
  return Error(Code::kQuotaExceeded, "This key has " + std::to_string(totals.count) +
                                         " conversations, which is the most it may have; delete some.");
}

}  // namespace

Status append_items(Connection& connection, std::string_view key_id, std::string_view conversation_id,
                    const std::vector<ConversationItem>& items) {
  STUDIO_CHECK_OK(find_in(connection, key_id, conversation_id));
  int64_t held = 0, bytes = 0, last = 0;
  STUDIO_CHECK_OK(connection.query(
      "SELECT count(*), coalesce(sum(octet_length(item)), 0), coalesce(max(position), 0) FROM conversation_items "
      "WHERE conversation_id = ?",
      {conversation_id},
      [&](const Row& row) { held = row.integer(0), bytes = row.integer(1), last = row.integer(2); }));
  for (const ConversationItem& item : items) bytes += static_cast<int64_t>(item.item.size());
  if (held + static_cast<int64_t>(items.size()) > Conversations::kMaxItems || bytes > Conversations::kMaxBytes) {
    return Error(Code::kQuotaExceeded, "A conversation may hold " + std::to_string(Conversations::kMaxItems) +
                                           " items and " + std::to_string(Conversations::kMaxBytes >> 20) +
                                           " MiB; this one has no room for these.");
  }
  for (const ConversationItem& item : items) {
    STUDIO_CHECK_OK(connection.execute(
        // An item that is there already is named once more, by a reference.
        "INSERT INTO conversation_items (conversation_id, position, item_id, item) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (conversation_id, item_id) DO NOTHING",
        {conversation_id, ++last, std::string_view(item.item_id), std::string_view(item.item)}));
  }
  return Ok{};
}

Status Conversations::add(std::string_view key_id, const Conversation& conversation,
                          const std::vector<ConversationItem>& items) {
  return store_->writer().run([&](Connection& connection) -> Status {
    STUDIO_CHECK_OK(check_count(connection, key_id));
    STUDIO_CHECK_OK(check_bytes(connection, key_id));
    STUDIO_CHECK_OK(connection.execute(
        "INSERT INTO conversations (conversation_id, key_id, created_at_ms, metadata) VALUES (?, ?, ?, ?)",
        {std::string_view(conversation.conversation_id), key_id, conversation.created_at_ms,
         std::string_view(conversation.metadata)}));
    return append_items(connection, key_id, conversation.conversation_id, items);
  });
}

Status Conversations::check_room(std::string_view key_id) {
  return store_->writer().run([&](Connection& connection) { return check_bytes(connection, key_id); });
}

Result<Conversation> Conversations::find(std::string_view key_id, std::string_view conversation_id) {
  Conversation found;
  STUDIO_CHECK_OK(store_->writer().run([&](Connection& connection) -> Status {
    STUDIO_TRY(found, find_in(connection, key_id, conversation_id));
    return Ok{};
  }));
  return found;
}

Result<Conversation> Conversations::set_metadata(std::string_view key_id, std::string_view conversation_id,
                                                 std::string_view metadata) {
  Conversation changed;
  STUDIO_CHECK_OK(store_->writer().run([&](Connection& connection) -> Status {
    STUDIO_CHECK_OK(connection.execute("UPDATE conversations SET metadata = ? WHERE key_id = ? AND conversation_id = ?",
                                       {metadata, key_id, conversation_id}));
    STUDIO_TRY(changed, find_in(connection, key_id, conversation_id));
    return Ok{};
  }));
  return changed;
}

Status Conversations::remove(std::string_view key_id, std::string_view conversation_id) {
  return store_->writer().run([&](Connection& connection) -> Status {
    STUDIO_CHECK_OK(connection.execute("DELETE FROM conversations WHERE key_id = ? AND conversation_id = ?",
                                       {key_id, conversation_id}));
    return connection.changed_rows() == 1 ? Status(Ok{}) : no_conversation();
  });
}

Status Conversations::append(std::string_view key_id, std::string_view conversation_id,
                             const std::vector<ConversationItem>& items) {
  return store_->writer().run([&](Connection& connection) -> Status {
    STUDIO_CHECK_OK(check_bytes(connection, key_id));
    return append_items(connection, key_id, conversation_id, items);
  });
}

Result<ItemPage> Conversations::list(std::string_view key_id, std::string_view conversation_id,
                                     const ItemQuery& query) {
  ItemPage page;
  auto take = [&](const Row& row) {
    page.has_more = static_cast<int64_t>(page.items.size()) == query.limit;
    if (!page.has_more) page.items.push_back({row.text(0), row.text(1)});
  };
  STUDIO_CHECK_OK(store_->writer().run([&](Connection& connection) -> Status {
    STUDIO_CHECK_OK(find_in(connection, key_id, conversation_id));
    STUDIO_TRY(int64_t from, border(connection, conversation_id, query));
    const int64_t rows = query.limit + 1;  // one more tells whether there are more
    if (query.is_ascending) {
      return connection.query(
          "SELECT item_id, item FROM conversation_items WHERE conversation_id = ? AND position > ? "
          "ORDER BY position LIMIT ?",
          {conversation_id, from, rows}, take);
    }
    return connection.query(
        "SELECT item_id, item FROM conversation_items WHERE conversation_id = ? AND position < ? "
        "ORDER BY position DESC LIMIT ?",
        {conversation_id, from, rows}, take);
  }));
  return page;
}

Result<ConversationItem> Conversations::find_item(std::string_view key_id, std::string_view conversation_id,
                                                  std::string_view item_id) {
  std::optional<ConversationItem> found;
  STUDIO_CHECK_OK(store_->writer().run([&](Connection& connection) -> Status {
    STUDIO_CHECK_OK(find_in(connection, key_id, conversation_id));
    return connection.query("SELECT item FROM conversation_items WHERE conversation_id = ? AND item_id = ?",
                            {conversation_id, item_id},
                            [&](const Row& row) { found = ConversationItem{std::string(item_id), row.text(0)}; });
  }));
  if (!found) return Error(Code::kNotFound, "The conversation has no item of this id.");
  return std::move(*found);
}

Status Conversations::remove_item(std::string_view key_id, std::string_view conversation_id, std::string_view item_id) {
  return store_->writer().run([&](Connection& connection) -> Status {
    STUDIO_CHECK_OK(find_in(connection, key_id, conversation_id));
    STUDIO_CHECK_OK(connection.execute("DELETE FROM conversation_items WHERE conversation_id = ? AND item_id = ?",
                                       {conversation_id, item_id}));
    if (connection.changed_rows() == 1) return Ok{};
    return Error(Code::kNotFound, "The conversation has no item of this id.");
  });
}

}  // namespace studio::store
