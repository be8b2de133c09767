// Two pieces of work, the first on a thread of its own.
#pragma once

#include <system_error>
#include <thread>

namespace studio::engine {

// Runs both, one after the other where they are not worth a thread or none is to be had.
template <typename First, typename Second>
void side_by_side(First&& first, Second&& second, bool is_worth_a_thread) {
  std::thread helper;
  try {
    if (is_worth_a_thread) helper = std::thread(first);
  } catch (const std::system_error&) {  // no thread to be had
  }
  if (!helper.joinable()) first();
  second();
  if (helper.joinable()) helper.join();
}

}  // namespace studio::engine
