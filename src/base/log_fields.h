// Every field that a log line may have, and what its text may be made of: an allow-list that the compiler checks.
//
// A field that is not here does not compile; a text that its kind does not allow is written as '?' per byte. Prompts,
// answers, keys and header values have no kind here, and none shall be added: to log something new, give it a name and
// the narrowest kind that fits.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace studio::log {

enum class FieldKind {
  kNumber,  // numbers and truth values alone
  kWord,    // of a closed set in our code: letters, digits, and . _ - / { } + : #
  kId,      // ids: letters, digits, and . _ - # :
  kName,    // a model's, chosen by the operator
  kPlace,   // a path or an address of ours, chosen by the operator
  kReason,  // a sentence of our own code
};

struct FieldRule {
  std::string_view name;
  FieldKind kind;
};

inline constexpr auto kFieldRules = std::to_array<FieldRule>({
    {"adapter", FieldKind::kName},
    {"after", FieldKind::kNumber},
    {"answer_id", FieldKind::kId},
    {"architecture", FieldKind::kWord},
    {"batch_id", FieldKind::kId},
    {"by", FieldKind::kReason},
    {"bytes", FieldKind::kNumber},
    {"certificate", FieldKind::kPlace},
    {"client_gone", FieldKind::kNumber},
    {"client_request_id", FieldKind::kId},
    {"completion_tokens", FieldKind::kNumber},
    {"context_tokens", FieldKind::kNumber},
    {"days_left", FieldKind::kNumber},
    {"deadline_ms", FieldKind::kNumber},
    {"detail", FieldKind::kReason},
    {"digest", FieldKind::kId},
    {"end", FieldKind::kReason},
    {"file_id", FieldKind::kId},
    {"finish_reason", FieldKind::kWord},
    {"is_let_in", FieldKind::kNumber},
    {"is_made_again", FieldKind::kNumber},
    {"kept", FieldKind::kReason},
    {"kernels", FieldKind::kWord},
    {"key_id", FieldKind::kId},
    {"load_ms", FieldKind::kNumber},
    {"losses", FieldKind::kNumber},
    {"max_tokens", FieldKind::kNumber},
    {"method", FieldKind::kWord},
    {"model", FieldKind::kName},
    {"models", FieldKind::kNumber},
    {"ms", FieldKind::kNumber},
    {"on_trial", FieldKind::kNumber},
    {"path", FieldKind::kPlace},
    {"peer", FieldKind::kId},
    {"pid", FieldKind::kNumber},
    {"produced", FieldKind::kNumber},
    {"prompt_tokens", FieldKind::kNumber},
    {"reason", FieldKind::kReason},
    {"request_id", FieldKind::kId},
    {"response_id", FieldKind::kId},
    {"responses", FieldKind::kNumber},
    {"resumed_tokens", FieldKind::kNumber},
    {"route", FieldKind::kWord},
    {"signal", FieldKind::kNumber},
    {"status", FieldKind::kNumber},
    {"streams", FieldKind::kNumber},
    {"texts", FieldKind::kNumber},
    {"threads", FieldKind::kNumber},
    {"url", FieldKind::kPlace},
    {"why", FieldKind::kReason},
    {"worker", FieldKind::kNumber},
});

// How long a text of each kind may be, in bytes; more is cut.
constexpr size_t max_bytes_of(FieldKind kind) {
  switch (kind) {
    case FieldKind::kNumber:
      return 0;
    case FieldKind::kWord:
    case FieldKind::kId:
      return 96;  // a UUID, '#' and a choice; the longest route
    case FieldKind::kName:
      return 256;
    case FieldKind::kPlace:
    case FieldKind::kReason:
      return 1024;
  }
  return 0;
}

constexpr bool allows(FieldKind kind, char c) {
  const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  switch (kind) {
    case FieldKind::kNumber:
      return false;
    case FieldKind::kWord:
      return is_letter || std::string_view("._-/{}+:#").find(c) != std::string_view::npos;
    case FieldKind::kId:
      return is_letter || std::string_view("._-#:").find(c) != std::string_view::npos;
    case FieldKind::kName:
    case FieldKind::kPlace:
    case FieldKind::kReason:
      return true;
  }
  return false;
}

// A field's name, known while compiling.
struct FieldName {
  consteval FieldName(const char* text) : name(text), kind(kind_of(text)) {}  // NOLINT(google-explicit-constructor)

  static consteval FieldKind kind_of(std::string_view text) {
    for (const FieldRule& rule : kFieldRules) {
      if (rule.name == text) return rule.kind;
    }
    throw "this field is not in kFieldRules";  // never runs: it only does not compile
  }

  std::string_view name;
  FieldKind kind;
};

}  // namespace studio::log
