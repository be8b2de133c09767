// A task's result: a gzip file of JSON lines, one for each text, told by its place in the input file.
//
// {"text_index":0,"embedding":[0.1,-2]}, or of a text that could not be embedded {"text_index":3,"code","message"};
// text_index counts the input's lines from 0, blank ones too, which have no line here.
// Source: Alibaba Cloud's page of the asynchronous text embedding, read 2026-11, says gzip and not what its lines are:
// these are the entries of the answer that is given at once.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "api/batches/output_files.h"

namespace studio::api::batches {

// `vector` is a JSON list.
std::string embedded_line(int64_t line, std::string_view vector);
std::string failed_line(int64_t line, std::string_view code, std::string_view message);
// The same of an answer's body in the native dialect's words.
std::string failed_line(int64_t line, std::string_view body);

// In the order of the texts; those that a task's end left over behind them.
Result<OutputFiles> write_task_output(store::Files& files, store::Batches& batches, const store::Batch& task,
                                      bool is_expired);

}  // namespace studio::api::batches
