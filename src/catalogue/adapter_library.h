// The adapters on this disk, under DATA/adapters/MODEL: for each a file as engines take it and a description with its
// digest. The description comes last and goes first, so an adapter is here whole or not at all.
//
// Knows nothing of what the files hold. Threads: any; two processes are kept apart by the caller's lock.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace studio::catalogue {

struct LocalAdapter {
  std::string model = {};  // the base's name
  std::string name = {};
  std::string path = {};
  std::string sha256 = {};  // of the file, hex
  std::string source = {};  // what it was made from, as the person named it
  std::string store = {};   // "int16"
  int64_t bytes = 0;
  int64_t added_at = 0;  // Unix seconds

  std::string full_name() const { return model + ":" + name; }
};

// "model:adapter" in its two parts. Errors: invalid_argument.
struct AdapterName {
  std::string model, adapter;
};
Result<AdapterName> parse_adapter_name(const std::string& text);

class AdapterLibrary {
 public:
  explicit AdapterLibrary(const std::string& data_dir) : folder_(data_dir + "/adapters") {}

  // By model, then by name. What has no right description, or another size than it says, is left out.
  Result<std::vector<LocalAdapter>> list() const;
  Result<std::vector<LocalAdapter>> list_of(const std::string& model) const;
  // Errors: not_found; corrupt_data where the file is not what its description says.
  Result<LocalAdapter> find(const std::string& model, const std::string& name) const;

  // The model's folder. Errors: invalid_argument; conflict where there is an adapter of that name already.
  Status prepare(const AdapterName& name) const;
  // A folder of the adapter's own for what is being made; it is emptied.
  Result<std::string> make_staging(const AdapterName& name) const;
  // The file `staged` becomes the adapter's; the description's path, bytes and digest are filled in.
  Result<LocalAdapter> publish(const std::string& staged, LocalAdapter adapter) const;
  Status remove(const std::string& model, const std::string& name) const;
  std::string lock_path(const std::string& model) const { return folder_of(model) + "/.lock"; }

 private:
  std::string folder_of(const std::string& model) const { return folder_ + "/" + model; }
  std::string path_of(const std::string& model, const std::string& name) const;
  std::string description_of(const std::string& model, const std::string& name) const;

  std::string folder_;
};

}  // namespace studio::catalogue
