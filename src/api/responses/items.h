// Items: what a request brings and what a conversation holds, from the wire to how they are kept, and to the messages
// of a prompt. Kept items are JSON objects as the wire lists them. Pure functions: any thread.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "api/serving/call_fields.h"
#include "api/serving/field_tables.h"
#include "api/serving/fields.h"
#include "inference/text_model.h"

namespace studio::api::responses {

// A place in `items` that a stored item is to be put at: an item that names another by its id.
inline constexpr const char* kReference = "item_reference";

// The list `items` of field `name`, as it is kept but for the ids.
boost::json::array read_items(FieldReader& reader, std::string_view name, const boost::json::array& items, size_t most,
                              std::vector<std::string>* ignored);
// Its tables of fields. References are no items of a conversation.
enum class References { kAllowed, kRefused };
void add_item_tables(const std::string& name, References references, std::vector<FieldTable>& tables);
// A text alone is a message of the user.
boost::json::object user_message(std::string_view text);

void give_ids(boost::json::array& items);
// The same of a request that may come again: what follows from its id is there already then.
void give_ids(boost::json::array& items, const std::string& request_id);
std::string_view id_of(const boost::json::object& item);
bool is_reference(const boost::json::object& item);

// Every call has its output, every output its call before it. Errors: invalid_argument, param "input".
Status check_calls(const boost::json::array& items);

// Kept items, behind what the prompt holds already. Reasoning belongs to the assistant's message behind it.
void add_messages(const boost::json::array& items, inference::ChatPrompt& prompt);

}  // namespace studio::api::responses
