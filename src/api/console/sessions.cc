#include "api/console/sessions.h"

#include <algorithm>

#include "base/ids.h"

namespace studio::api::console {
namespace {

// Hexadecimal digits of `words` * 64 random bits.
std::string new_token(int words) {
  std::string token;
  for (int i = 0; i < words; ++i) {
    uint64_t bits = random_u64();
    uint8_t bytes[8];
    for (uint8_t& byte : bytes) {
      byte = bits & 0xff;
      bits >>= 8;
    }
    token += to_hex(bytes);
  }
  return token;
}

constexpr int kLinkWords = 2;     // 128 bits: it works once, and fits a line
constexpr int kSessionWords = 4;  // 256 bits

}  // namespace

void Sessions::make_room(Table& table, size_t most) {
  auto now = clock_();
  std::erase_if(table, [&](const auto& entry) { return entry.second.ends_at <= now; });
  while (table.size() >= most) {
    table.erase(std::ranges::min_element(table, {}, [](const auto& entry) { return entry.second.ends_at; }));
  }
}

std::string Sessions::new_link(std::string principal) {
  std::string token = new_token(kLinkWords);
  std::scoped_lock lock(mutex_);
  make_room(links_, kMaxLinks);
  links_[sha256(token)] = {std::move(principal), clock_() + kLinkLifetime};
  return token;
}

Result<std::string> Sessions::log_in(std::string_view link_token) {
  std::scoped_lock lock(mutex_);
  // Taken out before anything else: of two that come at once, one finds it.
  auto link = links_.extract(sha256(link_token));
  if (link.empty() || link.mapped().ends_at <= clock_()) {
    return Error(Code::kUnauthenticated,
                 "This link was used already or has expired; `studio console` prints a new one.");
  }
  std::string token = new_token(kSessionWords);
  make_room(sessions_, kMaxSessions);
  sessions_[sha256(token)] = {std::move(link.mapped().principal), clock_() + kSessionLifetime};
  return token;
}

std::optional<Session> Sessions::find(std::string_view session_token) {
  std::scoped_lock lock(mutex_);
  auto found = sessions_.find(sha256(session_token));
  if (found == sessions_.end()) return std::nullopt;
  if (found->second.ends_at > clock_()) return found->second;
  sessions_.erase(found);
  return std::nullopt;
}

void Sessions::log_out(std::string_view session_token) {
  std::scoped_lock lock(mutex_);
  sessions_.erase(sha256(session_token));
}

size_t Sessions::links() const {
  std::scoped_lock lock(mutex_);
  return links_.size();
}

size_t Sessions::sessions() const {
  std::scoped_lock lock(mutex_);
  return sessions_.size();
}

}  // namespace studio::api::console
