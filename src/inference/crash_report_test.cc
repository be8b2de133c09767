#include "inference/crash_report.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/json.h"
#include "inference/elf_symbols.h"
#include "inference/flight_recorder.h"

namespace studio::inference {
namespace {

namespace json = boost::json;

constexpr int kKilled = SIGKILL;  // as waitpid() tells of a death by signal
constexpr int kSegmentation = SIGSEGV;
constexpr int kExitedWithOne = 1 << 8;

TokenRequest request_of(const std::string& id) {
  TokenRequest request;
  request.request_id = id;
  request.sequence.prompt = {11, 22, 33};
  request.sequence.resume = {44};
  request.sequence.max_new_tokens = 50;
  request.sequence.sampling.temperature = 0.5f;
  request.sequence.sampling.seed = 7;
  return request;
}

json::object parsed(const std::string& report) {
  auto value = parse_json(report);
  EXPECT_TRUE(value.ok() && value->is_object()) << report;
  return value.ok() ? value->as_object() : json::object();
}

struct Flight {
  std::shared_ptr<FlightMemory> memory = *FlightMemory::create();
  std::unique_ptr<FlightRecorder> recorder = *FlightRecorder::attach(::dup(memory->fd()));
  json::object report(int wait_status) const {
    WorkerDeath death{.model = "tiny", .pid = 42, .wait_status = wait_status, .restarts = 1, .lived_ms = 9};
    return parsed(render_crash_report(death, memory->bytes(), "/proc/self/exe"));
  }
};

TEST(FlightRecorder, TellsOfTheRequestsThatWereRunning) {
  Flight flight;
  auto ended = flight.recorder->begin(request_of("ended#0"));
  auto running = flight.recorder->begin(request_of("3f0c1a52-0000#1"));
  ended.release();
  running.note_token();
  running.note_token();
  json::object report = flight.report(kKilled);
  EXPECT_EQ(report["signal_name"], "SIGKILL");
  ASSERT_EQ(report["sequences"].as_array().size(), 1U);
  json::object& sequence = report["sequences"].as_array()[0].as_object();
  EXPECT_EQ(sequence["request_id"], "3f0c1a52-0000#1");
  EXPECT_EQ(sequence["prompt_tokens"], 3);
  EXPECT_EQ(sequence["resumed_tokens"], 1);
  EXPECT_EQ(sequence["produced_tokens"], 3);
  EXPECT_EQ(sequence["temperature"], 0.5);
  for (const char* id : {"11", "22", "33", "44"}) EXPECT_EQ(to_json(sequence).find(id), std::string::npos) << id;
}

TEST(FlightRecorder, CountsWhatItHasNoRoomFor) {
  Flight flight;
  std::vector<FlightRecorder::Lease> leases;
  for (size_t i = 0; i < kRecordedSequences + 3; ++i) leases.push_back(flight.recorder->begin(request_of("r")));
  json::object report = flight.report(kKilled);
  EXPECT_EQ(report["sequences"].as_array().size(), kRecordedSequences);
  EXPECT_EQ(report["sequences_left_out"], 3);
  leases.clear();
  EXPECT_TRUE(flight.report(kKilled)["sequences"].as_array().empty());
}

TEST(FlightRecorder, RefusesADescriptorThatIsNone) {
  EXPECT_FALSE(FlightRecorder::attach(-1).ok());
  EXPECT_FALSE(FlightRecorder::attach(STDERR_FILENO).ok());
}

TEST(FlightMemory, CannotBeCutUnderItsReader) {
  auto memory = FlightMemory::create();
  ASSERT_TRUE(memory.ok());
  EXPECT_NE(::ftruncate((*memory)->fd(), 0), 0);
}

TEST(FlightRecorder, NotesSignalAddressAndStackOfADyingProcess) {
#ifdef STUDIO_SANITIZED
  GTEST_SKIP() << "the sanitizer's own handler has the last word on a signal, and another exit status";
#endif
  Flight flight;
  const pid_t child = ::fork();
  if (child == 0) {
    flight.recorder->catch_fatal_signals();
    *reinterpret_cast<volatile int*>(0x10) = 1;  // NOLINT: dies here
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV) << status;
  json::object report = flight.report(status);
  EXPECT_EQ(report["signal_name"], "SIGSEGV");
  EXPECT_EQ(report["address"], "0x10");
  std::string stack = to_json(report["stack"]);
  EXPECT_NE(stack.find("NotesSignalAddressAndStackOfADyingProcess"), std::string::npos) << stack;
  EXPECT_NE(stack.find(R"("module":"libc.so.6")"), std::string::npos) << stack;
}

TEST(CrashReport, IsWrittenOfSignalsAlone) {
  Flight flight;
  EXPECT_TRUE(is_crash({.wait_status = kSegmentation}, flight.memory->bytes()));
  EXPECT_TRUE(is_crash({.wait_status = kKilled}, {}));
  EXPECT_FALSE(is_crash({.wait_status = 0}, flight.memory->bytes()));
  EXPECT_FALSE(is_crash({.wait_status = kExitedWithOne}, flight.memory->bytes()));
}

TEST(CrashReport, TrustsNothingThatADyingProcessLeft) {
  std::vector<std::byte> bytes(sizeof(FlightRecording), std::byte{0xff});
  const uint32_t magic = kRecordingMagic;
  std::memcpy(bytes.data(), &magic, sizeof magic);
  json::object report = parsed(render_crash_report({.model = "tiny", .wait_status = kKilled}, bytes, "/proc/self/exe"));
  EXPECT_LE(report["stack"].as_array().size(), kRecordedFrames);
  EXPECT_EQ(report["sequences"].as_array().size(), kRecordedSequences);
  EXPECT_EQ(report["kernels"].as_string(), std::string(16, '?'));
  // Cut short or of another build: what the gateway knows itself is told.
  bytes.pop_back();
  report = parsed(render_crash_report({.model = "tiny", .wait_status = kKilled}, bytes, "/nowhere"));
  EXPECT_EQ(report["model"], "tiny");
  EXPECT_FALSE(report.contains("sequences"));
}

TEST(ElfSymbols, NamesFunctionsOfThisProgram) {
  auto symbols = ElfSymbols::open("/proc/self/exe");
  ASSERT_TRUE(symbols.ok());
  EXPECT_GT(symbols->size(), 100U);
  EXPECT_EQ(symbols->name_of(0), "");
  EXPECT_EQ(symbols->name_of(~uint64_t{0}), "");
}

TEST(ElfSymbols, RefusesWhatIsNoProgramOrCutShort) {
  EXPECT_FALSE(ElfSymbols::open("/nowhere").ok());
  std::string path = std::filesystem::temp_directory_path() / ("studio_elf_" + std::to_string(::getpid()));
  std::ifstream program("/proc/self/exe", std::ios::binary);
  std::string bytes(1 << 16, '\0');
  program.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  for (size_t length : {size_t{0}, size_t{3}, size_t{16}, size_t{63}, size_t{64}, bytes.size()}) {
    std::ofstream(path, std::ios::binary | std::ios::trunc).write(bytes.data(), static_cast<std::streamsize>(length));
    auto cut = ElfSymbols::open(path);
    EXPECT_TRUE(!cut.ok() || cut->size() == 0) << length;
  }
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace studio::inference
