#include "api/dashscope/result_links.h"

#include <charconv>

#include "api/files/list_query.h"
#include "base/hmac.h"
#include "base/ids.h"

namespace studio::api::dashscope {
namespace {

Error refused() {
  return Error(Code::kPermissionDenied,
               "This address is not one that this server gives out now; GET /api/v1/tasks/TASK_ID tells a new one.");
}

std::string new_secret() {
  std::string secret;
  for (int i = 0; i < 4; ++i) {
    const uint64_t bits = random_u64();
    secret.append(reinterpret_cast<const char*>(&bits), sizeof bits);
  }
  return secret;
}

}  // namespace

ResultLinks::ResultLinks() : secret_(new_secret()) {}

// Ids hold no line ends, so no two triples are one text.
std::string ResultLinks::signature(const std::string& owner, const std::string& task_id,
                                   const std::string& expires) const {
  return to_hex(hmac_sha256(secret_, task_id + "\n" + owner + "\n" + expires));
}

std::string ResultLinks::link(const http::Request& request, const std::string& owner, const std::string& task_id,
                              int64_t now) const {
  const std::string expires = std::to_string(now + kLinkSeconds);
  const std::string* host = request.fields.find("host");
  return (host ? request.scheme + "://" + *host : "") + "/api/v1/tasks/" + task_id + "/result?key_id=" + owner +
         "&expires=" + expires + "&signature=" + signature(owner, task_id, expires);
}

Result<std::string> ResultLinks::owner_of(std::string_view query, const std::string& task_id, int64_t now) const {
  const auto parsed = ListQuery::parse(query, {"key_id", "expires", "signature"});
  if (!parsed.ok()) return refused();
  const std::string* owner = parsed->text("key_id");
  const std::string* expires = parsed->text("expires");
  const std::string* given = parsed->text("signature");
  if (!owner || !expires || !given) return refused();
  const auto digest = digest_of_hex(*given), right = digest_of_hex(signature(*owner, task_id, *expires));
  if (!digest || !equal_in_constant_time(*digest, *right)) return refused();
  int64_t end = 0;  // signed, so it is a number
  std::from_chars(expires->data(), expires->data() + expires->size(), end);
  if (end <= now) return refused();
  return *owner;
}

}  // namespace studio::api::dashscope
