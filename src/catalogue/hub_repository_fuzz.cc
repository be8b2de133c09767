// Any bytes as a hub's list of files, and as the name of a repository: what comes out is safe as a path and a number.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/json_mutator.h"
#include "catalogue/hub_repository.h"

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

bool is_safe(std::string_view name) {
  return !name.empty() && name.front() != '.' && name.find('/') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos && name.find('\\') == std::string_view::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace studio::catalogue;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  if (data[0] % 4 == 0) {
    auto name = parse_repository_name(text);
    if (!name.ok()) {
      check(!name.error().message().empty());
    } else if (*name) {
      check((*name)->source.repo.find('/') != std::string::npos &&
            (*name)->source.repo.find("/.") == std::string::npos);
      check((*name)->file.empty() || is_safe((*name)->file));
    }
    return 0;
  }
  auto files = parse_listing(data[0] % 2 == 0 ? SourceKind::kHuggingface : SourceKind::kModelscope, text);
  if (!files.ok()) {
    check(!files.error().message().empty());
    return 0;
  }
  for (const ModelFile& file : *files) {
    check(is_safe(file.name) && file.bytes >= 0);
    check(file.sha256.empty() || file.sha256.size() == 64);
  }
  auto chosen = choose_files(*files, {.source = {.repo = "Owner/Name"}, .file = {}});
  check(chosen.ok() ? !chosen->empty() : !chosen.error().message().empty());
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return studio::fuzz::mutate_as<studio::fuzz::JsonMutator>(data, size, max_size, seed, 1);  // names change as bytes
}
