// The cookie that holds a session's token.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "http/message.h"

namespace studio::api::console {

// Set-Cookie for a token: HttpOnly, SameSite=Strict, sent to the console's own routes alone, Secure where the browser
// came over https. Browsers keep one jar for all ports of a host, so the name holds the port: two servers on one
// machine do not log each other out.
std::string set_session_cookie(const http::Request& request, std::string_view token, std::chrono::seconds lifetime);
std::string clear_session_cookie(const http::Request& request);

// Calls back with each cookie of that name until it answers true. A server on another port can add one of the same
// name; it must not hide ours.
bool any_session_cookie(const http::Request& request, const std::function<bool(std::string_view token)>& is_wanted);

}  // namespace studio::api::console
