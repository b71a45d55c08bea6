#pragma once

#include <cstdint>

#include "icl/config/config.hpp"

namespace icl::task {

/// The seeds of a run: those that the configuration gives, the others derived from
/// train.seed; with compat.item_seeds the items' is derived from 0 whatever train.seed is.
struct Seeds {
  explicit Seeds(const config::Config&);

  std::int64_t init;   ///< initial weights
  std::int64_t items;  ///< items and labels
  std::int64_t novel;  ///< novel items: that of the items, unless given
  std::int64_t data;   ///< training sequences
  std::int64_t eval;   ///< evaluation sequences
};

}  // namespace icl::task
