// The machine: processor, memory, clock, limits, what the kernel offers.
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <thread>
#include <utility>

#include "cli/doctor_checks.h"
#include "engine/kernels/kernel_set.h"

namespace studio::cli {
namespace {

// Without a model to go by: the default one with its pages.
constexpr int64_t kMemoryWanted = int64_t{2} << 30;
// Beside its weights a worker holds keys, values and buffers of this share, and the two processes this much.
constexpr double kShareBesideWeights = 0.15;
constexpr int64_t kBytesBesideModel = int64_t{200} << 20;
// A gateway with 1,000 clients: a descriptor for each, one for each of their streams to the worker, and what it holds.
constexpr uint64_t kOpenFilesWanted = 2'200;
// 2026-01-01: this program did not exist before.
constexpr int64_t kEarliestTime = 1'767'225'600;

int64_t available_memory() {
  std::ifstream file("/proc/meminfo");
  std::string key;
  int64_t kilobytes = 0;
  while (file >> key >> kilobytes) {
    if (key == "MemAvailable:") return kilobytes * 1024;
    file.ignore(64, '\n');
  }
  return 0;
}

int64_t control_group_limit() {
  for (const char* path : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    std::ifstream file(path);
    int64_t limit = 0;
    // Version 1 says "none" with the largest number of pages there is.
    if (file >> limit && limit > 0 && limit < (int64_t{1} << 60)) return limit;
  }
  return 0;
}

// "always [madvise] never" -> "madvise"
std::string huge_page_mode() {
  std::ifstream file("/sys/kernel/mm/transparent_hugepage/enabled");
  std::string line;
  std::getline(file, line);
  size_t open = line.find('['), close = line.find(']');
  return open < close && close != std::string::npos ? line.substr(open + 1, close - open - 1) : "";
}

void read_processor(MachineFacts& facts) {
  const engine::KernelSet& chosen = *engine::available_kernels().back();
  facts.cores = static_cast<int>(std::thread::hardware_concurrency());
  facts.kernels = chosen.name;
  facts.has_vector_kernels = chosen.isa != engine::Isa::kScalar;
  constexpr std::pair<engine::Isa, const char*> kFaster[] = {
      {engine::Isa::kAvx2, "avx2"}, {engine::Isa::kAvx512, "avx512"}, {engine::Isa::kAmx, "amx"}};
  std::string said;
  for (const auto& [isa, name] : kFaster) {
    const char* obstacle = engine::kernel_obstacle(isa);
    if (obstacle == nullptr || obstacle == said) continue;
    said = obstacle;
    facts.kernel_obstacles += std::string("; not ") + name + ": " + said;
  }
}

Finding check_processor(const MachineFacts& facts) {
  std::string text = std::to_string(facts.cores) + " cores, kernels " + facts.kernels + facts.kernel_obstacles;
  if (facts.has_vector_kernels) return good("processor", text);
  return {Verdict::kWarning, "processor", text, "the plain kernels give the same answers, many times slower",
          "use a machine whose processor (or virtual machine) offers AVX2"};
}

Finding check_memory(const MachineFacts& facts, const ModelSize& largest) {
  std::string text = human_bytes(facts.memory_available) + " available";
  if (facts.memory_limit > 0) text += ", limited to " + human_bytes(facts.memory_limit) + " by the control group";
  const int64_t usable =
      facts.memory_limit > 0 ? std::min(facts.memory_limit, facts.memory_available) : facts.memory_available;
  if (largest.name.empty()) {
    if (usable >= kMemoryWanted) return good("memory", text);
    return {Verdict::kWarning, "memory", text, "a small model needs about 1 GB, the default one with its pages 2 GB",
            "close something, or raise the limit"};
  }
  const auto needed =
      static_cast<int64_t>(static_cast<double>(largest.bytes) * (1 + kShareBesideWeights)) + kBytesBesideModel;
  if (usable >= needed) return good("memory", text + "; enough for " + largest.name);
  return {Verdict::kWarning, "memory", text + "; " + largest.name + " needs about " + human_bytes(needed),
          "a worker that does not fit is killed while it loads, or the machine swaps and every token takes seconds",
          "serve a smaller model, lower engine.kv_bytes, close something, or raise the limit"};
}

Finding check_clock(const MachineFacts& facts) {
  std::string text = human_time(facts.unix_time);
  if (facts.unix_time < kEarliestTime) {
    return {Verdict::kFailure, "clock", text + ", which is before this program was made",
            "certificates are refused, and usage is recorded under a wrong day",
            "set the clock: timedatectl set-ntp true"};
  }
  if (facts.is_clock_synchronised) return good("clock", text);
  return {Verdict::kNote, "clock", text + ", not kept by a time service",
          "times of logs and usage drift away from those of other machines", "timedatectl set-ntp true"};
}

Finding check_open_files(const MachineFacts& facts) {
  std::string text = std::to_string(facts.open_files) + " open files for a process";
  if (facts.open_files >= kOpenFilesWanted) return good("open files", text);
  const bool can_raise = facts.open_files_most >= kOpenFilesWanted;
  return {Verdict::kWarning, "open files", text,
          "each client and each of its streams takes one: at the limit new clients are not accepted",
          can_raise ? "ulimit -n " + std::to_string(facts.open_files_most) + ", or LimitNOFILE= of the service"
                    : "raise the hard limit: LimitNOFILE= of the service, or /etc/security/limits.conf"};
}

Finding check_huge_pages(const MachineFacts& facts) {
  if (facts.huge_pages == "always" || facts.huge_pages == "madvise") return good("huge pages", facts.huge_pages);
  return {Verdict::kNote, "huge pages", facts.huge_pages.empty() ? "the kernel does not say" : facts.huge_pages,
          "weights in large pages are read a little faster; nothing depends on it",
          "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled"};
}

Finding check_kernel(const MachineFacts& facts) {
  std::string missing;
  auto look = [&](bool has, const char* name) {
    if (!has) missing += (missing.empty() ? "" : ", ") + std::string(name);
  };
  look(facts.has_seccomp, "seccomp");
  look(facts.has_landlock, "Landlock");
  look(facts.has_pidfd, "pidfd");
  if (missing.empty()) return good("kernel", "seccomp, Landlock and pidfd are there");
  return {Verdict::kNote, "kernel", "without " + missing,
          "workers are fenced in with what there is; a death is noticed 20 ms later without pidfd",
          "Linux 5.13 or newer has them; a container may hide them"};
}

}  // namespace

MachineFacts read_machine() {
  MachineFacts facts;
  read_processor(facts);
  facts.memory_available = available_memory();
  facts.memory_limit = control_group_limit();
  facts.unix_time = std::time(nullptr);
  timex clock{};
  facts.is_clock_synchronised = ::adjtimex(&clock) != TIME_ERROR;
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    facts.open_files = files.rlim_cur;
    facts.open_files_most = files.rlim_max;
  }
  facts.huge_pages = huge_page_mode();
  facts.has_seccomp = ::prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0;
  constexpr unsigned kLandlockVersion = 1;  // LANDLOCK_CREATE_RULESET_VERSION
  facts.has_landlock = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, kLandlockVersion) > 0;
  const auto self = static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0));
  facts.has_pidfd = self >= 0;
  if (self >= 0) ::close(self);
  return facts;
}

std::vector<Finding> check_machine(const MachineFacts& facts, const ModelSize& largest) {
  return {check_processor(facts),  check_memory(facts, largest), check_clock(facts),
          check_open_files(facts), check_huge_pages(facts),      check_kernel(facts)};
}

}  // namespace studio::cli
