// The head of an HTTP answer, as much of it as downloads need. Its bytes are foreign: whatever cannot be read says
// nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "catalogue/partial_file.h"

namespace studio::catalogue {

// Line by line, through redirects: a new status line drops what the answer before it said, but for what hubs tell on
// the way about the file behind the redirect (X-Linked-Etag, X-Linked-Size).
class HttpAnswer {
 public:
  // One line, with or without its end; the empty one ends the head.
  void add_line(std::string_view text);

  // The head of the last answer, which is no redirect and no "100 Continue", is there to its end.
  bool is_complete() const { return is_complete_; }
  long status() const { return status_; }
  int64_t range_start() const { return range_start_; }  // of Content-Range; -1: none
  Validators validators() const;
  // In seconds as hubs give it; Retry-After's other form, a date, says nothing.
  std::optional<std::chrono::seconds> retry_after() const { return retry_after_; }

 private:
  void start_answer(std::string_view status_line);
  void read_range(std::string_view value);

  bool is_complete_ = false;
  long status_ = 0;
  int64_t length_ = -1;  // Content-Length
  int64_t range_start_ = -1, range_total_ = -1;
  std::string etag_, linked_etag_;
  int64_t linked_size_ = -1;
  std::optional<std::chrono::seconds> retry_after_;
};

// What an answer without the file means; `host` is for the message. Carries the answer's Retry-After.
Error error_of_answer(const HttpAnswer& answer, const std::string& host);

}  // namespace studio::catalogue
