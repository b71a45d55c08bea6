#pragma once

#include "icl/task/item_label.hpp"
#include "scratch.hpp"

/// \file
/// What item_label.cpp and fill.cpp share.

namespace icl::task {

inline std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

inline constexpr std::int32_t published_epoch = 60000;  // sequences

struct ItemLabelTask::Rule {
  std::int64_t seed;
  Purpose sequences;    ///< the randomness of the rule itself
  Purpose fresh_items;  ///< that of the items, where they are fresh
  Draw draw;
  const Side& side;
  CopyLabel copy_label = CopyLabel::its_own;
  bool fresh = false;                       ///< items are fresh although the task's are not
  const TokenEncoder* encoder = nullptr;    ///< another one than the task's
  std::optional<std::int64_t> copies = {};  ///< of each item in its context: data.copies
  double novel = 0;                         ///< share of sequences whose items are fresh
  config::EvalLabels labels = config::EvalLabels::own;
  const Frequencies* frequencies = nullptr;  ///< of fewer items than the side has

  /// Noise and exemplars have seeds of their own for each rule.
  [[nodiscard]] std::int64_t noise_seed() const {
    return derive_seed(seed, static_cast<std::uint32_t>(sequences));
  }
};

}  // namespace icl::task
