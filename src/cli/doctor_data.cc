// Files: the data folder, the key, the models, what pulls and crashes have left.
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/digest.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/doctor_checks.h"
#include "engine/formats/open_model.h"
#include "inference/crash_reporter.h"

namespace studio::cli {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kFreeBytesWanted = int64_t{2} << 30;  // room for a small model and the records
constexpr size_t kMaxKeyFileBytes = 4096;
constexpr size_t kMaxReportBytes = 1 << 20;
constexpr int64_t kRecentSeconds = int64_t{7} * 24 * 3600;  // a crash of last month is history
constexpr std::string_view kSqliteMagic("SQLite format 3\0", 16);

// The folder, or what there is of the way to it.
std::string existing_part(const std::string& path) {
  std::error_code error;
  fs::path at = fs::absolute(path, error);
  while (!fs::exists(at, error) && at != at.root_path()) at = at.parent_path();
  return at;
}

// Empty where a file can be made there; else why not.
std::string obstacle_to_writing(const std::string& folder) {
  struct stat status{};
  if (::stat(folder.c_str(), &status) != 0) return std::strerror(errno);
  if (!S_ISDIR(status.st_mode)) return "it is not a folder";
  if (::access(folder.c_str(), W_OK | X_OK) != 0) return std::strerror(errno);
  struct statvfs disk{};
  if (::statvfs(folder.c_str(), &disk) == 0 && (disk.f_flag & ST_RDONLY) != 0) return "its file system is read-only";
  return {};
}

Finding check_room(const std::string& existing) {
  struct statvfs disk{};
  int64_t free_bytes = 0;
  if (::statvfs(existing.c_str(), &disk) == 0) {
    free_bytes = static_cast<int64_t>(disk.f_bavail) * static_cast<int64_t>(disk.f_frsize);
  }
  std::string text = human_bytes(free_bytes) + " free for the data folder";
  if (free_bytes >= kFreeBytesWanted) return good("disk", text);
  return {Verdict::kWarning, "disk", text,
          "a pull needs room for its model, and no answer is given whose usage cannot be written",
          "free some, or choose another folder with --data"};
}

std::vector<Finding> check_database(const std::string& data_dir) {
  const std::string path = data_dir + "/studio.db";
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return {};
  std::ifstream file(path, std::ios::binary);
  std::string head(kSqliteMagic.size(), '\0');
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  if (status.st_size > 0 && (!file || head != kSqliteMagic)) {
    return {{Verdict::kFailure, "records", path + " is not a database",
             "keys and usage live in it; `studio serve` does not start without it",
             "put a backup in its place, or mv " + path + " aside to begin anew"}};
  }
  if ((status.st_mode & 077) != 0) {
    return {{Verdict::kFailure, "records", path + " can be read by others", "it tells who used what, and when",
             "chmod 600 " + path}};
  }
  return {good("records", path)};
}

std::string digest_of(const std::string& path) {
  Sha256 digest;
  std::ifstream file(path, std::ios::binary);
  std::string buffer(size_t{1} << 20, '\0');
  while (file.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) || file.gcount() > 0) {
    digest.update(std::string_view(buffer.data(), static_cast<size_t>(file.gcount())));
  }
  return to_hex(digest.finish());
}

Finding check_model(const catalogue::Library& library, const catalogue::LocalModel& model, bool is_deep,
                    Output& output) {
  std::string name = "model " + model.name;
  std::string again = "studio rm " + model.name + " && studio pull " + model.name;
  const bool is_one_file = model.format == "gguf" || model.format == "panels";
  if (is_one_file) {
    auto file = engine::read_model_head(model.path);
    if (!file.ok()) {
      return {Verdict::kFailure, name, file.error().message(), "it cannot be served as it is", again};
    }
  }
  std::string text = human_bytes(model.bytes);
  std::error_code error;
  // A description that does not fit the file's size is not believed by the library: then it has no digest either.
  if (model.sha256.empty() && fs::exists(library.models_dir() + "/" + model.name + ".json", error)) {
    return {Verdict::kFailure, name, text + ", another size than when it was pulled",
            "it was cut or replaced since, and answers may be wrong", again};
  }
  if (model.sha256.empty()) {
    return {Verdict::kNote, name, text + ", of unknown source",
            "someone put it there by hand: no digest is known that it could be compared with", ""};
  }
  if (!is_deep || !is_one_file) return good(name, text);
  output.note(output.dim("reading " + model.name + " ..."));
  if (digest_of(model.path) == model.sha256) return good(name, text + ", digest right");
  return {Verdict::kFailure, name, "its bytes have changed since it was pulled",
          "the disk or somebody changed it: answers may be wrong", again};
}

int64_t bytes_in(const fs::path& folder) {
  int64_t total = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->is_regular_file(error)) total += static_cast<int64_t>(it->file_size(error));
  }
  return total;
}

std::vector<Finding> check_half_files(const catalogue::Library& library) {
  std::vector<Finding> findings;
  std::error_code error;
  for (fs::directory_iterator it(library.partial_dir(), error), end; !error && it != end; it.increment(error)) {
    std::string name = it->path().filename();
    if (name.starts_with('.') || !it->is_directory(error)) continue;
    const int64_t bytes = bytes_in(it->path());
    if (bytes == 0) continue;
    findings.push_back({Verdict::kWarning, "half file " + name,
                        human_bytes(bytes) + " of an unfinished pull of " + name + " are in " + it->path().string(),
                        "they take room and serve nothing until the pull is finished",
                        "studio pull " + name + " goes on with it; studio rm " + name + " drops it"});
  }
  return findings;
}

// What of a report is for a summary; empty where it is none.
std::string summary_of(const std::string& path) {
  auto text = read_file(path, kMaxReportBytes);
  auto json = text.ok() ? parse_json(*text) : Result<boost::json::value>(text.error());
  const boost::json::object* report = json.ok() ? json->if_object() : nullptr;
  if (report == nullptr) return "";
  auto text_of = [&](const char* key) {
    const boost::json::value* value = report->if_contains(key);
    return value && value->is_string() ? std::string(value->get_string()) : std::string("?");
  };
  const boost::json::value* sequences = report->if_contains("sequences");
  const size_t running = sequences && sequences->is_array() ? sequences->get_array().size() : 0;
  return text_of("signal_name") + " in the worker of " + text_of("model") + " with " + std::to_string(running) +
         " requests";
}

}  // namespace

std::vector<Finding> check_data_folder(const std::string& data_dir) {
  const std::string existing = existing_part(data_dir);
  std::string obstacle = obstacle_to_writing(existing);
  if (!obstacle.empty()) {
    return {{Verdict::kFailure, "data folder", data_dir + " cannot be written: " + existing + ": " + obstacle,
             "keys, usage and models live there; nothing can be served without it",
             "give yourself the right to write it, or choose another with --data"}};
  }
  std::vector<Finding> findings;
  struct stat status{};
  const bool is_there = ::stat(data_dir.c_str(), &status) == 0;
  if (is_there && (status.st_mode & 077) != 0 && fs::exists(data_dir + "/studio.db")) {
    findings.push_back({Verdict::kWarning, "data folder", data_dir + " can be looked into by others",
                        "`studio serve` makes it private at its start, something has opened it since",
                        "chmod 700 " + data_dir});
  } else {
    findings.push_back(good("data folder", data_dir + (is_there ? "" : ", not made yet")));
  }
  findings.push_back(check_room(existing));
  for (Finding& finding : check_database(data_dir)) findings.push_back(std::move(finding));
  return findings;
}

Finding check_key(const std::string& data_dir, const std::string& key_file) {
  std::string path = key_file.empty() ? data_dir + "/key" : key_file;
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    if (key_file.empty()) return good("key", "none yet; the first `studio serve` makes one");
    return {Verdict::kFailure, "key", path + " is not there", "serve.key_file names it: `studio serve` does not start",
            "write a key into it (mode 600), or unset serve.key_file"};
  }
  if ((status.st_mode & 077) != 0) {
    return {Verdict::kFailure, "key", path + " can be read by others",
            "whoever has the key can use this server, at its owner's cost", "chmod 600 " + path};
  }
  auto text = read_file(path, kMaxKeyFileBytes);
  if (!text.ok() || text->find_first_not_of(" \r\n") == std::string::npos) {
    return {Verdict::kFailure, "key", path + " holds no key", "`studio serve` does not start with it",
            key_file.empty() ? "rm " + path + "; the next `studio serve` makes a new one" : "write a key into it"};
  }
  return good("key", path);
}

std::vector<Finding> check_models(const catalogue::Library& library, bool is_deep, Output& output) {
  auto models = library.list();
  if (!models.ok()) {
    return {{Verdict::kFailure, "models", models.error().message(), "no model can be served from there",
             "give yourself the right to read it"}};
  }
  std::vector<Finding> findings;
  if (models->empty()) findings.push_back(good("models", "none yet; the first start fetches the default one"));
  for (const auto& model : *models) findings.push_back(check_model(library, model, is_deep, output));
  for (Finding& finding : check_half_files(library)) findings.push_back(std::move(finding));
  return findings;
}

std::vector<Finding> check_crashes(const std::string& crash_dir, int64_t unix_time) {
  std::vector<std::string> reports = inference::list_crash_reports(crash_dir);
  if (reports.empty()) return {good("crashes", "no report of any")};
  std::vector<Finding> findings;
  const auto open_one = std::ranges::find_if(reports, [](const std::string& path) {
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0 && (status.st_mode & 077) != 0;
  });
  if (open_one != reports.end()) {
    findings.push_back({Verdict::kWarning, "crash reports", *open_one + " can be read by others",
                        "it names requests by their ids and sizes", "chmod 600 " + crash_dir + "/*"});
  }
  struct stat newest{};
  const bool is_recent = ::stat(reports.back().c_str(), &newest) == 0 && unix_time - newest.st_mtime < kRecentSeconds;
  std::string text =
      std::to_string(reports.size()) + " in " + crash_dir + ", the last of " + human_time(newest.st_mtime);
  if (std::string summary = summary_of(reports.back()); !summary.empty()) text += ": " + summary;
  findings.push_back({is_recent ? Verdict::kWarning : Verdict::kNote, "crashes", text,
                      "a worker died; its streams went on, but the next death may come with the same request",
                      "look at " + reports.back() + " (docs/how_to/watch_it.md says how); delete it when done"});
  return findings;
}

}  // namespace studio::cli
