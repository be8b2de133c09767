#include "inference/crash_report.h"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <memory>
#include <optional>

#include "base/json.h"
#include "base/version.h"
#include "inference/elf_symbols.h"
#include "inference/flight_recorder.h"

namespace studio::inference {
namespace {

namespace json = boost::json;

// Names of ours, which a dying process may have spoilt: what is not in them becomes '?'.
template <size_t N>
std::string clean_text(const char (&place)[N]) {
  std::string text(place, ::strnlen(place, N));
  for (char& c : text) {
    bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!is_plain && !std::strchr("._-+#", c)) c = '?';
  }
  return text;
}

std::string hex(uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

json::value number(float value) {
  if (!std::isfinite(value)) return nullptr;
  return std::round(static_cast<double>(value) * 1e6) / 1e6;
}

std::unique_ptr<FlightRecording> recording_of(std::span<const std::byte> bytes) {
  auto recording = std::make_unique<FlightRecording>();
  if (bytes.size() != sizeof(FlightRecording)) return nullptr;
  std::memcpy(static_cast<void*>(recording.get()), bytes.data(), bytes.size());
  return recording->magic == kRecordingMagic ? std::move(recording) : nullptr;
}

json::value signal_name(int number) {
  const char* name = ::sigabbrev_np(number);
  if (name == nullptr) return nullptr;
  return json::string("SIG" + std::string(name));
}

json::object frame_of(const FlightRecording& recording, uint64_t address, const std::optional<ElfSymbols>& symbols) {
  json::object frame;
  const size_t count = std::min<size_t>(recording.module_count, kRecordedModules);
  for (size_t i = 0; i < count; ++i) {
    const RecordedModule& module = recording.modules[i];
    if (address < module.base || address - module.base >= module.size) continue;
    const uint64_t offset = address - module.base;
    frame["module"] = clean_text(module.name);
    frame["offset"] = hex(offset);
    // An address of the stack is where a call returns to: the call itself lies before it.
    std::string name = i == 0 && symbols && offset > 0 ? symbols->name_of(offset - 1) : std::string();
    if (!name.empty()) frame["function"] = name;
    return frame;
  }
  frame["module"] = nullptr;
  return frame;
}

json::array stack_of(const FlightRecording& recording, const std::string& program) {
  json::array stack;
  const size_t count = std::min<size_t>(recording.frame_count, kRecordedFrames);
  std::optional<ElfSymbols> symbols;
  if (count > 0) {
    auto opened = ElfSymbols::open(program);
    if (opened.ok()) symbols = std::move(*opened);
  }
  for (size_t i = 0; i < count; ++i) stack.push_back(frame_of(recording, recording.frames[i], symbols));
  return stack;
}

json::array sequences_of(const FlightRecording& recording) {
  json::array sequences;
  for (const RecordedSequence& slot : recording.sequences) {
    if (slot.is_used == 0) continue;
    sequences.push_back(json::object{{"request_id", clean_text(slot.request_id)},
                                     {"prompt_tokens", slot.prompt_tokens},
                                     {"resumed_tokens", slot.resumed_tokens},
                                     {"produced_tokens", slot.produced.load()},
                                     {"max_tokens", slot.max_tokens},
                                     {"temperature", number(slot.temperature)},
                                     {"top_k", slot.top_k},
                                     {"top_p", number(slot.top_p)},
                                     {"min_p", number(slot.min_p)},
                                     {"repetition_penalty", number(slot.repetition_penalty)},
                                     {"presence_penalty", number(slot.presence_penalty)},
                                     {"frequency_penalty", number(slot.frequency_penalty)},
                                     {"seed", slot.seed},
                                     {"stream_index", slot.stream_index},
                                     {"top_logprobs", slot.top_logprobs}});
  }
  return sequences;
}

}  // namespace

std::string utc_text(std::chrono::system_clock::time_point when, const char* format) {
  std::time_t seconds = std::chrono::system_clock::to_time_t(when);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[40];
  std::strftime(text, sizeof text, format, &parts);
  return text;
}

bool is_crash(const WorkerDeath& death, std::span<const std::byte> recording) {
  if (WIFSIGNALED(death.wait_status)) return true;
  // A sanitizer's handler ends with an exit status of its own, after ours has noted the signal.
  auto noted = recording_of(recording);
  return noted && noted->signal != 0;
}

std::string render_crash_report(const WorkerDeath& death, std::span<const std::byte> bytes,
                                const std::string& program) {
  auto recording = recording_of(bytes);
  const int noted = recording ? recording->signal.load() : 0;
  const int number = noted != 0 ? noted : (WIFSIGNALED(death.wait_status) ? WTERMSIG(death.wait_status) : 0);
  json::object report{{"format", 1},
                      {"time", utc_text(std::chrono::system_clock::now(), "%Y-%m-%dT%H:%M:%SZ")},
                      {"version", kVersion},
                      {"model", death.model},
                      {"pid", death.pid},
                      {"lived_ms", death.lived_ms},
                      {"restarts", death.restarts},
                      {"signal", number},
                      {"signal_name", signal_name(number)}};
  if (noted != 0) {
    report["signal_code"] = recording->signal_code;
    // Zero and below: another process sent it, and there is no address.
    if (recording->signal_code > 0) report["address"] = hex(recording->address);
    report["thread"] = recording->thread_id;
  }
  if (recording) {
    report["architecture"] = clean_text(recording->architecture);
    report["model_digest"] = clean_text(recording->model_digest);
    report["numerics_class"] = clean_text(recording->numerics_class);
    report["kernels"] = clean_text(recording->kernels);
    report["stack"] = stack_of(*recording, program);
    report["sequences"] = sequences_of(*recording);
    report["sequences_left_out"] = recording->sequences_left_out.load();
  }
  return to_json(report) + "\n";
}

}  // namespace studio::inference
