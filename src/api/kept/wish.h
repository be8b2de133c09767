// What a request says about its answer's life: that it is to outlive the connection, or which one to go on with.
//
//   X-Studio-Resume: 1                    keep the answer and number its events
//   X-Studio-Resume: <answer id>          go on with that answer
//   Last-Event-ID: <answer id>:<n>, <n>   and behind event n of it
//   ?after=<n>                            the same where events have no ids (lines of JSON)
//   Idempotency-Key: <text>               the answer of the first request that carried it, or this one's
//
// Foreign bytes: every form that is not one of these is an error that names the field.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/digest.h"
#include "base/result.h"
#include "http/message.h"

namespace studio::api {

inline constexpr size_t kMaxIdempotencyKeyBytes = 255;  // what others take; clients send a UUID

// How the events of a dialect's streams are told apart.
enum class EventNumbers {
  kIdLines,  // SSE; `id:` lines are put in for who asks: clients that do not know them stumble
  kOwnIds,   // SSE whose writer numbers its events from 1
  kLines,    // lines of JSON, counted
};

struct Wish {
  bool is_kept = false;                     // none of the fields is there otherwise
  bool has_id_lines = false;                // who asks can read them
  std::string answer_id;                    // of one to go on with; empty where none is named
  std::optional<Sha256Digest> idempotency;  // of the key's bytes: a stranger's words are not kept
  std::optional<uint64_t> after;            // the event that the client has last

  const char* named_by() const;  // the field that says which answer is meant
  // Nothing is begun for it: what it names is there or the answer is not_found.
  bool goes_on() const { return !answer_id.empty() || after.value_or(0) > 0; }
};

// Errors: invalid_argument with the field as its param.
Result<Wish> read_wish(const http::Request& request, EventNumbers numbers);

}  // namespace studio::api
