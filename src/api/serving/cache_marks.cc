#include "api/serving/cache_marks.h"

#include "api/serving/call_fields.h"

namespace studio::api {
namespace {

namespace json = boost::json;

constexpr FieldRule kCacheRules[] = {
    {"type", FieldUse::kHonoured, R"("ephemeral")"},
    {"ttl", FieldUse::kNoEffect, "a text"},  // as with the original, for whom there is one life alone
};

constexpr std::string_view kField = "cache_control";

}  // namespace

bool has_cache_mark(FieldReader& object, std::vector<std::string>* ignored) {
  const json::object* mark = object.object(kField);
  if (!mark) return false;
  FieldReader inner(*mark, object.path_of(kField), kCacheRules, ignored);
  const auto type = inner.text("type");
  if (inner.ok() && type != "ephemeral") {
    inner.fail("type", type ? "must be \"ephemeral\"; it is " + quoted(*type) : "is missing; it is \"ephemeral\"");
  }
  if (!inner.ok()) object.fail(inner.status().error());
  return object.ok();
}

void add_cache_mark(FieldReader& object, inference::CacheMark mark, std::vector<inference::CacheMark>& marks) {
  if (marks.size() == engine::kMaxCacheMarks) {
    return object.fail(kField, "may be said " + std::to_string(engine::kMaxCacheMarks) + " times in a request");
  }
  marks.push_back(mark);
}

void add_cache_table(const std::string& path, std::vector<FieldTable>& tables) {
  tables.push_back({path + std::string(path.empty() ? "" : ".") + std::string(kField), "", kCacheRules});
}

json::object prompt_tokens_details(const inference::GenerationUsage& usage) {
  json::object details{{"cached_tokens", usage.cached_tokens}};
  if (!usage.has_marks) return details;
  details["cache_creation_input_tokens"] = usage.newly_held_tokens;
  details["cache_creation"] = json::object{{"ephemeral_5m_input_tokens", usage.newly_held_tokens}};
  details["cache_type"] = "ephemeral";
  return details;
}

}  // namespace studio::api
