// hostile_files FORMAT make MODEL           a sound model; prints its bytes, the file to damage and that one's header's
// hostile_files FORMAT cut|flip MODEL STEP  every STEP-th byte or bit of the header; prints a line of JSON
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

uint64_t model_bytes(const std::string& model) {
  namespace fs = std::filesystem;
  if (!fs::is_directory(model)) return fs::file_size(model);
  uint64_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(model)) bytes += entry.file_size();
  return bytes;
}

int run(const Format& format, const std::string& verb, const std::string& model, uint64_t step) {
  // Making it again tells that the files are what they were.
  Status made = format.make(model);
  if (!made.ok()) return fail(made.error().message());
  const std::string file = damaged_file(format, model);
  auto header = header_bytes(file);
  if (!header.ok()) return fail(header.error().message());
  boost::json::object told{{"bytes", model_bytes(model)}, {"file", file}, {"header_bytes", *header}};
  if (verb == "make") {
    Status loaded = load(model);
    if (!loaded.ok()) return fail("the sound model is refused: " + loaded.error().message());
  } else if (verb == "cut" || verb == "flip") {
    const bool is_cut = verb == "cut";
    const Outcome outcome =
        sweep(format, model, is_cut ? Damage::kCut : Damage::kFlip, is_cut ? *header : 8 * *header, step);
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
  if (count < 4) return fail("usage: hostile_files FORMAT make|cut|flip MODEL [STEP]");
  const uint64_t step = count > 4 ? std::strtoull(words[4], nullptr, 10) : 1;
  for (const Format& format : formats()) {
    if (std::strcmp(format.name, words[1]) == 0) return run(format, words[2], words[3], std::max<uint64_t>(step, 1));
  }
  return fail(std::string("no such format: ") + words[1]);
}
