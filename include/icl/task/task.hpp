#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "icl/config/config.hpp"
#include "icl/config/observers.hpp"
#include "icl/core/batch.hpp"
#include "icl/core/error.hpp"
#include "icl/core/parallel.hpp"
#include "icl/task/evaluation_set.hpp"
#include "icl/task/ideal_observer.hpp"

namespace icl::task {

/// Which label the copies of the target carry in a probe's sequences.
enum class CopyLabel : std::uint8_t { its_own, negative, none, positive };

/// Where the tokens of a batch lie.
enum class Tokens : std::uint8_t {
  where_they_are,  ///< in the task's tables where it can be, otherwise in the batch
  in_the_batch,    ///< so that copies may carry other labels
};

/// What the room that a batch takes depends on.
struct BatchShape {
  std::int64_t length;     ///< N
  std::int64_t dimension;  ///< D
  std::int64_t width;      ///< W of an encoded token
  bool own_tokens;         ///< whether its tokens lie in the batch
  bool shifted = false;    ///< whether its sequences are
};
[[nodiscard]] Batch room_for(const BatchShape&, std::int64_t capacity, Storage = {});

/// What a run learns: sequences, and what is asked of them. Batches are pure functions of (seed,
/// step, sequence), whoever draws them. May be used from any thread.
class Task {
 public:
  Task() = default;
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  virtual ~Task() = default;

  /// Room for batches of up to `capacity` sequences.
  [[nodiscard]] virtual Batch make_batch(std::int64_t capacity, Tokens) const = 0;
  [[nodiscard]] Batch make_batch(std::int64_t capacity) const {
    return make_batch(capacity, Tokens::where_they_are);
  }

  /// The batch of training step `step`, counted from 0: `size` sequences (or fewer at the end of
  /// an epoch of compat.s4_epoch or compat.short_last_batch).
  virtual void training_batch(std::uint64_t step, std::int64_t size, Batch&,
                              const Workers&) const = 0;
  /// Sequences [first, first + size) of the evaluation set of that number after `step` updates.
  /// Only where has() it.
  virtual void evaluation_batch(std::size_t set, std::uint64_t step, std::int64_t first,
                                std::int64_t size, Batch&, const Workers&) const = 0;

  /// An ideal observer of its sequences; nullptr of one that there is not. The task must outlive
  /// it.
  [[nodiscard]] virtual std::unique_ptr<IdealObserver> observer(config::ObserverName) const = 0;

  /// The tables of what its sequences are drawn from, for people to look at.
  struct Table {
    std::string_view name;  ///< "items"
    const TokenTable* rows;
  };
  [[nodiscard]] virtual std::vector<Table> tables() const = 0;

  /// N, or 1 for a model that reads no context.
  [[nodiscard]] virtual std::int64_t length() const = 0;
  [[nodiscard]] virtual const Traits& traits() const = 0;
  /// How many evaluation sets there are: evaluation_sets, then those of eval.set.
  [[nodiscard]] virtual std::size_t sets() const { return evaluation_sets.size(); }
  /// Whether it has sequences of the evaluation set of that number.
  [[nodiscard]] bool has(std::size_t set) const {
    return set < evaluation_sets.size() ? traits().*evaluation_sets.at(set).needs : set < sets();
  }

  /// Sequences for probes: with labels those of training items with a copy of the target, whose
  /// copies carry `label`, the same sequences for each. If there are probe_sequences() = K of them,
  /// each item is the target once. With a label that is not its own the batch must have its own
  /// tokens; without labels there is no other.
  virtual void probe_batch(std::uint64_t step, std::int64_t first, std::int64_t size,
                           CopyLabel label, Batch&, const Workers&) const = 0;
  /// probe.sequences, but never more than there are training items with labels.
  [[nodiscard]] virtual std::int64_t probe_sequences() const = 0;

  // Sequences of items with labels: Error(internal) in a task without these.

  /// Sequences [first, first + size) of those that init.beta0 is measured on: training items with a
  /// copy of the target, keyed by the seed of the initial parameters.
  virtual void initial_batch(std::int64_t /*first*/, std::int64_t /*size*/, Batch&,
                             const Workers&) const {
    without_labels("those of init.beta0");
  }

  /// Sequences [first, first + size) of the fixed set: with a copy of the target, keyed by
  /// seed.probe alone, whatever the step. The novel ones lie in the batch, whose capacity must be
  /// of Tokens::in_the_batch. With an encoder of one's own, all do, in a batch of make_batch_for().
  virtual void fixed_batch(Items, std::int64_t /*first*/, std::int64_t /*size*/, Batch&,
                           const Workers&, const TokenEncoder* /*encoder*/) const {
    without_labels("the fixed sequences");
  }
  void fixed_batch(Items items, std::int64_t first, std::int64_t size, Batch& batch,
                   const Workers& workers) const {
    fixed_batch(items, first, size, batch, workers, nullptr);
  }
  /// Whether the fixed set has sequences of such items.
  [[nodiscard]] bool has_fixed(Items items) const {
    return items == Items::novel ? traits().context : traits().training_items;
  }
  [[nodiscard]] virtual Batch make_batch_for(std::int64_t /*capacity*/, const TokenEncoder&) const {
    without_labels("room for these");
  }

 private:
  [[noreturn]] static void without_labels(const char* asked_for) {
    throw Error(ExitCode::internal,
                std::string("a task without labels was asked for ") + asked_for);
  }
};

}  // namespace icl::task
