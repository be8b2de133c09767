#include "cli/line_reader.h"

#include <histedit.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cwchar>
#include <iostream>

#include "cli/interrupt.h"

namespace studio::cli {
namespace {

constexpr int kHistoryLines = 1000;

// One character for libedit: 1, 0 at the end of input, -1 when Ctrl-C comes. Bytes that are no UTF-8 are passed over.
int read_character(EditLine*, wchar_t* out) {
  std::mbstate_t state{};
  for (;;) {
    pollfd waited[] = {{STDIN_FILENO, POLLIN, 0}, {InterruptGuard::poll_fd(), POLLIN, 0}};
    int ready = ::poll(waited, 2, -1);
    if (InterruptGuard::flag().load()) errno = EINTR;
    if (ready < 0 || InterruptGuard::flag().load()) return -1;
    char byte = 0;
    ssize_t count = ::read(STDIN_FILENO, &byte, 1);
    if (count <= 0) return static_cast<int>(count);
    size_t used = std::mbrtowc(out, &byte, 1, &state);
    if (used == 0 || used == 1) return 1;
    if (used == static_cast<size_t>(-1)) state = {};
  }
}

}  // namespace

struct LineReader::Editor {
  EditLine* line = nullptr;
  History* history = nullptr;
  std::string history_file, prompt;

  static char* prompt_of(EditLine* line) {
    Editor* editor = nullptr;
    el_get(line, EL_CLIENTDATA, &editor);
    return editor->prompt.data();
  }
};

LineReader::LineReader(const std::string& history_file) {
  if (::isatty(STDIN_FILENO) != 1) return;
  std::setlocale(LC_CTYPE, "C.UTF-8");  // what libedit decodes by; the locale of every glibc
  editor_ = std::make_unique<Editor>();
  editor_->history_file = history_file;
  editor_->line = el_init("studio", stdin, stdout, stderr);
  editor_->history = history_init();
  HistEvent event;
  history(editor_->history, &event, H_SETSIZE, kHistoryLines);
  history(editor_->history, &event, H_SETUNIQUE, 1);
  if (!history_file.empty()) history(editor_->history, &event, H_LOAD, history_file.c_str());
  el_set(editor_->line, EL_CLIENTDATA, editor_.get());
  el_set(editor_->line, EL_PROMPT, &Editor::prompt_of);
  el_set(editor_->line, EL_EDITOR, "emacs");
  el_set(editor_->line, EL_HIST, history, editor_->history);
  el_set(editor_->line, EL_SIGNAL, 0);  // signals stay ours
  el_set(editor_->line, EL_GETCFN, &read_character);
}

LineReader::~LineReader() {
  if (!editor_) return;
  HistEvent event;
  if (!editor_->history_file.empty()) {
    mode_t before = ::umask(0077);
    history(editor_->history, &event, H_SAVE, editor_->history_file.c_str());
    ::umask(before);
  }
  history_end(editor_->history);
  el_end(editor_->line);
}

LineReader::Outcome LineReader::read(const std::string& prompt, std::string& line) {
  line.clear();
  if (!editor_) {
    if (!std::getline(std::cin, line)) return Outcome::kEnd;
    return Outcome::kLine;
  }
  editor_->prompt = prompt;
  InterruptGuard::clear();
  errno = 0;
  int count = 0;
  // Before the prompt is seen: el_gets readies the terminal after it, and a Ctrl-D typed between would be lost.
  el_set(editor_->line, EL_PREP_TERM, 1);
  const char* text = el_gets(editor_->line, &count);
  if (InterruptGuard::flag().load()) {
    el_reset(editor_->line);
    std::fputs("\n", stdout);
    return Outcome::kInterrupted;
  }
  if (!text || count <= 0) return Outcome::kEnd;
  line.assign(text, static_cast<size_t>(count));
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
  if (!line.empty()) {
    HistEvent event;
    history(editor_->history, &event, H_ENTER, line.c_str());
  }
  return Outcome::kLine;
}

}  // namespace studio::cli
