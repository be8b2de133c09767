#include "sweep.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>

namespace studio::hostile {
namespace {

// Processor time, so that a busy machine fails nobody.
#if defined(STUDIO_SANITIZED)
constexpr double kMostMs = 1000;  // the bound in time is the released build's; sanitizers cost ten times as much
#else
constexpr double kMostMs = 100;
#endif
constexpr size_t kMostFaults = 20;
constexpr size_t kMostPlaces = 200;

// What the child tells: in memory that both share, so that it survives the child.
struct Shared {
  uint64_t at;  // being loaded, or the one past the last
  uint64_t loads, refused, accepted;
  uint64_t refusals_per_place;  // one in so many is kept in refused_at
  double slowest_ms;
  uint64_t slow_at, silent_at;  // a place each, UINT64_MAX where there is none
  uint64_t refused_at[kMostPlaces];
  char example[256];
};

double processor_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

// The file as damaged, sound again when it goes. The bytes change in place: a private mapping made afterwards sees
// them.
class Damaged {
 public:
  Damaged(const std::string& path, Damage damage, uint64_t at)
      : fd_(::open(path.c_str(), O_RDWR | O_CLOEXEC)), damage_(damage), at_(at) {
    if (fd_ < 0) std::abort();
    struct stat info{};
    if (::fstat(fd_, &info) != 0) std::abort();
    size_ = static_cast<uint64_t>(info.st_size);
    if (damage == Damage::kCut) {
      tail_.resize(size_ - at);
      if (::pread(fd_, tail_.data(), tail_.size(), static_cast<off_t>(at)) != static_cast<ssize_t>(tail_.size()))
        std::abort();
      if (::ftruncate(fd_, static_cast<off_t>(at)) != 0) std::abort();
    } else {
      flip();
    }
  }
  Damaged(const Damaged&) = delete;
  Damaged& operator=(const Damaged&) = delete;
  ~Damaged() {
    if (damage_ == Damage::kCut) {
      if (::pwrite(fd_, tail_.data(), tail_.size(), static_cast<off_t>(at_)) != static_cast<ssize_t>(tail_.size()))
        std::abort();
    } else {
      flip();
    }
    ::close(fd_);
  }

 private:
  void flip() {
    uint8_t byte = 0;
    const auto place = static_cast<off_t>(at_ / 8);
    if (::pread(fd_, &byte, 1, place) != 1) std::abort();
    byte ^= static_cast<uint8_t>(1u << at_ % 8);
    if (::pwrite(fd_, &byte, 1, place) != 1) std::abort();
  }

  int fd_;
  Damage damage_;
  uint64_t at_, size_ = 0;
  std::vector<uint8_t> tail_;
};

void load_one(const Format& format, const std::string& model, Damage damage, uint64_t at, Shared& shared) {
  const Damaged damaged(damaged_file(format, model), damage, at);
  const double started = processor_ms();
  const Status loaded = load(model);
  const double took = processor_ms() - started;
  ++shared.loads;
  if (loaded.ok()) {
    ++shared.accepted;
    if (damage == Damage::kCut) shared.silent_at = at;  // nothing that is cut is a model
    return;
  }
  const uint64_t kept = shared.refused / shared.refusals_per_place;
  if (shared.refused % shared.refusals_per_place == 0 && kept < kMostPlaces) shared.refused_at[kept] = at;
  ++shared.refused;
  const std::string& reason = loaded.error().message();
  if (reason.size() < 8) shared.silent_at = at;
  std::strncpy(shared.example, reason.c_str(), sizeof shared.example - 1);
  shared.slowest_ms = std::max(shared.slowest_ms, took);
  if (took > kMostMs) shared.slow_at = at;
}

// The child: from shared.at to the end, a place after the other.
[[noreturn]] void run_child(const Format& format, const std::string& model, Damage damage, uint64_t places,
                            uint64_t step, Shared& shared) {
  for (; shared.at < places; shared.at += step) load_one(format, model, damage, shared.at, shared);
  std::_Exit(0);
}

std::string place_of(Damage damage, uint64_t at) {
  if (damage == Damage::kCut) return "cut at byte " + std::to_string(at);
  return "bit " + std::to_string(at % 8) + " of byte " + std::to_string(at / 8);
}

}  // namespace

Outcome sweep(const Format& format, const std::string& model, Damage damage, uint64_t places, uint64_t step) {
  void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) std::abort();
  Shared& shared = *new (memory) Shared();
  shared.slow_at = shared.silent_at = UINT64_MAX;
  shared.refusals_per_place = places / step / kMostPlaces + 1;
  Outcome outcome;
  namespace fs = std::filesystem;
  const std::string copy = model + ".damaged";
  while (shared.at < places && outcome.faults.size() < kMostFaults) {
    // A child that died left its file damaged.
    std::error_code error;
    fs::copy(model, copy, fs::copy_options::recursive | fs::copy_options::overwrite_existing, error);
    if (error) std::abort();
    const pid_t child = ::fork();
    if (child < 0) std::abort();
    if (child == 0) run_child(format, copy, damage, places, step, shared);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) break;
    const std::string end = WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status))
                                                : "exit " + std::to_string(WEXITSTATUS(status));
    outcome.faults.push_back(place_of(damage, shared.at) + ": the reader ended with " + end);
    shared.at += step;
  }
  if (shared.slow_at != UINT64_MAX)
    outcome.faults.push_back(place_of(damage, shared.slow_at) + ": the refusal took too long");
  if (shared.silent_at != UINT64_MAX)
    outcome.faults.push_back(place_of(damage, shared.silent_at) + ": taken, or refused without a reason");
  outcome.loads = shared.loads;
  outcome.refused = shared.refused;
  outcome.accepted = shared.accepted;
  outcome.slowest_ms = shared.slowest_ms;
  const uint64_t kept = (shared.refused + shared.refusals_per_place - 1) / shared.refusals_per_place;
  outcome.refused_at.assign(shared.refused_at, shared.refused_at + std::min<uint64_t>(kept, kMostPlaces));
  outcome.example = shared.example;
  ::munmap(memory, sizeof(Shared));
  fs::remove_all(copy);
  return outcome;
}

}  // namespace studio::hostile
