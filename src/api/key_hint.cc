#include "api/key_hint.h"

#include <string_view>

namespace studio::api {
namespace {

// Source: the vendors' documentation of their keys, read 2026-11. The longer of two beginnings comes first.
struct Door {
  std::string_view begins;
  std::string_view belongs;
};
constexpr Door kDoors[] = {
    {"sk-ant-", "is one of Anthropic's, for https://api.anthropic.com"},
    {"sk-proj-", "is one of OpenAI's, for https://api.openai.com"},
    {"sk-or-", "is one of OpenRouter's, for https://openrouter.ai"},
    {"sk-sp-", "is one of a subscription, for https://coding.dashscope.aliyuncs.com"},
    {"st-",
     "is a temporary one, which has ended, or is of another server or of Alibaba Cloud; POST /api/v1/tokens lends "
     "another"},
    {"LTAI",
     "is the id of an AccessKey, which signs requests to Alibaba Cloud's control plane (bailian.REGION.aliyuncs.com)"},
    {"hf_", "is one of Hugging Face's, for downloads: set HF_TOKEN for `studio pull`"},
    {"AIza", "is one of Google's, for https://generativelanguage.googleapis.com"},
    {"gsk_", "is one of Groq's, for https://api.groq.com"},
};

// Fields that other services take keys in.
constexpr std::string_view kUnreadFields[] = {"api-key", "x-goog-api-key", "x-dashscope-api-key",
                                              "ocp-apim-subscription-key", "openai-api-key"};
constexpr std::string_view kUnreadParameters[] = {"api_key=", "key=", "api-key=", "apikey=", "access_token="};

std::string_view scheme_of(std::string_view field) {
  return field.substr(0, field.find(' '));
}

// The key as it was sent in a field that is read.
std::string_view sent_key(const http::Request& request) {
  if (const std::string* field = request.fields.find("authorization")) {
    const size_t space = field->find(' ');
    return space == std::string::npos ? std::string_view(*field)
                                      : http::trim_blanks(std::string_view(*field).substr(space));
  }
  const std::string* field = request.fields.find("x-api-key");
  return field ? http::trim_blanks(*field) : std::string_view();
}

std::string hint_of_place(const http::Request& request) {
  for (const std::string_view name : kUnreadFields) {
    if (request.fields.find(name)) return " The field `" + std::string(name) + "` is not read.";
  }
  for (const std::string_view name : kUnreadParameters) {
    if (request.query.starts_with(name) || request.query.find("&" + std::string(name)) != std::string::npos) {
      return " A key in the address is not read: addresses stand in logs.";
    }
  }
  return "";
}

}  // namespace

std::string key_hint(const http::Request& request) {
  const std::string_view key = sent_key(request);
  for (const Door& door : kDoors) {
    if (key.starts_with(door.begins)) return " The key that was sent " + std::string(door.belongs) + ".";
  }
  const std::string* field = request.fields.find("authorization");
  if (field && !http::equal_ignoring_case(scheme_of(*field), "bearer")) {
    return field->find(' ') == std::string::npos ? " The word `Bearer` is missing before the key."
                                                 : " Of the schemes of `Authorization` only `Bearer` is read.";
  }
  return key.empty() ? hint_of_place(request) : "";
}

}  // namespace studio::api
