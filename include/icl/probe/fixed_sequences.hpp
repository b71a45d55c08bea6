#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "icl/config/activations.hpp"
#include "icl/core/batch.hpp"

namespace icl::probe {

/// The sequences of a fixed set as numbers, in the order B: those of novel items, then those of
/// training items.
struct FixedSequences {
  std::int64_t count = 0;          ///< B
  std::int64_t length = 0;         ///< N
  std::int64_t dimension = 0;      ///< D
  std::vector<Real> x;             ///< [B, N, D], the target last
  std::vector<Label> label;        ///< [B, N] 0 for the target
  std::vector<Label> answer;       ///< [B]
  std::vector<std::int8_t> copy;   ///< [B, N - 1] 1 where a token is a copy of the target
  std::vector<std::int8_t> novel;  ///< [B] 1 where the items are novel
  /// [B, N] the number of each training item, 0 to K - 1, whatever noise is added and whichever of
  /// its exemplars is drawn; -1 of novel items.
  std::vector<std::int32_t> item;
  bool operator==(const FixedSequences&) const = default;
};

/// An activation by name, and its shape for one sequence.
struct ActivationShape {
  const config::ActivationRow* row;
  std::string_view axis;  ///< of its row; of L logits "label"
  std::int64_t extent;    ///< of its axis; 1 without
  bool operator==(const ActivationShape&) const = default;
};

/// Those that record.activations names, in the order of their table.
[[nodiscard]] std::vector<ActivationShape> activation_shapes(const config::Config&);

/// How many sequences of novel and of training items a fixed set of this configuration has.
struct FixedCounts {
  std::int64_t novel = 0;
  std::int64_t training = 0;
};
[[nodiscard]] FixedCounts fixed_counts(const config::Config&);

}  // namespace icl::probe
