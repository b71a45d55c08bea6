#pragma once

#include <cstdint>
#include <span>

#include "icl/core/batch.hpp"

namespace icl::task {

/// An ideal observer (theory/item_observers.hpp and others) of the sequences of a task. May be used
/// from any thread.
class IdealObserver {
 public:
  IdealObserver() = default;
  IdealObserver(const IdealObserver&) = delete;
  IdealObserver& operator=(const IdealObserver&) = delete;
  virtual ~IdealObserver() = default;

  /// Its answer to sequence b of a batch of the task, whose rows are [x ; l]: ln p of each label
  /// (first -1, then +1; or 1 to L), or the P numbers asked for.
  virtual void answer(const Batch&, std::int64_t b, std::span<double> out) const = 0;
};

}  // namespace icl::task
