// A file's bytes as an answer: whole where they are few, else piece by piece at the pace of the reader.
#pragma once

#include <functional>
#include <memory>

#include "base/file.h"
#include "http/exchange.h"

namespace studio::api {

inline constexpr uint64_t kMaxWholeFileBytes = 1 << 20;  // sent with its length
inline constexpr size_t kFilePieceBytes = 128 * 1024;    // half of what a connection lets wait

// `post` runs work that may block for milliseconds (Services::post). `head` has no body yet.
void send_file(std::shared_ptr<http::Exchange> exchange, UnmappedFile file, http::Response head,
               std::function<void(std::function<void()>)> post);

}  // namespace studio::api
