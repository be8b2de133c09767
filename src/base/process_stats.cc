#include "base/process_stats.h"

#include <dirent.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

namespace studio {
namespace {

// When this machine was started, as Unix seconds; 0 where /proc does not say.
double boot_time() {
  std::ifstream file("/proc/stat");
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with("btime ")) return std::strtod(line.c_str() + 6, nullptr);
  }
  return 0;
}

int64_t count_entries(const std::string& folder) {
  DIR* dir = ::opendir(folder.c_str());
  if (dir == nullptr) return -1;
  int64_t count = 0;
  while (const dirent* entry = ::readdir(dir)) {
    if (entry->d_name[0] != '.') ++count;
  }
  ::closedir(dir);
  return count;
}

int64_t soft_file_limit(const std::string& folder) {
  std::ifstream file(folder + "/limits");
  std::string line;
  constexpr std::string_view kName = "Max open files";
  while (std::getline(file, line)) {
    if (line.starts_with(kName)) return std::strtoll(line.c_str() + kName.size(), nullptr, 10);
  }
  return 0;
}

}  // namespace

std::optional<ProcessStats> read_process_stats(pid_t pid) {
  const std::string folder = "/proc/" + std::to_string(pid);
  std::ifstream file(folder + "/stat");
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  // The name, in parentheses, may hold anything, parentheses too; what follows its last one is numbers from field 3 on.
  size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream rest(line.substr(name_end + 1));
  std::array<std::string, 53> fields;  // proc(5) counts from 1
  for (size_t i = 3; i < fields.size() && rest >> fields[i]; ++i) {
  }
  auto number = [&](size_t field) { return std::strtoll(fields[field].c_str(), nullptr, 10); };
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  ProcessStats stats;
  stats.cpu_seconds = static_cast<double>(number(14) + number(15)) / ticks;
  stats.threads = number(20);
  stats.started_at = boot_time() + static_cast<double>(number(22)) / ticks;
  stats.virtual_bytes = number(23);
  stats.resident_bytes = number(24) * ::sysconf(_SC_PAGESIZE);
  stats.open_files = count_entries(folder + "/fd");
  stats.max_files = soft_file_limit(folder);
  return stats;
}

}  // namespace studio
