#include "inference/flight_recorder.h"

#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string_view>

namespace studio::inference {
namespace {

constexpr std::array<int, 7> kFatalSignals = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS};
// The stack is walked with the unwinder's help, which may wait for a lock that the dying thread holds: then the process
// ends without a stack, not never.
constexpr unsigned kUnwindSeconds = 2;

template <size_t N>
void copy_text(char (&place)[N], std::string_view text) {
  const size_t length = std::min(text.size(), N - 1);
  std::memcpy(place, text.data(), length);
  place[length] = '\0';
}

// What the handler writes to and hands on to; set before it is installed, never changed.
FlightRecording* dying = nullptr;
std::array<struct sigaction, kFatalSignals.size()> previous;

// Async-signal-safe but for backtrace(), which was called once before so that it loads nothing here.
void on_fatal_signal(int number, siginfo_t* info, void* context) {
  int32_t none = 0;
  if (dying->signal.compare_exchange_strong(none, number)) {  // of several dying threads the first is told of
    dying->signal_code = info->si_code;
    dying->address = reinterpret_cast<uint64_t>(info->si_addr);
    dying->thread_id = static_cast<int32_t>(::syscall(SYS_gettid));
    ::alarm(kUnwindSeconds);
    void* frames[kRecordedFrames];
    const int count = ::backtrace(frames, static_cast<int>(kRecordedFrames));
    for (int i = 0; i < count; ++i) dying->frames[i] = reinterpret_cast<uint64_t>(frames[i]);
    dying->frame_count = static_cast<uint32_t>(count);
    ::alarm(0);
  }
  // A sanitizer's handler has more to say; without one the default action is back (SA_RESETHAND) and ends the process,
  // as soon as the signal is no longer blocked by its own handler.
  for (size_t i = 0; i < kFatalSignals.size(); ++i) {
    if (kFatalSignals[i] != number) continue;
    if ((previous[i].sa_flags & SA_SIGINFO) != 0) return previous[i].sa_sigaction(number, info, context);
  }
  ::raise(number);
}

int note_module(dl_phdr_info* info, size_t, void* data) {
  auto& memory = *static_cast<FlightRecording*>(data);
  if (memory.module_count >= kRecordedModules) return 1;
  RecordedModule& module = memory.modules[memory.module_count++];
  module.base = info->dlpi_addr;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& part = info->dlpi_phdr[i];
    if (part.p_type == PT_LOAD) module.size = std::max<uint64_t>(module.size, part.p_vaddr + part.p_memsz);
  }
  const std::string_view path = info->dlpi_name == nullptr ? "" : info->dlpi_name;
  // The program itself has no name there and always comes first.
  copy_text(module.name, path.empty() ? "studio" : path.substr(path.rfind('/') + 1));
  return 0;
}

}  // namespace

Result<std::shared_ptr<FlightMemory>> FlightMemory::create() {
  const int fd = ::memfd_create("studio-flight-recorder", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return Error(Code::kUnavailable, "no memory for a flight recorder").with_detail(std::strerror(errno));
  if (::ftruncate(fd, sizeof(FlightRecording)) != 0 ||
      ::fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    Error error = Error(Code::kUnavailable, "no memory for a flight recorder").with_detail(std::strerror(errno));
    ::close(fd);
    return error;
  }
  const void* memory = ::mmap(nullptr, sizeof(FlightRecording), PROT_READ, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) {
    ::close(fd);
    return Error(Code::kUnavailable, "no memory for a flight recorder").with_detail("mmap");
  }
  return std::shared_ptr<FlightMemory>(new FlightMemory(fd, memory));
}

FlightMemory::~FlightMemory() {
  ::munmap(const_cast<void*>(memory_), sizeof(FlightRecording));
  ::close(fd_);
}

std::vector<std::byte> FlightMemory::bytes() const {
  const auto* begin = static_cast<const std::byte*>(memory_);
  return {begin, begin + sizeof(FlightRecording)};
}

Result<std::unique_ptr<FlightRecorder>> FlightRecorder::attach(int fd) {
  struct stat status{};
  if (::fstat(fd, &status) != 0 || status.st_size != static_cast<off_t>(sizeof(FlightRecording))) {
    return Error(Code::kInvalidArgument, "the flight recorder's descriptor is not one; `studio serve` passes it");
  }
  void* memory = ::mmap(nullptr, sizeof(FlightRecording), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  if (memory == MAP_FAILED) return Error(Code::kUnavailable, "the flight recorder cannot be mapped");
  auto* recording = static_cast<FlightRecording*>(memory);  // zero-filled: every member's first value
  recording->magic = kRecordingMagic;
  return std::unique_ptr<FlightRecorder>(new FlightRecorder(recording));
}

void FlightRecorder::note_engine(const engine::EngineInfo& info) {
  copy_text(memory_->architecture, info.architecture);
  copy_text(memory_->model_digest, info.digest);
  copy_text(memory_->numerics_class, info.numerics_class);
  copy_text(memory_->kernels, info.kernels);
}

FlightRecorder::Lease FlightRecorder::begin(const TokenRequest& request) {
  for (RecordedSequence& slot : memory_->sequences) {
    uint32_t free = 0;
    if (!slot.is_used.compare_exchange_strong(free, 1)) continue;
    const engine::SequenceRequest& sequence = request.sequence;
    const engine::SamplingParams& sampling = sequence.sampling;
    copy_text(slot.request_id, request.request_id);
    slot.produced = static_cast<int32_t>(sequence.resume.size());
    slot.prompt_tokens = static_cast<int32_t>(sequence.prompt.size());
    slot.resumed_tokens = static_cast<int32_t>(sequence.resume.size());
    slot.max_tokens = sequence.max_new_tokens;
    slot.top_k = sampling.top_k;
    slot.top_logprobs = sampling.logprobs ? sampling.top_logprobs : -1;
    slot.temperature = sampling.temperature;
    slot.top_p = sampling.top_p;
    slot.min_p = sampling.min_p;
    slot.repetition_penalty = sampling.repetition_penalty;
    slot.presence_penalty = sampling.presence_penalty;
    slot.frequency_penalty = sampling.frequency_penalty;
    slot.seed = sampling.seed;
    slot.stream_index = sampling.stream;
    return Lease(&slot);
  }
  ++memory_->sequences_left_out;
  return {};
}

void FlightRecorder::catch_fatal_signals() {
  dying = memory_;
  ::dl_iterate_phdr(&note_module, memory_);
  void* first = nullptr;
  ::backtrace(&first, 1);  // loads the unwinder
  struct sigaction action{};
  action.sa_sigaction = &on_fatal_signal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | static_cast<int>(SA_RESETHAND);
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < kFatalSignals.size(); ++i) ::sigaction(kFatalSignals[i], &action, &previous[i]);
}

FlightRecorder::Lease& FlightRecorder::Lease::operator=(Lease&& other) noexcept {
  if (this != &other) {
    release();
    slot_ = std::exchange(other.slot_, nullptr);
  }
  return *this;
}

void FlightRecorder::Lease::note_token() const {
  if (slot_ != nullptr) slot_->produced.fetch_add(1, std::memory_order_relaxed);
}

void FlightRecorder::Lease::release() {
  if (slot_ != nullptr) std::exchange(slot_, nullptr)->is_used = 0;
}

}  // namespace studio::inference
