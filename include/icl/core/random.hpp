#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace icl {

/// What a random draw is for. Values are part of the numerics: never renumber, only append.
enum class Purpose : std::uint32_t {
  derive_seed = 1,
  initial_weights = 2,
  labels = 3,
  training_items = 4,
  novel_items = 5,
  training_sequence = 6,
  icl_sequence = 7,
  iwl_sequence = 8,
  training_fresh_items = 9,
  icl_fresh_items = 10,
  probe_sequence = 11,
  probe_fresh_items = 12,
  equal_sequence = 13,
  equal_fresh_items = 14,
  item_split = 15,
  epoch_order = 16,
  noise = 17,
  initial_beta_sequence = 18,
  initial_beta_fresh_items = 19,
  fixed_novel_sequence = 20,
  fixed_fresh_items = 21,
  fixed_training_sequence = 22,
  curvature_direction = 23,
  langevin_noise = 24,
  shift = 25,
  novel_choice = 26,
  novel_labels = 27,
  regression_task = 28,
  regression_numbers = 29,
  latent = 30,           ///< that of task::LatentTask
  latent_sequence = 31,  ///< what a sequence draws from its latent
  named_evaluation_sequence = 62,
  named_evaluation_fresh_items = 63,
  first_of_new_evaluation_sets = 64,  ///< from here on, numbers stand in task/evaluation_set.hpp
};

/// An endless sequence of random 32-bit words that is a pure function of (seed, purpose, step,
/// index): Philox4x32-10 (Salmon et al. 2011, Random123) with the seed as its key. There is no
/// state, so any draw can be made again, in any order and by any thread.
class Stream {
 public:
  Stream(std::uint64_t seed, Purpose purpose, std::uint64_t step, std::uint64_t index);

  using Block = std::array<std::uint32_t, 4>;
  /// Words 4 b to 4 b + 3. `retry` gives a fresh, independent block for the same place.
  [[nodiscard]] Block block(std::uint32_t b, std::uint32_t retry = 0) const;

  /// Words are made in groups of this many at once.
  static constexpr std::size_t group = 64;
  /// Fills out with words first, first + 1, ... of the stream; `first` is a multiple of `group`.
  void words(std::uint32_t first, std::span<std::uint32_t> out) const;

  /// A number in [0, bound), exactly uniform (Lemire's method; a rejected word is drawn again from
  /// the next retry of the same place). `word` must be word number `position` of this stream.
  [[nodiscard]] std::uint32_t below(std::uint32_t bound, std::uint32_t position,
                                    std::uint32_t word) const {
    const std::uint64_t product = static_cast<std::uint64_t>(word) * bound;
    // Rejected when the lower half is below 2^32 mod bound: never if it is at least bound.
    if (static_cast<std::uint32_t>(product) >= bound) {
      return static_cast<std::uint32_t>(product >> 32U);
    }
    return below_with_retries(bound, position, word);
  }

  /// Fills out with independent standard normal variates (Box-Muller on 24-bit uniforms; the
  /// largest magnitude is 5.77). Blocks 16 g to 16 g + 15 give variates 64 g to 64 g + 63, four a
  /// block.
  void normals(std::span<float> out) const;

 private:
  [[nodiscard]] std::uint32_t below_with_retries(std::uint32_t bound, std::uint32_t position,
                                                 std::uint32_t word) const;

  std::uint64_t seed_;
  std::uint32_t purpose_, step_, index_;
};

/// A number in [0, 2^53) that depends on (seed, which) and nothing else.
[[nodiscard]] std::int64_t derive_seed(std::int64_t seed, std::uint32_t which);

}  // namespace icl
