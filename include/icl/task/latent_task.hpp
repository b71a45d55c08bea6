#pragma once

#include <cstdint>

#include "icl/config/config.hpp"
#include "icl/core/batch.hpp"
#include "icl/core/parallel.hpp"
#include "icl/core/random.hpp"
#include "icl/task/seeds.hpp"
#include "icl/task/task.hpp"

namespace icl::task {

/// A task whose sequences are each of one latent (the w of a regression, a chain): one of the run's
/// K, each equally likely, which are drawn once; or, at K = infinity and in the sets of novel
/// items, a fresh one. A sequence is a pure function of (seed, set, step, index).
class LatentTask : public Task {
 public:
  void training_batch(std::uint64_t step, std::int64_t size, Batch&, const Workers&) const final;
  void evaluation_batch(std::size_t set, std::uint64_t step, std::int64_t first, std::int64_t size,
                        Batch&, const Workers&) const final;
  /// Sequences like those of training, others at each step.
  void probe_batch(std::uint64_t step, std::int64_t first, std::int64_t size, CopyLabel, Batch&,
                   const Workers&) const final;
  /// probe.sequences.
  [[nodiscard]] std::int64_t probe_sequences() const final { return probe_sequences_; }
  [[nodiscard]] std::int64_t length() const final { return length_; }
  [[nodiscard]] const Traits& traits() const final { return traits_; }

 protected:
  /// Sequences that one thread fills after each other: they may share scratch space in the batch.
  static constexpr std::int64_t tile = 16;

  /// Which randomness, and whether latents are fresh.
  struct Rule {
    std::int64_t seed;
    Purpose set;
    bool fresh;
  };

  explicit LatentTask(const config::Config&);
  [[nodiscard]] const Seeds& seeds() const { return seeds_; }

  /// The seed of what the sequences of a rule draw.
  [[nodiscard]] static std::int64_t seed_of(const Rule& rule) {
    return derive_seed(rule.seed, static_cast<std::uint32_t>(rule.set));
  }

  /// The randomness of latent k of the run; of a sequence's fresh latent; and of what a sequence
  /// draws beside it. Two streams are enough for a task; regression has older ones, for its bits.
  [[nodiscard]] Stream stream_of_latent(std::int64_t k) const;
  [[nodiscard]] static Stream stream_of_fresh(const Rule&, std::uint64_t step, std::int64_t index);
  [[nodiscard]] static Stream stream_of_sequence(const Rule&, std::uint64_t step,
                                                 std::int64_t index);

 private:
  /// Where the tokens of a batch lie.
  [[nodiscard]] virtual const TokenTable& tokens(const Batch&) const = 0;
  /// Draws sequence `index` of the rule at `step` into row b. Called from several threads at once,
  /// but from one for the rows of a tile.
  virtual void fill_one(const Rule&, std::uint64_t step, std::int64_t index, std::int64_t b,
                        Batch&) const = 0;

  void fill(const Rule&, std::uint64_t step, std::int64_t first, std::int64_t size, Batch&,
            const Workers&) const;

  Traits traits_;
  std::int64_t length_;  ///< N
  std::int64_t probe_sequences_;
  Seeds seeds_;
};

}  // namespace icl::task
