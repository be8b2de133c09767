#include "http/trusted_proxy.h"

#include <boost/asio/ip/address.hpp>
#include <charconv>

namespace studio::http {
namespace {

namespace ip = boost::asio::ip;

bool to_bits(std::string_view text, std::array<uint8_t, 16>& bits) {
  // The library reads up to a NUL, and a scope after '%' that is of no use here.
  if (text.find_first_not_of("0123456789abcdefABCDEF.:") != std::string_view::npos) return false;
  boost::system::error_code fault;
  ip::address address = ip::make_address(std::string(text), fault);
  if (fault) return false;
  if (address.is_v6()) {
    bits = address.to_v6().to_bytes();
    return true;
  }
  bits = ip::make_address_v6(ip::v4_mapped, address.to_v4()).to_bytes();
  return true;
}

}  // namespace

Result<Network> Network::parse(const std::string& text) {
  Error error(Code::kInvalidArgument,
              "'" + text + "' is no address and no range of addresses; write 10.0.0.7 or 10.0.0.0/24");
  size_t slash = text.find('/');
  Network network;
  if (!to_bits(text.substr(0, slash), network.bits_)) return error;
  if (slash == std::string::npos) return network;
  int offset = text.find(':') == std::string::npos ? 96 : 0;
  int prefix = -1;
  const char* end = text.data() + text.size();
  auto [stop, fault] = std::from_chars(text.data() + slash + 1, end, prefix);
  if (fault != std::errc() || stop != end || prefix < 0 || prefix + offset > 128) return error;
  network.prefix_ = prefix + offset;
  for (int bit = network.prefix_; bit < 128; ++bit) {
    bool is_set = (network.bits_[static_cast<size_t>(bit / 8)] >> (7 - bit % 8) & 1) != 0;
    if (is_set) return Error(Code::kInvalidArgument, "'" + text + "' has bits beyond its prefix; is the number right?");
  }
  return network;
}

bool Network::contains(std::string_view address) const {
  std::array<uint8_t, 16> bits{};
  if (!to_bits(address, bits)) return false;
  for (int bit = 0; bit < prefix_; ++bit) {
    auto byte = static_cast<size_t>(bit / 8);
    if (((bits[byte] ^ bits_[byte]) >> (7 - bit % 8) & 1) != 0) return false;
  }
  return true;
}

bool is_trusted(const std::vector<Network>& proxies, std::string_view address) {
  for (const Network& proxy : proxies) {
    if (proxy.contains(address)) return true;
  }
  return false;
}

std::string forwarded_for(const Fields& fields, const std::vector<Network>& proxies) {
  std::string all;  // repeated fields are one list, in order
  for (const Field& field : fields) {
    if (equal_ignoring_case(field.name, "x-forwarded-for")) all += (all.empty() ? "" : ",") + field.value;
  }
  std::string_view rest = all;
  std::string last;
  while (!rest.empty()) {
    size_t comma = rest.rfind(',');
    std::string_view address = trim_blanks(comma == std::string_view::npos ? rest : rest.substr(comma + 1));
    std::array<uint8_t, 16> bits{};
    if (!to_bits(address, bits)) return last;  // what stands before a word that is no address is not believed
    last = address;
    if (!is_trusted(proxies, address)) return last;
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(0, comma);
  }
  return last;
}

std::string forwarded_scheme(const Fields& fields) {
  const std::string* proto = fields.find("x-forwarded-proto");
  if (proto == nullptr) return "";
  if (*proto == "https" || *proto == "http") return *proto;
  return "";
}

}  // namespace studio::http
