#include "api/responses/context.h"

#include <boost/json.hpp>
#include <map>

#include "api/responses/items.h"
#include "api/responses/render.h"
#include "base/json.h"

namespace studio::api::responses {
namespace {

namespace json = boost::json;

constexpr size_t kMaxChain = 1024;  // responses behind one another; a context is full long before
// Of texts before a request's own: a context of a million tokens, and as much again.
constexpr size_t kMaxEarlierBytes = 2 * kMaxCallBytes;

Error no_previous(const std::string& id) {
  return Error(Code::kNotFound, "There is no response " + quoted(id) + " to go on from.")
      .with_param("previous_response_id");
}

std::string previous_of(const Record& record) {
  const json::value* previous = record.echo.if_contains("previous_response_id");
  return previous && previous->is_string() ? std::string(previous->get_string()) : std::string();
}

void append(json::array items, json::array& to) {
  for (json::value& item : items) to.push_back(std::move(item));
}

Result<json::array> conversation_items(Shelf& shelf, const std::string& key_id, const std::string& id) {
  STUDIO_TRY(const auto page, shelf.conversations().list(
                                  key_id, id, {.limit = static_cast<int64_t>(kMaxMessages), .is_ascending = true}));
  if (page.has_more) {
    return Error(Code::kInvalidArgument, "The conversation holds more than " + std::to_string(kMaxMessages) +
                                             " items, which no answer can follow. Delete some or begin another.")
        .with_param("conversation");
  }
  json::array items;
  for (const auto& stored : page.items) {
    STUDIO_TRY(json::object item, item_of(stored));
    items.push_back(std::move(item));
  }
  return items;
}

Error too_long() {
  return Error(Code::kInvalidArgument, "The chain of responses is too long to go on from.")
      .with_param("previous_response_id");
}

size_t text_bytes(const Record& record) {
  size_t bytes = 0;
  for (const Piece& piece : record.pieces) bytes += piece.text.size();
  return bytes;
}

// What one response of the chain brought and gave.
struct Turn {
  json::array input, output;
};

// Finds what references name. Each response is read once, and what was read and copied is bounded: a request of a few
// kilobytes may name the same eight megabytes thousands of times.
class Referred {
 public:
  Referred(Shelf& shelf, const std::string& key_id, const std::string& conversation_id)
      : shelf_(shelf), key_id_(key_id), conversation_id_(conversation_id) {}

  // Nothing where no such item is kept. Errors: invalid_argument where all of them together are too much.
  Result<std::optional<json::object>> find(const std::string& id) {
    STUDIO_TRY(const json::array* outputs, outputs_of(response_of_item(id)));
    std::optional<json::object> found;
    for (const json::value& output : *outputs) {
      if (id_of(output.get_object()) == id) found = output.get_object();
    }
    if (found) STUDIO_CHECK_OK(take(to_json(*found).size()));
    if (found || conversation_id_.empty()) return found;
    const auto stored = shelf_.conversations().find_item(key_id_, conversation_id_, id);
    if (!stored.ok()) return found;
    STUDIO_CHECK_OK(take(stored->item.size()));
    STUDIO_TRY(found, item_of(*stored));
    return found;
  }

 private:
  Result<const json::array*> outputs_of(const std::string& response_id) {
    const auto [place, is_new] = outputs_.try_emplace(response_id);
    if (!is_new) return &place->second;
    if (auto kept = shelf_.find(key_id_, response_id); kept.ok()) {
      STUDIO_CHECK_OK(take(text_bytes(kept->record)));
      place->second = plain_output_items(kept->record);
    }
    return &place->second;
  }

  Status take(size_t bytes) {
    bytes_ += bytes;
    if (bytes_ <= kMaxEarlierBytes) return Ok{};
    return Error(Code::kInvalidArgument,
                 "input refers to items of more than " + std::to_string(kMaxEarlierBytes >> 20) + " MiB together.")
        .with_param("input");
  }

  Shelf& shelf_;
  const std::string& key_id_;
  const std::string& conversation_id_;
  std::map<std::string, json::array> outputs_;  // of each response that was asked for
  size_t bytes_ = 0;
};

// The chain from the newest to the oldest.
Result<std::vector<Turn>> chain_of(Shelf& shelf, const std::string& key_id, std::string id) {
  std::vector<Turn> chain;
  size_t items = 0, bytes = 0;
  while (!id.empty()) {
    auto kept = shelf.find(key_id, id);
    if (!kept.ok()) return kept.error().code() == Code::kNotFound ? no_previous(id) : kept.error();
    const State state = kept->record.state;
    if (chain.empty() && state != State::kCompleted && state != State::kIncomplete) {
      return Error(Code::kInvalidArgument,
                   "The response to go on from is " + std::string(state_name(state)) + ", not completed.")
          .with_param("previous_response_id");
    }
    items += kept->input.size();
    bytes += kept->input_bytes + text_bytes(kept->record);
    if (chain.size() == kMaxChain || items > kMaxMessages || bytes > kMaxEarlierBytes) return too_long();
    id = previous_of(kept->record);
    chain.push_back({std::move(kept->input), plain_output_items(kept->record)});
  }
  return chain;
}

}  // namespace

Result<json::array> earlier_items(Shelf& shelf, const std::string& key_id, const ResponseCall& call) {
  if (!call.conversation_id.empty()) {
    auto items = conversation_items(shelf, key_id, call.conversation_id);
    if (!items.ok() && items.error().code() == Code::kNotFound) {
      return Error(Code::kNotFound, items.error().message()).with_param("conversation");
    }
    return items;
  }
  json::array items;
  STUDIO_TRY(auto chain, chain_of(shelf, key_id, call.previous_response_id));
  for (auto turn = chain.rbegin(); turn != chain.rend(); ++turn) {
    append(std::move(turn->input), items);
    append(std::move(turn->output), items);
  }
  return items;
}

Status resolve_references(Shelf& shelf, const std::string& key_id, ResponseCall& call) {
  Referred referred(shelf, key_id, call.conversation_id);
  for (size_t i = 0; i < call.input.size(); ++i) {
    json::object& item = call.input[i].get_object();
    if (!is_reference(item)) continue;
    const std::string id(id_of(item));
    STUDIO_TRY(std::optional<json::object> found, referred.find(id));
    if (!found) {
      const std::string place = "input[" + std::to_string(i) + "].id";
      return Error(Code::kNotFound, place + " names no item that is kept: " + quoted(id) + ".").with_param(place);
    }
    item = std::move(*found);
  }
  return Ok{};
}

inference::ChatPrompt make_prompt(const ResponseCall& call, const json::array& items) {
  inference::ChatPrompt prompt;
  if (!call.instructions.empty()) {
    prompt.messages.push_back({.role = "system", .content = call.instructions, .reasoning_content = {}});
  }
  add_messages(items, prompt);
  prompt.enable_thinking = call.enable_thinking;
  prompt.thinking_budget = call.thinking_budget;
  prompt.tools = call.tools;
  return prompt;
}

}  // namespace studio::api::responses
