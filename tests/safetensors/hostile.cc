// A model cut at every byte and with every bit flipped of its headers, read as the gateway and then the worker do.
//
//   hostile MODEL WORK PROBES    MODEL: a folder of safetensors, or a panel file; WORK: a folder to be made;
//                                PROBES: of each file at most so many cuts and so many bits, evenly spread; 0: all
//
// For each file of the model that is read before its tensors (JSON files whole, of weights the header): what was
// refused, what was accepted, and the longest refusal in processor time, which must stay under 100 ms. What is accepted
// is loaded and asked for one step, so that a wrong extent is used. Exit 0: no refusal without a reason or too late, no
// crash.
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "engine/formats/hf_folder.h"
#include "engine/formats/open_model.h"
#include "engine/formats/panel_file.h"
#include "engine/models/model.h"
#include "engine/templates/chat_template.h"
#include "engine/tokenizer/tokenizer.h"

namespace studio::engine {
namespace {

namespace fs = std::filesystem;

constexpr double kMaxRefusalSeconds = 0.1;

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

struct Tally {
  int refused = 0, accepted = 0;
  double longest = 0;
  std::string fault;  // a promise that was broken

  void note(const Status& outcome, double seconds, const std::string& what) {
    (outcome.ok() ? accepted : refused) += 1;
    if (outcome.ok()) return;
    longest = std::max(longest, seconds);
    if (outcome.error().message().empty()) fault = what + ": refused without a reason";
    if (seconds > kMaxRefusalSeconds) fault = what + ": refused after " + std::to_string(seconds) + " s";
  }
};

// What the gateway does with a model.
Status read_as_gateway(const std::string& path) {
  STUDIO_TRY(const auto head, read_model_head(path));
  STUDIO_TRY(const auto tokenizer, Tokenizer::from_gguf(head));
  (void)tokenizer->encode("Hello <|im_end|> 42");
  STUDIO_TRY(const auto source, head.find_string("tokenizer.chat_template"));
  if (source) STUDIO_CHECK_OK(ChatTemplate::compile(*source));
  return Ok{};
}

// What the worker does, and one step.
Status read_as_worker(const std::string& path) {
  static ThreadPool pool(1);
  static const KernelSet& kernels = *available_kernels().back();
  STUDIO_TRY(const auto source, open_model(path));
  STUDIO_TRY(auto model, load_model(source, kernels, pool));
  STUDIO_TRY(auto pages, PagePool::create(model->kv_shape(), 1));
  model->use_pages(&pages);
  SequenceState sequence(&pages);
  if (!sequence.reserve(1)) return Error(Code::kInternal, "no page");
  const TokenId tokens[] = {0};
  const BatchRun runs[] = {{&sequence, tokens, WantLogits::kLast}};
  std::vector<float> logits(static_cast<size_t>(model->config().vocab));
  model->forward(runs, logits.data());
  return Ok{};
}

void read_once(const std::string& model, Tally& tally, const std::string& what) {
  const double start = cpu_seconds();
  Status gateway = read_as_gateway(model);
  const double middle = cpu_seconds();
  tally.note(gateway, middle - start, what);
  if (!gateway.ok()) return;
  Status worker = read_as_worker(model);
  if (!worker.ok()) tally.note(worker, cpu_seconds() - middle, what);
}

// How much of a file is read before its tensors.
uint64_t header_bytes(const std::string& path, const std::string& bytes) {
  if (!path.ends_with(".safetensors") && !path.ends_with(".panels")) return bytes.size();
  uint64_t length = 0;
  std::memcpy(&length, bytes.data() + (path.ends_with(".panels") ? 16 : 0), sizeof length);
  return length + (path.ends_with(".panels") ? kPanelPreambleBytes : 8);
}

void write_byte(int fd, uint64_t at, uint8_t byte) {
  if (::pwrite(fd, &byte, 1, static_cast<off_t>(at)) != 1) std::abort();
}

// One file of the model at `model` (a copy that may be changed).
Tally abuse(const std::string& model, const std::string& path, uint64_t probes) {
  Tally tally;
  const std::string bytes = read_file(path, size_t{64} << 20).value();
  const uint64_t header = header_bytes(path, bytes);
  const std::string name = fs::path(path).filename();
  const auto step_of = [&](uint64_t places) { return probes == 0 ? 1 : std::max<uint64_t>(1, places / probes); };
  for (uint64_t size = 0; size < header; size += step_of(header)) {
    fs::resize_file(path, size);
    read_once(model, tally, name + " cut at " + std::to_string(size));
    if (!write_file_atomically(path, bytes, 0644).ok()) std::abort();
  }
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) std::abort();
  for (uint64_t bit = 0; bit < 8 * header; bit += step_of(8 * header)) {
    const uint64_t at = bit / 8;
    const auto byte = static_cast<uint8_t>(bytes[at]);
    write_byte(fd, at, static_cast<uint8_t>(byte ^ 1u << bit % 8));
    read_once(model, tally, name + " with bit " + std::to_string(bit) + " flipped");
    write_byte(fd, at, byte);
  }
  ::close(fd);
  return tally;
}

int run(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: hostile MODEL WORK PROBES\n");
    return 2;
  }
  const std::string work = argv[2];
  const uint64_t probes = std::strtoull(argv[3], nullptr, 10);
  fs::remove_all(work);
  fs::create_directories(work);
  fs::path model = fs::path(work) / fs::path(argv[1]).filename();
  fs::copy(argv[1], model, fs::copy_options::recursive);
  std::vector<std::string> files;
  if (fs::is_directory(model)) {
    for (const auto& entry : fs::directory_iterator(model)) files.push_back(entry.path());
  } else {
    files.push_back(model);
  }
  std::sort(files.begin(), files.end());
  if (Status good = read_as_gateway(model); !good.ok()) {
    std::fprintf(stderr, "the model itself is refused: %s\n", good.error().message().c_str());
    return 1;
  }
  bool is_right = true;
  for (const std::string& file : files) {
    const Tally tally = abuse(model, file, probes);
    std::printf("%-34s %7d refused, %6d accepted, longest refusal %5.1f ms %s\n", fs::path(file).filename().c_str(),
                tally.refused, tally.accepted, 1e3 * tally.longest, tally.fault.c_str());
    is_right = is_right && tally.fault.empty() && tally.refused > 0;
  }
  return is_right ? 0 : 1;
}

}  // namespace
}  // namespace studio::engine

int main(int argc, char** argv) {
  return studio::engine::run(argc, argv);
}
