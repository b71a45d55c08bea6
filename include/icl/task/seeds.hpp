#pragma once

#include <cstdint>

#include "icl/config/config.hpp"

namespace icl::task {

/// The four independent seeds of a run: those that the configuration gives, the others derived from
/// train.seed.
struct Seeds {
  explicit Seeds(const config::Config&);

  std::int64_t init;   ///< initial weights
  std::int64_t items;  ///< items, novel items, labels
  std::int64_t data;   ///< training sequences
  std::int64_t eval;   ///< evaluation sequences
};

}  // namespace icl::task
