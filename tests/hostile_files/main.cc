// hostile_files FORMAT make FILE          a sound model; prints its bytes and those of its header
// hostile_files FORMAT cut|flip FILE STEP  every STEP-th byte or header bit; prints a line of JSON
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "base/json.h"
#include "formats.h"
#include "sweep.h"

namespace {

using namespace studio;
using namespace studio::hostile;

int fail(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  return 2;
}

int run(const Format& format, const std::string& verb, const std::string& path, uint64_t step) {
  // Making it again tells where its header ends, and that the file is what it was.
  auto header = format.make(path);
  if (!header.ok()) return fail(header.error().message());
  const uint64_t bytes = std::filesystem::file_size(path);
  boost::json::object told{{"bytes", bytes}, {"header_bytes", *header}};
  if (verb == "make") {
    auto loaded = format.load(path);
    if (!loaded.ok()) return fail("the sound model is refused: " + loaded.error().message());
  } else if (verb == "cut" || verb == "flip") {
    const bool is_cut = verb == "cut";
    const Outcome outcome =
        sweep(format, path, is_cut ? Damage::kCut : Damage::kFlip, is_cut ? *header : 8 * *header, step);
    told["loads"] = outcome.loads;
    told["refused"] = outcome.refused;
    told["accepted"] = outcome.accepted;
    told["slowest_ms"] = outcome.slowest_ms;
    told["faults"] = boost::json::array(outcome.faults.begin(), outcome.faults.end());
    told["refused_at"] = boost::json::array(outcome.refused_at.begin(), outcome.refused_at.end());
    told["example"] = outcome.example;
  } else {
    return fail("no such verb: " + verb);
  }
  std::printf("%s\n", to_json(told).c_str());
  return 0;
}

}  // namespace

int main(int count, char** words) {
  if (count < 4) return fail("usage: hostile_files FORMAT make|cut|flip FILE [STEP]");
  const uint64_t step = count > 4 ? std::strtoull(words[4], nullptr, 10) : 1;
  for (const Format& format : formats()) {
    if (std::strcmp(format.name, words[1]) == 0) return run(format, words[2], words[3], std::max<uint64_t>(step, 1));
  }
  return fail(std::string("no such format: ") + words[1]);
}
