#include "engine/constrain/formats.h"

#include <utility>

namespace studio::engine::constrain {
namespace {

// A day that every year has: 29 February is left out.
#define STUDIO_DATE \
  "[0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
#define STUDIO_TIME "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
#define STUDIO_BYTE "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
#define STUDIO_LABEL "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
#define STUDIO_HOST STUDIO_LABEL "(\\." STUDIO_LABEL "){0,3}"
#define STUDIO_UUID "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
#define STUDIO_PATH "([A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*"

constexpr std::pair<std::string_view, std::string_view> kFormats[] = {
    {"date", "^" STUDIO_DATE "$"},
    {"time", "^" STUDIO_TIME "$"},
    {"date-time", "^" STUDIO_DATE "T" STUDIO_TIME "$"},
    {"duration",
     "^P([0-9]{1,4}D(T[0-9]{1,4}H)?|[0-9]{1,4}W|T([0-9]{1,4}H([0-9]{1,4}M([0-9]{1,4}S)?)?|[0-9]{1,4}M([0-9]{1,4}S)?|[0-"
     "9]{1,4}S))$"},
    {"uuid", "^" STUDIO_UUID "$"},
    {"email", "^[A-Za-z0-9_+-]{1,32}(\\.[A-Za-z0-9_+-]{1,32}){0,1}@" STUDIO_LABEL "\\.[A-Za-z]{2,16}$"},
    {"ipv4", "^" STUDIO_BYTE "(\\." STUDIO_BYTE "){3}$"},
    {"ipv6", "^[0-9a-fA-F]{1,4}(:[0-9a-fA-F]{1,4}){7}$"},
    {"hostname", "^" STUDIO_HOST "$"},
    {"uri", "^(https?|ftp)://" STUDIO_LABEL "(\\.[A-Za-z0-9]{1,32}){0,3}(:[0-9]{1,4})?(/" STUDIO_PATH
            ")?(\\?" STUDIO_PATH ")?(#" STUDIO_PATH ")?$"},
    {"uri-reference",
     "^((https?|ftp)://" STUDIO_LABEL "(\\.[A-Za-z0-9]{1,32}){0,3})?(/([A-Za-z0-9._~-]|%[0-9A-Fa-f]{2})*)*$"},
    {"byte", "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"},
    {"json-pointer", "^(/([^~/]|~[01])*)*$"},
    {"password", ""},
    {"binary", ""},
};

}  // namespace

std::optional<std::string_view> format_pattern(std::string_view name) {
  for (const auto& [known, pattern] : kFormats) {
    if (known == name) return pattern;
  }
  return std::nullopt;
}

}  // namespace studio::engine::constrain
