// Adapters added to and removed from a running gateway: what the routes of api/console ask for, behind an interface.
//
// Threads: any. `done` is called once, from the call or on another thread.
#pragma once

#include <functional>
#include <string>

#include "api/serving/served_models.h"
#include "base/result.h"

namespace studio::api {

class AdapterDesk {
 public:
  virtual ~AdapterDesk() = default;
  // The adapter that lies in the data folder under these names, from `done` on served as "model:adapter". One that is
  // served already is told again. Errors: not_found, conflict (another file under that name), those of the workers.
  virtual void add(const std::string& model, const std::string& adapter,
                   std::function<void(Result<ServedModelPtr>)> done) = 0;
  // By its whole name. Streams that run with it go on. Errors: not_found.
  virtual void remove(const std::string& name, std::function<void(Status)> done) = 0;
};

}  // namespace studio::api
