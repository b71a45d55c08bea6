#pragma once

#include <cstdint>

#include "icl/config/config.hpp"

namespace icl::task {

/// The seeds of a run: those that the configuration gives, the others derived from
/// train.seed; with compat.item_seeds the items' is derived from 0 whatever train.seed is, and only
/// their labels follow it.
struct Seeds {
  explicit Seeds(const config::Config&);

  std::int64_t init;    ///< initial weights
  std::int64_t items;   ///< training items
  std::int64_t labels;  ///< theirs: the seed of the items, unless given or with compat.item_seeds
  std::int64_t novel;   ///< novel items: that of the items, unless given
  std::int64_t data;    ///< training sequences
  std::int64_t eval;    ///< evaluation sequences
  std::int64_t probe;   ///< sequences and novel items of the fixed set
};

}  // namespace icl::task
