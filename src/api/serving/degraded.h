// Requests that would rather be answered in part than refused: `allow_degraded: true`.
//
// What is refused by name, because it is unknown or not built, is taken out of the body and the rest is read again. So
// the answer is that of the request without these fields, to the byte, and it names them: in `X-Studio-Degraded`, and
// in the member `degraded` of its body, or of its first event. What makes no sense (a number too large, a message
// without a role) stays an error: it was no promise.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "api/serving/call_fields.h"
#include "api/serving/fields.h"
#include "base/result.h"
#include "http/message.h"

namespace studio::api {

// Each costs one more reading of the body, which a stranger pays us nothing for.
inline constexpr size_t kMaxLeftOut = 16;

// Whether the body says it, or its object `inner`, where a dialect's clients can put it. Errors: it is no boolean.
Result<bool> allows_degraded(const boost::json::object& body, std::string_view inner);

// Takes the field that the refusal names out of the body, and notes it. False where there is no such field, or where
// too many were left out already.
bool leave_out(const Error& refusal, boost::json::object& body, std::vector<Error>& left_out);
// Of a request that became nonsense without a field (a part without its type), the field's own refusal.
Error what_to_tell(const Error& last, const std::vector<Error>& left_out);

// "X-Studio-Ignored" and "X-Studio-Degraded": nothing where there are no names.
void add_names(const char* field, const std::vector<std::string>& names, http::Response& response);
// What the member "degraded" holds: fields, and places of texts whose end was left out. A list is there where it has
// names.
boost::json::object degraded_object(const std::vector<std::string>& unhonoured,
                                    const std::vector<std::string>& truncated = {});
// Into a body that is one JSON object.
void add_degraded_member(const boost::json::object& degraded, http::Response& response);
// The header, and in a body that is one JSON object the member "degraded".
void mark_degraded(const std::vector<std::string>& names, http::Response& response);
// The same member in the first event of a stream, which is one line of JSON, behind "data:" or not.
void mark_first_event(const std::vector<std::string>& names, std::string& events);

// Where a dialect's call notes what was left out of it.
template <typename Call>
std::vector<std::string>& degraded_of(Call& call) {
  if constexpr (requires { call.generate; }) {
    return call.generate.degraded;
  } else {
    return call.degraded;
  }
}

// A body by its dialect's reader.
template <typename Call>
Result<Call> parse_degradable(std::string_view text, Result<Call> (*read)(const boost::json::object&),
                              std::string_view inner = {}) {
  STUDIO_TRY(boost::json::value value, parse_body(text, kMaxCallBytes));
  boost::json::object& body = value.get_object();
  STUDIO_TRY(const bool allows, allows_degraded(body, inner));
  std::vector<Error> left_out;
  for (;;) {
    Result<Call> call = read(body);
    if (call.ok()) {
      for (const Error& refusal : left_out) degraded_of(*call).push_back(refusal.param());
      return call;
    }
    if (!allows || !leave_out(call.error(), body, left_out)) return what_to_tell(call.error(), left_out);
  }
}

}  // namespace studio::api
