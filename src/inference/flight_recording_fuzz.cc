// What a dead worker left, as the gateway reads it: any bytes give a report that is JSON.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/mutator.h"
#include "inference/crash_report.h"
#include "inference/flight_recorder.h"

namespace {

using namespace studio;
using inference::FlightRecording;

// Mostly zeros, as the real ones are: the input is the beginning of a recording.
std::string recording_of(std::string_view input) {
  std::string bytes(input.substr(0, sizeof(FlightRecording)));
  bytes.resize(sizeof(FlightRecording));
  return bytes;
}

// A word of the recording becomes another number, or a piece of it text, or one part lies over another.
class RecordingMutator : fuzz::Mutator {
 public:
  explicit RecordingMutator(unsigned seed) : Mutator(seed) {}

  std::string mutate(std::string_view input) {
    std::string bytes = recording_of(input);
    for (uint32_t changes = 1 + below(4); changes-- > 0;) change(bytes);
    bytes.resize(bytes.find_last_not_of('\0') + 1);
    return bytes;
  }

 private:
  // The head and the first requests; then the same again.
  static constexpr size_t kTelling = offsetof(FlightRecording, sequences) + 2 * sizeof(inference::RecordedSequence);
  static constexpr uint64_t kNumbers[] = {
      0,           1,   2,      11,         24,         25,         64,         65,         255,
      256,         257, 0x1000, 0x7fffffff, 0x80000000, 0xffffffff, 0x7fc00000, 0x7f800000, 0x7fffffffffffffff,
      ~uint64_t{0}};

  void change(std::string& bytes) {
    const size_t at = 4 * below(below(8) == 0 ? bytes.size() / 4 - 2 : kTelling / 4);
    switch (below(4)) {
      case 0: {
        const std::string text = mutated(bytes.substr(at, 1 + below(72)));
        bytes.replace(at, std::min(text.size(), bytes.size() - at), text, 0, bytes.size() - at);
        break;
      }
      case 1: {
        const size_t from = 4 * below(kTelling / 4), size = std::min<size_t>(4 * (1 + below(64)), bytes.size() - at);
        bytes.replace(at, size, std::string(bytes, from, size));
        break;
      }
      default: {
        const uint64_t number = kNumbers[below(std::size(kNumbers))];
        std::memcpy(bytes.data() + at, &number, below(2) == 0 ? 4 : 8);
        break;
      }
    }
    bytes.resize(sizeof(FlightRecording));
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes = recording_of({reinterpret_cast<const char*>(data), size});
  const std::span recording = std::as_bytes(std::span(bytes));
  for (const int wait_status : {9, 256}) {  // by SIGKILL; by exit(1), as a sanitizer ends
    inference::WorkerDeath death{.model = "m", .pid = 1, .wait_status = wait_status};
    auto report = parse_json(inference::render_crash_report(death, recording, "/nowhere"));
    if (!report.ok()) std::abort();
    if (inference::is_crash(death, recording) != (report->at("signal").as_int64() != 0)) std::abort();
  }
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return studio::fuzz::mutate_as<RecordingMutator>(data, size, max_size, seed);
}
