#include "keys/key_ring.h"

#include <algorithm>
#include <ctime>

#include "base/ids.h"
#include "base/json.h"
#include "store/temporary_keys.h"

namespace studio::keys {
namespace {

constexpr size_t kKeyLetters = 43;  // 62^43 > 2^256
// "sk-aB3x" and "9Zq1": enough to tell keys apart, and of the 256 bits of a key 208 stay unsaid. Of a short key that
// somebody chose no more than a quarter is shown at each end.
constexpr size_t kPrefixBytes = 7, kSuffixBytes = 4;
constexpr std::string_view kPrefix = "sk-", kTemporaryPrefix = "st-";
constexpr std::string_view kAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr const char* kLocalName = "local";
constexpr const char* kChosenName = "chosen";
constexpr const char* kChosenId = "key_chosen";

std::string random_key(std::string_view prefix) {
  std::string key(prefix);
  while (key.size() < prefix.size() + kKeyLetters) {
    uint64_t bits = random_u64();
    for (int i = 0; i < 8 && key.size() < prefix.size() + kKeyLetters; ++i, bits >>= 8) {
      uint8_t byte = bits & 0xff;
      if (byte < 62 * 4) key += kAlphabet[byte % 62];  // the rest would favour some letters
    }
  }
  return key;
}

KeyInfo describe(const std::string& key, std::string key_id, std::string name, Kind kind) {
  size_t suffix = std::min(kSuffixBytes, key.size() / 4);
  return {.key_id = std::move(key_id),
          .name = std::move(name),
          .kind = kind,
          .prefix = key.substr(0, std::min(kPrefixBytes, key.size() / 4)),
          .suffix = key.substr(key.size() - suffix),
          .created_at = std::time(nullptr)};
}

store::ApiKey record_of(const KeyInfo& info, const Sha256Digest& digest) {
  return {.key_id = info.key_id,
          .name = info.name,
          .digest = digest,
          .prefix = info.prefix,
          .suffix = info.suffix,
          .created_at = info.created_at,
          .is_local = info.kind == Kind::kLocal};
}

Error bad_name(Code code, std::string message) {
  return Error(code, std::move(message)).with_param("name");
}

Error unknown_key() {
  return Error(Code::kNotFound, "There is no such key, or it was revoked already.");
}

// C0, DEL and C1 of a text that is valid UTF-8.
bool has_control_character(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    auto byte = static_cast<uint8_t>(text[i]);
    if (byte < 0x20 || byte == 0x7f) return true;
    if (byte == 0xc2 && static_cast<uint8_t>(text[i + 1]) < 0xa0) return true;
  }
  return false;
}

}  // namespace

std::string new_key() {
  return random_key(kPrefix);
}

bool is_temporary_form(std::string_view key) {
  return key.size() == kTemporaryPrefix.size() + kKeyLetters && key.starts_with(kTemporaryPrefix) &&
         key.find_first_not_of(kAlphabet, kTemporaryPrefix.size()) == std::string_view::npos;
}

Result<std::string> checked_name(std::string_view name) {
  size_t begin = name.find_first_not_of(' ');
  if (begin == std::string_view::npos) {
    return bad_name(Code::kInvalidArgument, "name: a key needs one, such as the program that will use it.");
  }
  name = name.substr(begin, name.find_last_not_of(' ') + 1 - begin);
  std::string quoted;
  append_json_string(quoted, name);
  if (!parse_json(quoted).ok()) return bad_name(Code::kInvalidArgument, "name: it must be valid UTF-8.");
  if (has_control_character(name)) {
    return bad_name(Code::kInvalidArgument, "name: it must be one line, without control characters.");
  }
  auto characters = std::ranges::count_if(name, [](char c) { return (static_cast<uint8_t>(c) & 0xc0) != 0x80; });
  if (static_cast<size_t>(characters) > kMaxNameCharacters) {
    return bad_name(Code::kOutOfRange, "name: it has " + std::to_string(characters) + " characters; the most is " +
                                           std::to_string(kMaxNameCharacters) + ".");
  }
  return std::string(name);
}

Result<std::shared_ptr<KeyRing>> KeyRing::open(std::shared_ptr<store::Store> store, Now now) {
  STUDIO_TRY(auto records, store->active_keys());
  std::shared_ptr<KeyRing> ring(new KeyRing(std::move(store), std::move(now)));
  STUDIO_TRY(const auto lent, store::temporary_keys(*ring->store_, ring->now()));
  for (const store::TemporaryKey& key : lent) ring->loans_[key.digest] = {key.parent, key.expires_at};
  for (store::ApiKey& record : records) {
    KeyInfo info{.key_id = std::move(record.key_id),
                 .name = std::move(record.name),
                 .kind = record.is_local ? Kind::kLocal : Kind::kMade,
                 .prefix = std::move(record.prefix),
                 .suffix = std::move(record.suffix),
                 .created_at = record.created_at};
    ring->entries_.push_back({std::move(info), record.digest});
  }
  return ring;
}

Result<std::shared_ptr<KeyRing>> KeyRing::open_folder(const std::string& folder) {
  STUDIO_TRY(auto store, store::Store::open(folder));
  return open(std::move(store));
}

int64_t KeyRing::now() const {
  return now_ ? now_() : std::time(nullptr);
}

const KeyRing::Entry* KeyRing::entry_of(const Sha256Digest& digest) const {
  const Entry* found = nullptr;
  for (const Entry& entry : entries_) {
    // Every entry is compared, so that the time does not tell which one matched.
    if (equal_in_constant_time(entry.digest, digest)) found = &entry;
  }
  return found;
}

std::optional<std::string> KeyRing::find(const Sha256Digest& digest) const {
  std::scoped_lock lock(mutex_);
  const auto loan = loans_.find(digest);
  if (loan != loans_.end() && loan->second.expires_at <= now()) return std::nullopt;
  // A loan whose parent was revoked finds no entry.
  const Entry* found = entry_of(loan == loans_.end() ? digest : loan->second.parent);
  if (!found) return std::nullopt;
  return found->info.key_id;
}

Result<LentKey> KeyRing::lend(std::string_view key_id, int64_t seconds) {
  if (seconds < 1 || seconds > kMaxLentSeconds) {
    return Error(Code::kOutOfRange, "A key may be lent for 1 to " + std::to_string(kMaxLentSeconds) + " seconds.");
  }
  std::scoped_lock change(changing_);
  const int64_t time = now();
  store::TemporaryKey record{.expires_at = time + seconds};
  {
    std::scoped_lock lock(mutex_);
    const auto entry = std::ranges::find(entries_, key_id, [](const Entry& one) { return one.info.key_id; });
    if (entry == entries_.end()) return unknown_key();
    record.parent = entry->digest;
    std::erase_if(loans_, [&](const auto& loan) { return loan.second.expires_at <= time; });
    if (loans_.size() >= kMaxTemporaryKeys) {
      return Error(Code::kQuotaExceeded,
                   "There are " + std::to_string(kMaxTemporaryKeys) + " temporary keys, the most at one time.");
    }
  }
  LentKey lent{.key = random_key(kTemporaryPrefix), .expires_at = record.expires_at};
  record.digest = sha256(lent.key);
  STUDIO_CHECK_OK(store::add_temporary_key(*store_, record, time));
  std::scoped_lock lock(mutex_);
  loans_[record.digest] = {record.parent, record.expires_at};
  return lent;
}

bool KeyRing::is_own(std::string_view key_id) const {
  std::scoped_lock lock(mutex_);
  return std::ranges::any_of(
      entries_, [&](const Entry& entry) { return entry.info.kind != Kind::kMade && entry.info.key_id == key_id; });
}

std::string KeyRing::name_of(std::string_view key_id) const {
  std::scoped_lock lock(mutex_);
  const auto entry = std::ranges::find_if(entries_, [&](const Entry& one) { return one.info.key_id == key_id; });
  return entry == entries_.end() ? "" : entry->info.name;
}

std::vector<KeyInfo> KeyRing::list() const {
  std::vector<KeyInfo> infos;
  {
    std::scoped_lock lock(mutex_);
    for (const Entry& entry : entries_) infos.push_back(entry.info);
  }
  std::ranges::stable_partition(infos, [](const KeyInfo& info) { return info.kind != Kind::kMade; });
  return infos;
}

Status KeyRing::check_room_for(const std::string& name) const {
  std::scoped_lock lock(mutex_);
  size_t made = 0;
  for (const Entry& entry : entries_) {
    if (entry.info.kind == Kind::kMade) ++made;
    if (entry.info.name != name) continue;
    return bad_name(Code::kConflict, "name: a key named \"" + name + "\" is there already; choose another name.");
  }
  if (made < kMaxMadeKeys) return Ok{};
  return Error(Code::kConflict, "There are " + std::to_string(kMaxMadeKeys) +
                                    " keys, the most that a server keeps; revoke one that is not used any more.");
}

Result<NewKey> KeyRing::make(std::string_view name) {
  STUDIO_TRY(auto checked, checked_name(name));
  std::scoped_lock change(changing_);
  STUDIO_CHECK_OK(check_room_for(checked));
  NewKey made{.key = new_key(), .info = {}};
  made.info = describe(made.key, "key_" + new_uuid(), std::move(checked), Kind::kMade);
  Sha256Digest digest = sha256(made.key);
  STUDIO_CHECK_OK(store_->add_key(record_of(made.info, digest)));
  std::scoped_lock lock(mutex_);
  entries_.push_back({made.info, digest});
  return made;
}

Result<KeyInfo> KeyRing::revoke(const std::string& key_id) {
  std::scoped_lock change(changing_);
  {
    std::scoped_lock lock(mutex_);
    auto found = std::ranges::find(entries_, key_id, [](const Entry& entry) { return entry.info.key_id; });
    if (found == entries_.end()) return unknown_key();
    if (found->info.kind == Kind::kLocal) {
      return Error(Code::kFailedPrecondition,
                   "This is the server's own key. Delete the file `key` of its data folder and start it again: that "
                   "makes another and revokes this one.");
    }
    if (found->info.kind == Kind::kChosen) {
      return Error(Code::kFailedPrecondition,
                   "The server was started with this key (--key, STUDIO_KEY or serve.key_file). Start it with another, "
                   "and this one opens nothing.");
    }
  }
  STUDIO_CHECK_OK(store_->revoke_key(key_id));
  std::scoped_lock lock(mutex_);
  auto found = std::ranges::find(entries_, key_id, [](const Entry& entry) { return entry.info.key_id; });
  KeyInfo revoked = std::move(found->info);
  entries_.erase(found);
  return revoked;
}

Result<std::optional<std::string>> KeyRing::adopt(const Sha256Digest& digest, Kind kind) {
  {
    std::scoped_lock lock(mutex_);
    for (Entry& entry : entries_) {
      if (!equal_in_constant_time(entry.digest, digest)) continue;
      if (entry.info.kind == Kind::kMade) entry.info.kind = kind;
      return std::optional(entry.info.key_id);
    }
  }
  STUDIO_TRY(bool is_revoked, store_->was_revoked(digest));
  if (!is_revoked) return std::optional<std::string>();
  return Error(
      Code::kFailedPrecondition,
      kind == Kind::kChosen
          ? "the key given by --key, STUDIO_KEY or serve.key_file was revoked here; give another, or none"
          : "the key in the data folder's file `key` was revoked here; delete the file, and a new one is made");
}

Result<std::string> KeyRing::accept_chosen(const std::string& key) {
  std::scoped_lock change(changing_);
  Sha256Digest digest = sha256(key);
  STUDIO_TRY(auto known, adopt(digest, Kind::kChosen));
  if (known) return *known;
  std::scoped_lock lock(mutex_);
  entries_.push_back({describe(key, kChosenId, kChosenName, Kind::kChosen), digest});
  return std::string(kChosenId);
}

Result<std::string> KeyRing::accept_local(const std::string& key) {
  std::scoped_lock change(changing_);
  Sha256Digest digest = sha256(key);
  STUDIO_TRY(auto known, adopt(digest, Kind::kLocal));
  if (known) return *known;
  KeyInfo info = describe(key, "key_" + new_uuid(), kLocalName, Kind::kLocal);
  STUDIO_CHECK_OK(store_->add_key(record_of(info, digest)));
  std::scoped_lock lock(mutex_);
  entries_.push_back({info, digest});
  return info.key_id;
}

Status KeyRing::revoke_local() {
  std::scoped_lock change(changing_);
  STUDIO_CHECK_OK(store_->revoke_local_keys());
  std::scoped_lock lock(mutex_);
  std::erase_if(entries_, [](const Entry& entry) { return entry.info.kind == Kind::kLocal; });
  return Ok{};
}

}  // namespace studio::keys
