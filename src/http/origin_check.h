// Which names a server answers to, and which web pages may call it.
//
// A browser sends requests to a server of this machine for any page that asks, and a page's own name can be made to
// point here (DNS rebinding). Two checks close that door on every listener, loopback too:
//   Host    must be a loopback name, the address that the connection came in on, or a name of the configuration.
//   Origin  must be this server's own (same scheme, host and port as the request) or one of the configuration, letter
//           for letter. Requests without Origin that a browser marks as another site's are refused too, but for
//           following a link.
// Answers to a configured origin carry the CORS fields; none ever allows credentials.
// Sources: the Fetch standard (Origin, CORS preflight) and W3C Fetch Metadata, read 2026-11.
//
// Pure functions of their arguments.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/message.h"

namespace studio::http {

// `host` as in the Host field. `names`: lower case, no port, IPv6 without brackets; "*.example.com" stands for one
// label. `local_address`: of this end of the connection; empty on a Unix socket.
bool answers_to(std::string_view host, const std::vector<std::string>& names, std::string_view local_address);

enum class PageOrigin {
  kNone,     // no page, or one that a person opened
  kOwn,      // a page of this server
  kAllowed,  // of an origin in the configuration
  kForeign,  // refused
};
// The request's Host has passed answers_to(). `origins` as browsers send them: "https://app.example.com".
PageOrigin check_origin(const Request& request, const std::vector<std::string>& origins);

// An origin as it may stand in the configuration. Errors: invalid_argument with what is wrong.
Status check_origin_setting(const std::string& origin);
// A host name or address as it may stand there; lower case, without brackets. Errors: invalid_argument.
Result<std::string> host_setting(const std::string& host);

bool is_preflight(const Request& request);
// To a preflight of an allowed origin. `methods`: those of the path, as in Allow; empty where there is no such path.
Response preflight_answer(const Request& request, const std::string& methods);
// What every answer to an allowed origin carries.
void add_cors_fields(const std::string& origin, Fields& fields);

}  // namespace studio::http
