// Any bytes as a list of models: refused with a reason, or every name and number of it is safe to use as a path or
// size.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/json_mutator.h"
#include "catalogue/catalogue.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace studio::catalogue;
  auto catalogue = Catalogue::parse({reinterpret_cast<const char*>(data), size});
  if (!catalogue.ok()) {
    if (catalogue.error().message().empty()) std::abort();
    return 0;
  }
  for (const std::string& name : catalogue->names()) {
    if (catalogue->find(name) == nullptr) std::abort();
  }
  for (const Model& model : catalogue->models()) {
    if (!model.snapshot.empty() && catalogue->find(model.name + "-" + model.snapshot) == nullptr) std::abort();
    if (!is_model_name(model.name) || catalogue->find(model.name) != &model) std::abort();
    if (model.files.empty() || model.sources.empty() || model.total_bytes() < 0) std::abort();
    for (const ModelFile& file : model.files) {
      if (file.name.empty() || file.name.front() == '/' || file.name.find("..") != std::string::npos) std::abort();
    }
    for (const Source& source : model.sources) {
      if (source.parts < 1 || source.download_bytes < 0 || source_kind_name(source.kind) == "?") std::abort();
    }
  }
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return studio::fuzz::mutate_as<studio::fuzz::JsonMutator>(data, size, max_size, seed);
}
