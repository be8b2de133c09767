// The adapters that every worker of a model shall hold: what a worker is given when it comes up, and what is asked of
// it when one is added or removed while it runs (docs/formats/token_protocol.md).
//
// Threads: any.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "http/client.h"

namespace studio::inference {

// As formats/lora_writer.h makes it.
struct AdapterFile {
  std::string digest;  // SHA-256 in hex: the adapter's name to workers
  std::string path;
};

class AdapterList {
 public:
  // False: one of that digest is there already.
  bool add(AdapterFile file);
  bool remove(const std::string& digest);
  std::vector<AdapterFile> all() const;

 private:
  mutable std::mutex mutex_;
  std::vector<AdapterFile> files_;
};

// The file's bytes. Errors: those of reading; payload_too_large over kMaxAdapterBytes.
Result<std::string> read_adapter(const AdapterFile& file);
http::ClientRequest put_adapter(const std::string& digest, std::string bytes);
http::ClientRequest delete_adapter(const std::string& digest);

}  // namespace studio::inference
