#include "cli/progress_bar.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace studio::cli {
namespace {

using std::chrono::milliseconds;

constexpr auto kRedrawEvery = milliseconds(100);     // smooth to the eye, nothing to the processor
constexpr auto kSentenceEvery = milliseconds(5000);  // in a log
constexpr auto kRateWindow = milliseconds(4000);     // steady enough to read, quick enough to tell a stall
constexpr int kMinBar = 8, kMaxBar = 32;             // cells

int terminal_columns() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

std::string amount(const ProgressState& state) {
  if (state.total <= 0) return human_bytes(state.done);
  std::string total = human_bytes(state.total);
  std::string done = human_bytes(state.done);
  // "275 of 491 MB" where the units agree, "998 kB of 491 MB" where not.
  size_t unit = total.find(' ');
  if (done.ends_with(total.substr(unit))) done.erase(done.find(' '));
  return done + " of " + total;
}

int percent(const ProgressState& state) {
  if (state.total <= 0) return -1;
  return static_cast<int>(std::clamp<int64_t>(state.done * 100 / state.total, 0, 100));
}

std::string time_left(const ProgressState& state) {
  if (state.total <= 0 || state.rate < 1 || state.done >= state.total) return "";
  return human_duration(static_cast<double>(state.total - state.done) / state.rate) + " left";
}

// A bar in eighths of a cell.
std::string bar(int percent, int cells) {
  constexpr const char* kEighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  int eighths = percent * cells * 8 / 100;
  std::string text;
  for (int i = 0; i < eighths / 8; ++i) text += "█";
  text += kEighths[eighths % 8];
  int used = (eighths + 7) / 8;
  return text + std::string(static_cast<size_t>(std::max(0, cells - used)), ' ');
}

}  // namespace

std::string human_duration(double seconds) {
  auto whole = static_cast<int64_t>(std::ceil(seconds));
  if (whole < 100) return std::to_string(whole) + " s";
  if (whole < 3600) return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
  if (whole > 100 * 3600) return "days";
  return std::to_string(whole / 3600) + " h " + std::to_string(whole % 3600 / 60) + " min";
}

std::string progress_sentence(const ProgressState& state) {
  std::string text = state.what + ": " + amount(state);
  if (percent(state) >= 0) text += " (" + std::to_string(percent(state)) + " %)";
  if (state.rate >= 1) text += ", " + human_bytes(static_cast<int64_t>(state.rate)) + "/s";
  std::string left = time_left(state);
  return left.empty() ? text : text + ", " + left;
}

std::string progress_line(const ProgressState& state, int columns) {
  char share[16] = "";
  if (percent(state) >= 0) std::snprintf(share, sizeof share, "%3d %%  ", percent(state));
  std::string rate = state.rate >= 1 ? human_bytes(static_cast<int64_t>(state.rate)) + "/s" : "";
  std::string head = state.what + "  ";
  std::string tail = std::string(share) + amount(state);
  for (const std::string& part : {rate, time_left(state)}) {
    if (!part.empty() && static_cast<int>(head.size() + tail.size() + part.size() + 3) < columns) tail += "   " + part;
  }
  int room = columns - 1 - static_cast<int>(head.size() + tail.size()) - 2;
  if (percent(state) < 0 || room < kMinBar)
    return (head + tail).substr(0, static_cast<size_t>(std::max(columns - 1, 0)));
  return head + bar(percent(state), std::min(room, kMaxBar)) + "  " + tail;
}

ProgressBar::ProgressBar(Output& output) : output_(output), is_terminal_(::isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() {
  end();
}

void ProgressBar::begin(const std::string& what, int64_t done, int64_t total) {
  end();
  state_ = {what, done, total, 0};
  began_ = last_draw_ = Clock::now();
  began_at_ = done;
  samples_ = {{began_, done}};
  is_running_ = !output_.is_quiet() && !output_.is_json();
  if (is_terminal_) draw(false);
}

void ProgressBar::update(int64_t done) {
  state_.done = done;
  Clock::time_point now = Clock::now();
  if (now - last_draw_ < (is_terminal_ ? kRedrawEvery : kSentenceEvery)) return;
  last_draw_ = now;
  samples_.emplace_back(now, done);
  while (samples_.size() > 2 && now - samples_[1].first > kRateWindow) samples_.pop_front();
  double seconds = std::chrono::duration<double>(now - samples_.front().first).count();
  state_.rate = seconds > 0 ? static_cast<double>(done - samples_.front().second) / seconds : 0;
  draw(false);
}

void ProgressBar::draw(bool is_last) {
  if (!is_running_) return;
  if (is_terminal_) {
    std::fprintf(stderr, "\r%s\x1b[K%s", progress_line(state_, terminal_columns()).c_str(), is_last ? "\n" : "");
  } else {
    std::fprintf(stderr, "%s\n", progress_sentence(state_).c_str());
  }
  std::fflush(stderr);
}

void ProgressBar::end() {
  if (!is_running_) return;
  double seconds = std::chrono::duration<double>(Clock::now() - began_).count();
  state_.rate = seconds > 0 ? static_cast<double>(state_.done - began_at_) / seconds : 0;  // of the whole
  draw(true);
  is_running_ = false;
}

void ProgressBar::clear_line() {
  if (is_running_ && is_terminal_) std::fputs("\r\x1b[K", stderr);
}

void ProgressBar::note(const std::string& text) {
  clear_line();
  output_.note(text);
}

}  // namespace studio::cli
