// Is it our own page that asks? The second lock beside the cookie: a page of another origin cannot pass it, whatever
// cookies the browser adds (SameSite does not tell two ports of one host apart).
#pragma once

#include "http/message.h"

namespace studio::api::console {

// What http/origin_check calls this server's own, or a read that no page marked as its own: browsers send no Origin
// with those. Pages that the configuration lets call the API are not let in here. Sec-Fetch-Site, which browsers send
// and pages cannot set, must say same-origin where it is there: nobody opens these routes by an address.
bool is_same_origin(const http::Request& request);

}  // namespace studio::api::console
