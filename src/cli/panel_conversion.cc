#include "cli/panel_conversion.h"

#include <algorithm>
#include <filesystem>

#include "base/digest.h"
#include "base/thread_pool.h"
#include "catalogue/partial_file.h"
#include "engine/formats/open_model.h"
#include "engine/layers/panel_import.h"
#include "engine/models/model.h"
#include "engine/tokenizer/vocabulary_builder.h"
#include "engine/tokenizer/vocabulary_store.h"

namespace studio::cli {
namespace {

namespace fs = std::filesystem;

// Of a file its SHA-256; of a folder that of the list of its files with their own, in the order of their names.
Result<std::string> digest_of_source(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return catalogue::digest_of_file(path);
  std::vector<std::string> names;
  for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    if (it->is_regular_file(error)) names.push_back(it->path().filename());
  }
  if (error) return Error(Code::kPermissionDenied, "cannot read " + path + ": " + error.message());
  std::sort(names.begin(), names.end());
  Sha256 all;
  for (const std::string& name : names) {
    STUDIO_TRY(auto digest, catalogue::digest_of_file(path + "/" + name));
    all.update(digest + "  " + name + "\n");
  }
  return to_hex(all.finish());
}

// What its tokenizer looks things up in. None where the model has no vocabulary, or one that is not read: that it
// cannot be served is for who serves it to say.
void carry_vocabulary(const engine::ModelSource& source, engine::ImportOptions& options) {
  const auto digest = engine::vocabulary_digest(source);
  const auto data = engine::TokenizerData::from_gguf(source);
  if (!digest || !data.ok()) return;
  const auto tables = engine::build_tables(*data, *digest);
  if (!tables.ok()) return;
  options.vocabulary.assign(tables->block().begin(), tables->block().end());
  options.vocabulary_sha256 = to_hex(*digest);
}

}  // namespace

Status convert_to_panels(const std::string& from, const std::string& staged, const std::string& quantise, int threads,
                         const engine::KernelSet& kernels,
                         const std::function<void(int64_t done, int64_t total)>& on_bytes) {
  STUDIO_TRY(const auto source, engine::open_model(from));
  ThreadPool pool(threads);
  engine::ImportOptions options;
  options.quantise = quantise;
  STUDIO_TRY(options.source_sha256, digest_of_source(from));
  carry_vocabulary(source, options);
  options.on_bytes = on_bytes;
  STUDIO_CHECK_OK(engine::import_panels(source, staged, options, pool));
  STUDIO_TRY(const auto panels, engine::open_model(staged));
  STUDIO_CHECK_OK(engine::load_model(panels, kernels, pool));
  return Ok{};
}

}  // namespace studio::cli
