#include "base/result.h"

namespace studio {

std::string_view code_name(Code code) {
  switch (code) {
    case Code::kInvalidArgument:
      return "invalid_argument";
    case Code::kOutOfRange:
      return "out_of_range";
    case Code::kUnauthenticated:
      return "unauthenticated";
    case Code::kPermissionDenied:
      return "permission_denied";
    case Code::kNotFound:
      return "not_found";
    case Code::kConflict:
      return "conflict";
    case Code::kQuotaExceeded:
      return "quota_exceeded";
    case Code::kOverloaded:
      return "overloaded";
    case Code::kFailedPrecondition:
      return "failed_precondition";
    case Code::kPayloadTooLarge:
      return "payload_too_large";
    case Code::kCancelled:
      return "cancelled";
    case Code::kDeadlineExceeded:
      return "deadline_exceeded";
    case Code::kUnavailable:
      return "unavailable";
    case Code::kCorruptData:
      return "corrupt_data";
    case Code::kUnimplemented:
      return "unimplemented";
    case Code::kInternal:
      return "internal";
  }
  return "internal";
}

}  // namespace studio
