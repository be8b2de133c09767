// The address to listen on, the server that uses this data folder, and what a killed one has left.
#include <dirent.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "base/file.h"
#include "base/file_lock.h"
#include "base/json.h"
#include "cli/doctor_checks.h"

namespace studio::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxServerFileBytes = 64 << 10;
constexpr int kListening = 10;  // TCP_LISTEN in /proc/net/tcp

// The inodes of sockets that listen on the port, over both families.
std::set<std::string> listening_sockets(uint16_t port) {
  std::set<std::string> inodes;
  for (const char* path : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);  // the heading
    while (std::getline(file, line)) {
      // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode
      std::istringstream fields(line);
      std::array<std::string, 10> field;
      for (std::string& one : field) fields >> one;
      const size_t colon = field[1].rfind(':');
      if (colon == std::string::npos) continue;
      if (std::strtol(field[3].c_str(), nullptr, 16) != kListening) continue;
      if (std::strtol(field[1].c_str() + colon + 1, nullptr, 16) == port) inodes.insert(field[9]);
    }
  }
  return inodes;
}

bool holds_one_of(const std::string& pid, const std::set<std::string>& inodes) {
  const std::string folder = "/proc/" + pid + "/fd";
  DIR* dir = ::opendir(folder.c_str());
  if (dir == nullptr) return false;  // another user's
  bool is_found = false;
  while (const dirent* entry = ::readdir(dir)) {
    std::array<char, 64> target{};
    const ssize_t length = ::readlinkat(::dirfd(dir), entry->d_name, target.data(), target.size() - 1);
    std::string_view text(target.data(), length > 0 ? static_cast<size_t>(length) : 0);
    if (!text.starts_with("socket:[") || !text.ends_with(']')) continue;
    if (inodes.contains(std::string(text.substr(8, text.size() - 9)))) is_found = true;
  }
  ::closedir(dir);
  return is_found;
}

std::string name_of_process(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/comm");
  std::string name;
  std::getline(file, name);
  return name.empty() ? "a process" : name;
}

bool is_process(int64_t pid) {
  return pid > 0 && (::kill(static_cast<pid_t>(pid), 0) == 0 || errno == EPERM);
}

// Someone accepts connections on this Unix socket.
bool is_answered(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return true;  // cannot be asked: nothing is claimed
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const bool is_refused =
      ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 && errno == ECONNREFUSED;
  ::close(fd);
  return !is_refused;
}

std::vector<Finding> check_server_file(const std::string& data_dir) {
  const std::string path = data_dir + "/server.json";
  auto text = read_file(path, kMaxServerFileBytes);
  if (!text.ok()) return {};
  auto json = parse_json(*text);
  const boost::json::object* object = json.ok() ? json->if_object() : nullptr;
  const boost::json::value* pid = object ? object->if_contains("pid") : nullptr;
  const int64_t number = pid && pid->is_int64() ? pid->get_int64() : 0;
  if (is_process(number)) {
    return {{Verdict::kFailure, "server", "process " + std::to_string(number) + " should serve, and does not answer",
             "it is stuck, overloaded or stopped",
             "look at its log; kill " + std::to_string(number) + " ends it in good order"}};
  }
  return {{Verdict::kNote, "server file", path + " names a server that is gone",
           "it was killed before it could tidy up; other commands look for it in vain first",
           "rm " + path + " (the next `studio serve` writes it anew)"}};
}

std::vector<Finding> check_leftovers(const std::string& data_dir) {
  std::vector<Finding> findings;
  std::error_code error;
  for (fs::directory_iterator it(data_dir + "/run", error), end; !error && it != end; it.increment(error)) {
    if (!it->is_socket(error) || is_answered(it->path())) continue;
    findings.push_back({Verdict::kNote, "socket", it->path().string() + " has nobody behind it",
                        "a server was killed and left it; it does no harm and is replaced at the next start",
                        "rm " + it->path().string()});
  }
  return findings;
}

}  // namespace

std::string listener_on(uint16_t port) {
  const std::set<std::string> inodes = listening_sockets(port);
  if (inodes.empty()) return "";
  std::error_code error;
  for (fs::directory_iterator it("/proc", error), end; !error && it != end; it.increment(error)) {
    std::string pid = it->path().filename();
    if (pid.find_first_not_of("0123456789") != std::string::npos || !holds_one_of(pid, inodes)) continue;
    return name_of_process(pid) + " (process " + pid + ")";
  }
  return "another user's process";
}

std::vector<Finding> check_server(const std::string& data_dir, const std::string& running) {
  if (!running.empty()) return {good("server", running + " answers")};
  std::vector<Finding> findings = check_server_file(data_dir);
  if (findings.empty()) {
    // A server that is only starting holds the folder without having written its address.
    std::string holder = fs::exists(data_dir + "/lock") ? FileLock::holder(data_dir + "/lock") : "?";
    const bool is_held = holder != "?" && is_process(std::strtoll(holder.c_str(), nullptr, 10));
    findings.push_back(good("server", is_held ? "process " + holder + " used this data folder last, and lives"
                                              : "none is running on this data folder"));
  }
  for (Finding& finding : check_leftovers(data_dir)) findings.push_back(std::move(finding));
  return findings;
}

Finding check_listen(const std::string& listen, bool is_default, const std::string& running) {
  const size_t colon = listen.rfind(':');
  uint16_t port = 0;
  if (colon != std::string::npos) std::from_chars(listen.data() + colon + 1, listen.data() + listen.size(), port);
  if (port == 0) return good("address", listen);
  if (!running.empty() && running.ends_with(":" + std::to_string(port))) {
    return good("address", listen + ", in use by the server of this data folder");
  }
  std::string who = listener_on(port);
  if (who.empty()) return good("address", listen + " is free");
  if (is_default) {
    return {Verdict::kNote, "address", listen + " is taken by " + who,
            "`studio serve` moves on to the next free port, and clients must be told which", "studio serve prints it"};
  }
  return {Verdict::kFailure, "address", listen + " is taken by " + who, "`studio serve` cannot listen there",
          "end that process, or choose another port with --listen"};
}

}  // namespace studio::cli
