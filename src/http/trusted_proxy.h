// The proxies in front that may speak for others: whose X-Forwarded-For and X-Forwarded-Proto are believed.
//
// From anyone else the two fields are ignored: they are text that any client can write.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/message.h"

namespace studio::http {

// A range of addresses, "10.0.0.0/8" or one address. IPv4 is kept as IPv6 (::ffff:a.b.c.d).
class Network {
 public:
  // Errors: invalid_argument, also where bits beyond the prefix are set ("10.0.0.1/8" is a typing mistake).
  static Result<Network> parse(const std::string& text);
  bool contains(std::string_view address) const;  // false for what is no address

 private:
  std::array<uint8_t, 16> bits_{};
  int prefix_ = 128;
};

bool is_trusted(const std::vector<Network>& proxies, std::string_view address);

// Who a trusted proxy says it speaks for: the last address of X-Forwarded-For that is no proxy of ours, as each proxy
// adds the one it saw at the end. Empty where it says nothing that is an address.
std::string forwarded_for(const Fields& fields, const std::vector<Network>& proxies);
// "http", "https", or empty where the proxy says nothing.
std::string forwarded_scheme(const Fields& fields);

}  // namespace studio::http
