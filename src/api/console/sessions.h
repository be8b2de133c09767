// Who is logged in to the console: one-time links, and the sessions that they are exchanged for.
//
// A link's token and a session's token are random, are told once and are kept as SHA-256 digests alone. All of it is
// in memory: a restart of the gateway logs everybody out, and nothing on disk can be stolen.
// Any thread.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/result.h"

namespace studio::api::console {

// A link lies in a terminal until somebody clicks it, maybe after lunch; by the next day it is forgotten.
inline constexpr std::chrono::hours kLinkLifetime{12};
// A working week: who comes back on Monday runs `studio console` once.
inline constexpr std::chrono::hours kSessionLifetime{24 * 7};
// Each costs about 200 bytes. Beyond these the oldest goes: a person has a handful of browsers.
inline constexpr size_t kMaxLinks = 32;
inline constexpr size_t kMaxSessions = 256;

struct Session {
  std::string principal;  // the key id on whose behalf it acts
  std::chrono::system_clock::time_point ends_at;
};

class Sessions {
 public:
  using Clock = std::function<std::chrono::system_clock::time_point()>;
  explicit Sessions(Clock clock = std::chrono::system_clock::now) : clock_(std::move(clock)) {}

  // A token that logs in once, as the principal.
  std::string new_link(std::string principal);
  // Exchanges a link's token for a session's. Errors: unauthenticated, the same for unknown, used and expired.
  Result<std::string> log_in(std::string_view link_token);
  std::optional<Session> find(std::string_view session_token);
  void log_out(std::string_view session_token);

  size_t links() const;
  size_t sessions() const;

 private:
  using Table = std::map<Sha256Digest, Session>;
  // Makes room, so that a table never holds more than `most` with the one that comes.
  void make_room(Table& table, size_t most);

  const Clock clock_;
  mutable std::mutex mutex_;  // guards both
  Table links_;
  Table sessions_;
};

}  // namespace studio::api::console
