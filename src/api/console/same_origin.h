// Is it our own page that asks? The second lock beside the cookie: a page of another origin cannot pass it, whatever
// cookies the browser adds (SameSite does not tell two ports of one host apart).
#pragma once

#include "http/message.h"

namespace studio::api::console {

// A request that may change something must carry an Origin of the Host it is sent to; every other one must not carry
// another. Sec-Fetch-Site, which browsers send and pages cannot set, must say the same where it is there.
bool is_same_origin(const http::Request& request);

// The browser came over TLS: to this server, to a proxy it trusts, or to one that only the Origin tells of.
bool is_from_https(const http::Request& request);

}  // namespace studio::api::console
