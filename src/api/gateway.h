// The gateway as one object: workers supervised, models opened, dialects mounted, one listener.
//
// bin and cli compose the server from this header alone: fill a GatewayConfig, call run_gateway() for `studio serve`,
// or Gateway::start() to hold one in the same process (`studio chat` without a server, tests).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/auth.h"
#include "api/kept/records.h"
#include "api/listener.h"
#include "api/serving/model_kind.h"
#include "base/result.h"
#include "inference/usage.h"
#include "inference/worker.h"
#include "keys/key_ring.h"
#include "store/batches.h"
#include "store/files.h"
#include "store/store.h"
#include "store/tasks.h"

namespace studio::api {

// One that lies in the data folder, as formats/lora_writer.h makes it.
struct GatewayAdapter {
  std::string name;  // clients ask for "model:name"
  std::string path;
  std::string sha256;   // of the file, hex
  int64_t created = 0;  // Unix seconds
};

struct GatewayModel {
  std::string name;                  // as clients ask for it; the first model also answers to "default"
  std::string path;                  // a file or a folder
  std::vector<std::string> aliases;  // other names it answers to
  int64_t created = 0;               // Unix seconds for GET /models; 0: the file's modification time
  std::vector<GatewayAdapter> adapters = {};
  std::string panels = {};  // made of the file before, and read in its stead; where they are broken they are removed
};

struct GatewayReady {
  std::string url;                          // "http://127.0.0.1:8080", no trailing slash
  std::vector<std::string> models;          // served names, in the order of the config
  ModelKind first_kind = ModelKind::kText;  // of the first of them
  std::string console_link;                 // logs a browser in, once; empty without a console
};

// The page in the browser; see api/console.
struct ConsoleConfig {
  std::string principal;                            // the key id that the first link acts for
  std::function<Result<std::string>()> reveal_key;  // the key itself, for who is logged in and asks. Any thread.
  std::shared_ptr<keys::KeyRing> keys;              // what is accepted, to be listed and changed
};

struct GatewayConfig {
  ListenerConfig listener;

  std::vector<GatewayModel> models;  // at least one
  // An adapter of a model by its name, for one that is to be added while the gateway runs. Any thread. Errors:
  // not_found. Empty: none can be added.
  std::function<Result<GatewayAdapter>(const std::string& model, const std::string& adapter)> find_adapter;
  inference::WorkerOptions worker;  // for every model; socket_path and engine.model_path are filled in per model
  std::string program;              // the studio binary that workers run; empty: /proc/self/exe
  int replicas = 1;                 // workers of each model: a stream that loses one goes on at once at another
  int hang_patience = 1;            // factor of the times after which a worker counts as hung; 0: never
  std::string
      crash_dir;        // for reports of workers that died, made with mode 0700 when one does; empty: none are written
  std::string run_dir;  // directory for worker sockets; made with mode 0700; a short path (< 80 bytes)
  // Beginnings of prompts that everybody knows: computed once for all keys.
  std::vector<std::string> public_texts;
  std::string vocabulary_dir;  // keeps tables of vocabularies, which are then ready at once; empty: none are kept

  std::shared_ptr<KeyVerifier> keys;            // required
  std::shared_ptr<keys::KeyRing> key_ring;      // behind it; absent: no key can be lent
  std::shared_ptr<inference::UsageSink> usage;  // required
  // Absent (all or none): no files, batches and tasks.
  std::shared_ptr<store::Files> files;
  std::shared_ptr<store::Batches> batches;
  std::shared_ptr<store::Tasks> tasks;
  std::shared_ptr<store::Store> store;                    // absent: responses and conversations have no door
  std::shared_ptr<KeptRecords> kept_records;              // of answers that outlive connections; none: not restarts
  std::optional<ConsoleConfig> console;                   // absent: no page and no log-in
  int max_requests_per_key = 0;                           // that generate, open at once; 0: no limit but the queue's
  std::function<int(std::string_view key_id)> weight_of;  // of a key beside others, 1 .. 100; absent: all have 1
  std::chrono::seconds answer_limit{3600};            // from a request's head on; then its answer ends with an error
  std::chrono::milliseconds drain_deadline{30'000};   // after SIGTERM streams may go on for this long
  std::chrono::milliseconds heartbeat_every{15'000};  // of silence in a stream, such as in the queue
  std::chrono::milliseconds stall_timeout = http::kStallTimeout;  // of a reader while bytes wait for it
  std::chrono::milliseconds load_deadline{120'000};               // for workers to load their models

  // Called once, when every model answers.
  std::function<void(const GatewayReady&)> on_ready;
  // Called while models load, for progress output: a sentence without a newline.
  std::function<void(const std::string&)> on_progress;
};

// A link that logs a browser in. The token stands behind '#': browsers send that part to no server, so it is in no log
// and in no Referer.
std::string console_link(const std::string& url, const std::string& token);

class Gateway {
 public:
  // Returns when every model answers, or with the first reason why not (a bad model file, a taken port).
  static Result<std::unique_ptr<Gateway>> start(const GatewayConfig& config);
  virtual ~Gateway() = default;  // stops at once what stop() left

  virtual const GatewayReady& ready() const = 0;
  // Stops accepting, lets streams finish until the deadline, then cuts them; stops the workers. Idempotent.
  virtual void stop(std::chrono::milliseconds deadline) = 0;
};

// start(), then until SIGTERM or SIGINT (a second one cuts streams at once), then stop(). SIGHUP reads the certificate
// files again; a gateway without them stops, as programs do whose terminal is gone. Blocks those signals in the calling
// thread before it starts others: call it from main's thread.
Status run_gateway(const GatewayConfig& config);

}  // namespace studio::api
