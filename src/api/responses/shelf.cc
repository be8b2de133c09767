#include "api/responses/shelf.h"

#include <boost/json.hpp>

#include "api/responses/items.h"
#include "api/responses/render.h"
#include "base/json.h"
#include "base/log.h"

namespace studio::api::responses {
namespace {

namespace json = boost::json;

std::string conversation_of(const Record& record) {
  const json::value* conversation = record.echo.if_contains("conversation");
  const json::object* object = conversation ? conversation->if_object() : nullptr;
  return object ? std::string(id_of(*object)) : std::string();
}

// Only an answer that came to an end of its own is part of a conversation.
store::Appendix appendix_of(const Record& record, const json::array& input) {
  if (record.state != State::kCompleted && record.state != State::kIncomplete) return {};
  store::Appendix appendix{.conversation_id = conversation_of(record)};
  if (appendix.conversation_id.empty()) return {};
  json::array items = input;
  for (json::value& item : plain_output_items(record)) items.push_back(std::move(item));
  appendix.items = stored_items(items);
  return appendix;
}

Result<Kept> from_row(const store::StoredResponse& row) {
  STUDIO_TRY(Record record, from_stored(row.response_id, row.created_at, row.record));
  STUDIO_TRY(json::value input, parse_json(row.input));
  if (!input.is_array()) return Error(Code::kInternal, "The stored response cannot be read.");
  return Kept{row.key_id, std::move(record), std::move(input.get_array()), row.pending, row.input.size()};
}

}  // namespace

Status Shelf::check_room(std::string_view key_id, std::string_view conversation_id) {
  STUDIO_TRY(const store::KeptTotals kept, responses_.totals(key_id));
  if (kept.count >= kMaxKeptOfKey || kept.bytes >= kMaxKeptBytesOfKey) {
    return Error(Code::kQuotaExceeded,
                 "This key keeps " + std::to_string(kept.count) + " responses of " + std::to_string(kept.bytes >> 20) +
                     " MiB; it may keep " + std::to_string(kMaxKeptOfKey) + ", and " +
                     std::to_string(kMaxKeptBytesOfKey >> 30) + " GiB. Delete some, or send store: false; each goes " +
                     std::to_string(kKeptDays) + " days after it was made.");
  }
  return conversation_id.empty() ? Status(Ok{}) : conversations_.check_room(key_id);
}

Status Shelf::keep(const std::string& key_id, const Record& record, const json::array& input) {
  return responses_.add({.response_id = record.id,
                         .key_id = key_id,
                         .created_at = record.created_at,
                         .is_final = true,
                         .record = to_stored(record),
                         .input = to_json(input)},
                        appendix_of(record, input));
}

Status Shelf::keep_pending(const std::string& key_id, const Record& record, const json::array& input,
                           const json::object& pending) {
  return responses_.add({.response_id = record.id,
                         .key_id = key_id,
                         .created_at = record.created_at,
                         .record = to_stored(record),
                         .input = to_json(input),
                         .pending = to_json(pending)});
}

Status Shelf::finish(const Record& record, const json::array& input) {
  return responses_.finish(record.id, to_stored(record), appendix_of(record, input));
}

Result<Kept> Shelf::find(std::string_view key_id, std::string_view response_id) {
  STUDIO_TRY(const auto row, responses_.find(key_id, response_id));
  return from_row(row);
}

Status Shelf::remove(std::string_view key_id, std::string_view response_id) {
  return responses_.remove(key_id, response_id);
}

Result<std::vector<Kept>> Shelf::unfinished() {
  STUDIO_TRY(const auto rows, responses_.unfinished());
  std::vector<Kept> all;
  for (const auto& row : rows) {
    auto kept = from_row(row);
    if (kept.ok()) {
      all.push_back(std::move(*kept));
    } else {
      log::error("responses.unreadable", {{"response_id", row.response_id}, {"why", kept.error().message()}});
    }
  }
  return all;
}

Status Shelf::remove_expired() {
  constexpr int64_t kSecondsOfDay = 24 * 60 * 60;
  return responses_.remove_older(now_seconds() - kKeptDays * kSecondsOfDay);
}

std::vector<store::ConversationItem> stored_items(const json::array& items) {
  std::vector<store::ConversationItem> stored;
  for (const json::value& item : items) {
    stored.push_back({.item_id = std::string(id_of(item.get_object())), .item = to_json(item)});
  }
  return stored;
}

Result<json::object> item_of(const store::ConversationItem& stored) {
  STUDIO_TRY(json::value item, parse_json(stored.item));
  if (!item.is_object()) return Error(Code::kInternal, "A stored item cannot be read.");
  return std::move(item.get_object());
}

}  // namespace studio::api::responses
