#pragma once

#include <limits>

#include "icl/probe/score.hpp"

namespace icl::probe {

/// Mean and standard deviation over sequences.
struct Spread {
  double mean = std::numeric_limits<double>::quiet_NaN();
  double deviation = std::numeric_limits<double>::quiet_NaN();
};

/// What the probes read off a model at one time; NaN what was not asked for. columns.hpp says what
/// each number is.
struct Reading {
  static constexpr double nan = std::numeric_limits<double>::quiet_NaN();

  double c1 = nan, c2 = nan, c3 = nan;
  Spread margin;          ///< phi+
  Spread effective_beta;  ///< score on the copy minus log-mean-exp of those on the others
  Spread effective_w;     ///< (z(+) - z(-)) / 2
  double nonlinearity = nan;
  double self_minus_copy = nan;
  double attention_copy = nan, attention_self = nan, attention_entropy = nan;
  double attention_margin = nan, memoriser_margin = nan;
  double alignment = nan;
  Score uniform_icl, uniform_iwl;  ///< attention replaced by uniform attention
  Score none_icl, none_iwl;        ///< MLP input without the attention term
  Score copy_icl;                  ///< attention clamped to the copy
  Spread novel_margin;             ///< phi+ on novel items
};

}  // namespace icl::probe
