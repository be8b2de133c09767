// What an engine counted over all lives of its worker: each life begins at nothing, metrics must not.
#pragma once

#include "engine/schedule/engine.h"

namespace studio::inference {

// The counts of `more` on top of those of `sum`; gauges stay.
void add_counts(engine::EngineStats& sum, const engine::EngineStats& more);

class LifetimeStats {
 public:
  // The latest word of the worker. A count that has fallen says that this is another life.
  void take(const engine::EngineStats& fresh);
  // Gauges as they are now, counts over all lives.
  engine::EngineStats total() const;

 private:
  engine::EngineStats past_;  // sums of the counts of lives that are over
  engine::EngineStats latest_;
};

}  // namespace studio::inference
