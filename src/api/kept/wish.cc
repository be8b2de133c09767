#include "api/kept/wish.h"

#include <algorithm>
#include <charconv>

namespace studio::api {
namespace {

constexpr const char* kResume = "X-Studio-Resume";
constexpr const char* kLastEvent = "Last-Event-ID";
constexpr const char* kIdempotency = "Idempotency-Key";
constexpr std::string_view kAfter = "after";
constexpr size_t kUuidBytes = 36;

Error wrong(const char* field, const std::string& what) {
  return Error(Code::kInvalidArgument, std::string(field) + " " + what).with_param(field);
}

// The field's value without blanks, nothing where it is absent or empty. Of two fields of one name neither counts.
Result<std::optional<std::string_view>> value_of(const http::Request& request, const char* field) {
  if (!request.fields.find(field)) return std::optional<std::string_view>();
  const std::string* value = request.fields.find_only(field);
  if (!value) return wrong(field, "is sent twice.");
  const std::string_view text = http::trim_blanks(*value);
  return text.empty() ? std::optional<std::string_view>() : std::optional(text);
}

bool is_answer_id(std::string_view text) {
  if (text.size() != kUuidBytes) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool is_dash_place = i == 8 || i == 13 || i == 18 || i == 23;
    const bool is_digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    if (is_dash_place ? c != '-' : !is_digit) return false;
  }
  return true;
}

std::optional<uint64_t> number_of(std::string_view text) {
  uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (text.empty() || error != std::errc() || stop != end) return std::nullopt;
  return number;
}

Status read_resume(std::string_view value, Wish& wish) {
  wish.has_id_lines = true;
  if (value == "1") return Ok{};
  if (!is_answer_id(value)) {
    return wrong(kResume, "must be 1, or the id of an answer as its X-Studio-Answer field says it.");
  }
  wish.answer_id = value;
  return Ok{};
}

Status read_last_event(std::string_view value, Wish& wish) {
  const size_t colon = value.rfind(':');
  const bool names_answer = colon != std::string_view::npos;
  wish.after = number_of(names_answer ? value.substr(colon + 1) : value);
  if (!wish.after || (names_answer && !is_answer_id(value.substr(0, colon)))) {
    return wrong(kLastEvent, "must be the id of an event as it was sent: <answer id>:<number>, or its number alone.");
  }
  wish.has_id_lines = true;
  if (!names_answer) return Ok{};
  const std::string_view answer = value.substr(0, colon);
  if (!wish.answer_id.empty() && wish.answer_id != answer) {
    return wrong(kLastEvent, "names another answer than " + std::string(kResume) + ".");
  }
  wish.answer_id = answer;
  return Ok{};
}

Status read_idempotency(std::string_view value, Wish& wish) {
  const bool is_visible = std::ranges::all_of(value, [](char c) { return c > ' ' && c < 0x7f; });
  if (!is_visible || value.size() > kMaxIdempotencyKeyBytes) {
    return wrong(kIdempotency,
                 "must be 1 to " + std::to_string(kMaxIdempotencyKeyBytes) + " visible ASCII characters.");
  }
  wish.idempotency = sha256(value);
  return Ok{};
}

// The first `after` of the query.
std::optional<std::string_view> after_of(std::string_view query) {
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    const size_t equals = pair.find('=');
    if (pair.substr(0, equals) == kAfter) {
      return equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
    }
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return std::nullopt;
}

Status read_after(std::string_view value, Wish& wish) {
  const auto number = number_of(value);
  if (!number) return wrong("after", "must be the number of lines that you have.");
  if (wish.after && wish.after != number) return wrong("after", "is another number than that of Last-Event-ID.");
  wish.after = number;
  return Ok{};
}

}  // namespace

const char* Wish::named_by() const {
  if (answer_id.empty()) return kIdempotency;
  return after ? kLastEvent : kResume;
}

Result<Wish> read_wish(const http::Request& request, EventNumbers numbers) {
  Wish wish;
  STUDIO_TRY(const auto resume, value_of(request, kResume));
  STUDIO_TRY(const auto last_event, value_of(request, kLastEvent));
  STUDIO_TRY(const auto idempotency, value_of(request, kIdempotency));
  const auto after = numbers == EventNumbers::kLines ? after_of(request.query) : std::nullopt;
  wish.is_kept = resume || last_event || idempotency || after;
  if (resume) STUDIO_CHECK_OK(read_resume(*resume, wish));
  if (last_event) STUDIO_CHECK_OK(read_last_event(*last_event, wish));
  if (idempotency) STUDIO_CHECK_OK(read_idempotency(*idempotency, wish));
  if (after) STUDIO_CHECK_OK(read_after(*after, wish));
  if (wish.after && wish.answer_id.empty() && !wish.idempotency) {
    return wrong(after ? "after" : kLastEvent,
                 "names no answer: send its id as X-Studio-Resume, or the Idempotency-Key of its first request.");
  }
  return wish;
}

}  // namespace studio::api
