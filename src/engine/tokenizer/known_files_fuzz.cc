// Any bytes as the record of known files: nothing is found in it, or what a sound one says. Where the first byte is
// odd, the rest stands before its right checksum.
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "engine/tokenizer/known_files.h"

using namespace studio;
using namespace studio::engine;

namespace {

std::string folder;

void remove_folder() {
  ::unlink((folder + "/" + std::string(kKnownFilesName)).c_str());
  ::rmdir(folder.c_str());
}

void make_folder() {
  char name[] = "/tmp/known_files_fuzz-XXXXXX";
  if (mkdtemp(name) == nullptr) std::abort();
  folder = name;
  std::atexit(remove_folder);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (folder.empty()) make_folder();
  const std::string path = folder + "/" + std::string(kKnownFilesName);
  std::string record(reinterpret_cast<const char*>(data), size);
  if (size > 0 && data[0] % 2 == 1) {
    record.erase(0, 1);
    const Sha256Digest digest = sha256(record);
    record.append(reinterpret_cast<const char*>(digest.data()), digest.size());
  }
  if (!write_file_atomically(path, record, 0600).ok()) std::abort();
  const FileIdentity file{};
  (void)find_known_file(folder, file);
  remember_file(folder, file, {}, std::chrono::system_clock::time_point(2 * kRestBeforeKnown));
  if (find_known_file(folder, file) != Sha256Digest{}) std::abort();  // whatever was there before
  return 0;
}
