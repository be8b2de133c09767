// The keys that open the API: which are accepted now, how one is made, how one is taken back.
//
// Two sorts. The server's own key is the one it was started with: the local one (DATA/key), or one chosen for this run.
// It also opens the console, so nothing here takes it away. Made keys are for programs: each has a name, and can be
// revoked. A made key cannot open the console, or it could make others that outlive it.
// Each may be lent: a temporary key stands for it some minutes, opens what it opens (but no console), and nothing once
// it is gone.
// Threads: any. find() reads memory alone and never waits for the disk; a change blocks until it is durable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "store/store.h"

namespace studio::keys {

// Each request is compared with every key, whichever matches: a hundred digests are 3 KB, a few microseconds. And
// a hundred names are as many as a person can still look through.
inline constexpr size_t kMaxMadeKeys = 100;
// Of a name, in characters: a line of the list.
inline constexpr size_t kMaxNameCharacters = 64;

// Of a temporary key: the vendor's own.
inline constexpr int64_t kMaxLentSeconds = 1800;
// Of all keys, at one time: 80 bytes each, and a client that asks for one a second has as many as its longest lasts.
inline constexpr size_t kMaxTemporaryKeys = 10'000;

enum class Kind {
  kMade,    // by somebody, with a name
  kLocal,   // the data folder's own, made at first start
  kChosen,  // for this run alone: --key, STUDIO_KEY, serve.key_file
};

// What may be told of a key.
struct KeyInfo {
  std::string key_id;
  std::string name;
  Kind kind = Kind::kMade;
  std::string prefix, suffix;  // its first and last characters, to tell it by; the suffix may be missing
  int64_t created_at = 0;      // Unix seconds; of a chosen key when this run began
};

struct NewKey {
  std::string key;  // told once
  KeyInfo info;
};

struct LentKey {
  std::string key;         // told once
  int64_t expires_at = 0;  // Unix seconds
};

// "sk-" and 43 letters and digits: 256 bits of the system's random source.
std::string new_key();
// Whether a text is of a temporary key's form: "st-" and the same.
bool is_temporary_form(std::string_view key);

// Every reader of names goes through this: the name without blanks around it.
// Errors: invalid_argument, out_of_range, with the parameter "name".
Result<std::string> checked_name(std::string_view name);

class KeyRing {
 public:
  using Now = std::function<int64_t()>;  // Unix seconds; empty: the clock
  static Result<std::shared_ptr<KeyRing>> open(std::shared_ptr<store::Store> store, Now now = {});
  // With a store that nothing else uses. Errors: those of Store::open().
  static Result<std::shared_ptr<KeyRing>> open_folder(const std::string& folder);

  // The id of the key with this digest; of a temporary one that of the key it stands for. Every key is compared in
  // constant time; temporary ones are looked up, by a digest that nobody can aim at.
  std::optional<std::string> find(const Sha256Digest& digest) const;
  bool is_own(std::string_view key_id) const;
  std::string name_of(std::string_view key_id) const;  // empty where no key has this id
  std::vector<KeyInfo> list() const;                   // own ones first, then oldest first

  // Errors: those of checked_name(); conflict when another made key has the name, or kMaxMadeKeys are there.
  Result<NewKey> make(std::string_view name);
  // From when this returns the key opens nothing. Errors: not_found; failed_precondition for the server's own.
  Result<KeyInfo> revoke(const std::string& key_id);

  // A key that stands for that one for 1 .. kMaxLentSeconds. Errors: not_found; quota_exceeded at kMaxTemporaryKeys.
  Result<LentKey> lend(std::string_view key_id, int64_t seconds);

  // The server's own key at its start; each gives its id. Errors: failed_precondition when it was revoked once.
  Result<std::string> accept_chosen(const std::string& key);
  Result<std::string> accept_local(const std::string& key);  // kept in the store, when it is new there
  Status revoke_local();                                     // its file was deleted

 private:
  struct Entry {
    KeyInfo info;
    Sha256Digest digest;
  };
  struct Loan {
    Sha256Digest parent{};
    int64_t expires_at = 0;
  };
  KeyRing(std::shared_ptr<store::Store> store, Now now) : store_(std::move(store)), now_(std::move(now)) {}
  const Entry* entry_of(const Sha256Digest& digest) const;  // under mutex_
  int64_t now() const;
  // The id of the key, now of this kind, where it is accepted already. Errors: failed_precondition when it was revoked.
  Result<std::optional<std::string>> adopt(const Sha256Digest& digest, Kind kind);
  Status check_room_for(const std::string& name) const;

  const std::shared_ptr<store::Store> store_;
  const Now now_;
  std::mutex changing_;       // one change at a time, with its wait for the disk; taken before mutex_
  mutable std::mutex mutex_;  // guards what follows, for moments
  std::vector<Entry> entries_;
  std::map<Sha256Digest, Loan> loans_;  // by the temporary key's digest; ended ones go with the next loan
};

}  // namespace studio::keys
