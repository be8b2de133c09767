// The fields by which a client is let in: Host, Origin, Sec-Fetch-*, X-Forwarded-*. The bytes are the lines of a head.
// Whatever they are, nobody is let in whom the rules do not name, and nothing that an answer says back can end its
// line.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/line_mutator.h"
#include "http/origin_check.h"
#include "http/trusted_proxy.h"

namespace {

using namespace studio::http;

void check(bool holds) {
  if (!holds) std::abort();
}

Request request_of(std::string_view bytes) {
  Request request;
  request.method = Method::kOptions;
  while (!bytes.empty()) {
    size_t end = std::min(bytes.find('\n'), bytes.size());
    std::string_view line = bytes.substr(0, end);
    size_t colon = std::min(line.find(':'), line.size());
    std::string_view value = line.substr(std::min(colon + 1, line.size()));
    request.fields.add(std::string(line.substr(0, colon)), std::string(trim_blanks(value)));
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
  return request;
}

bool is_one_line(const std::string& text) {
  return text.find_first_of("\r\n") == std::string::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<std::string> kNames = {"studio.test", "*.lab.test"}, kOrigins = {"https://app.test"};
  static const std::vector<Network> kProxies = {*Network::parse("10.0.0.0/8"), *Network::parse("fd00::/8")};
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Request request = request_of(bytes);
  const std::string* host = request.fields.find("host");
  if (host != nullptr && answers_to(*host, kNames, "10.0.0.5")) {
    bool is_named = false;
    for (std::string_view known : {"localhost", "127.0.0.1", "::1", "10.0.0.5", "studio.test", ".lab.test"}) {
      for (size_t i = 0; i + known.size() <= host->size(); ++i) {
        is_named |= equal_ignoring_case(std::string_view(*host).substr(i, known.size()), known);
      }
    }
    check(is_named);
  }
  const std::string* origin = request.fields.find("origin");
  check(is_preflight(request) == (request.fields.find("access-control-request-method") != nullptr));
  switch (check_origin(request, kOrigins)) {
    case PageOrigin::kNone:
      check(origin == nullptr);
      break;
    case PageOrigin::kOwn:
      check(origin != nullptr && host != nullptr && origin->size() >= 7);
      break;
    case PageOrigin::kAllowed:
      check(origin != nullptr && *origin == kOrigins.front());
      break;
    case PageOrigin::kForeign:
      break;
  }
  for (const Field& field : preflight_answer(request, "GET").fields) check(is_one_line(field.value));
  Fields answer;
  if (origin != nullptr && is_one_line(*origin)) add_cors_fields(*origin, answer);
  for (const Field& field : answer) check(is_one_line(field.value) && field.name != "Access-Control-Allow-Credentials");
  std::string scheme = forwarded_scheme(request.fields);
  check(scheme.empty() || scheme == "http" || scheme == "https");
  std::string client = forwarded_for(request.fields, kProxies);
  check(client.empty() || Network::parse(client).ok());
  check(client.find('/') == std::string::npos);
  std::string text(bytes);
  if (auto network = Network::parse(text); network.ok() && text.find('/') == std::string::npos)
    check(network->contains(text));
  if (auto name = host_setting(text); name.ok())
    check(answers_to(*name, {*name}, "") || name->find(':') != std::string::npos);
  (void)check_origin_setting(text).ok();
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return studio::fuzz::mutate_as<studio::fuzz::LineMutator>(data, size, max_size, seed);
}
