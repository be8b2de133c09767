// The keys of the data folder, wherever they are held now: by the server that runs on it, or in the store itself.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/api_client.h"
#include "cli/command.h"
#include "keys/key_ring.h"

namespace studio::cli {

class KeyDesk {
 public:
  virtual ~KeyDesk() = default;
  virtual Result<std::vector<keys::KeyInfo>> list() = 0;
  virtual Result<keys::NewKey> make(const std::string& name) = 0;
  virtual Status revoke(const std::string& key_id) = 0;

  // A server holds the store's lock while it runs, so it is asked, with its own key; otherwise the store is opened.
  // Errors: unavailable where a server holds the lock that does not answer, such as one that loads its models.
  static Result<std::unique_ptr<KeyDesk>> open(const Context& context);
};

}  // namespace studio::cli
