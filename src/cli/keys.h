// Keys and usage as the gateway wants them, on top of the store.
#pragma once

#include <memory>
#include <string>

#include "api/auth.h"
#include "base/result.h"
#include "inference/usage.h"
#include "keys/key_ring.h"
#include "store/store.h"

namespace studio::cli {

// Where a key for `studio serve` may come from, besides the environment and the data folder.
struct KeyChoice {
  std::string key;              // --key
  std::string key_file;         // --key-file
  std::string configured_file;  // serve.key_file
};

struct ServeKey {
  std::string key;  // the server's own
  std::string key_id;
  std::shared_ptr<keys::KeyRing> ring;         // it and the store's keys
  std::shared_ptr<api::KeyVerifier> verifier;  // accepts what is in the ring
};

// The key in STUDIO_KEY, or in the file that STUDIO_KEY_FILE names; empty without them.
Result<std::string> environment_key();

// A chosen key (a flag's, else the environment's, else the configured file's) counts for this run alone and is not
// kept. Without one the data folder's is used, made at first start: its digest goes to the store, the key itself to
// DATA/key (mode 0600), where the other commands find it. Deleting that file revokes the key at the next start, and a
// new one is made when it is wanted.
Result<ServeKey> prepare_serve_key(const KeyChoice& choice, const std::string& data_dir,
                                   std::shared_ptr<store::Store> store);

// The key that the other commands present to the data folder's server: the environment's, the configured file's, or
// that in DATA/key.
Result<std::string> local_key(const std::string& data_dir, const std::string& configured_file);

// Makes the data folder, its owner's alone: keys and usage live there.
Status make_data_dir(const std::string& data_dir);
// DATA/NAME for its owner alone, as an absolute path.
Result<std::string> make_private_folder(const std::string& data_dir, const std::string& name);

// Usage into the store: durable when record() returns.
std::shared_ptr<inference::UsageSink> make_usage_sink(std::shared_ptr<store::Store> store);

}  // namespace studio::cli
