// What a dead worker left, as the gateway reads it: any bytes give a report that is JSON.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "base/json.h"
#include "inference/crash_report.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // Mostly zeros, as the real ones are: the input is laid over a fresh recording, which begins with its magic number.
  std::vector<std::byte> bytes(sizeof(studio::inference::FlightRecording));
  for (size_t i = 0; i < size && i < bytes.size(); ++i) bytes[i] = std::byte{data[i]};
  studio::inference::WorkerDeath death{.model = "m", .pid = 1, .wait_status = 9};
  std::string report = studio::inference::render_crash_report(death, bytes, "/nowhere");
  if (!studio::parse_json(report).ok()) std::abort();
  return 0;
}
