#pragma once

#include <optional>
#include <string>
#include <vector>

#include "icl/analysis/probe_record.hpp"

namespace icl::analysis {

/// "2 of 4 chains with epsilon 0.01 and gamma 10 diverged at step 40: a loss of nan nat": the first
/// pair of the sweep of which a chain met a loss that is not finite, or above a million nat a
/// sequence. Such chains say nothing about the weights, but that the step was too long.
[[nodiscard]] std::optional<std::string> divergence(const ProbeRecord::Chains&,
                                                    const ProbeRequest&);

/// What makes the coefficients of a record doubtful, a line each over all of its steps:
/// - a gamma above n beta times the largest eigenvalue of the Hessian, where that was measured: in
///   no direction is the loss as stiff as the pull back to w*, and the coefficient tends to
///   n beta tr H / (2 gamma);
/// - chains that are still on their way: the coefficients of the two halves of the draws differ by
///   more than 5 %, and their difference's 99 % interval (Student's, over chains) misses 0;
/// - pairs of epsilon and gamma whose 99 % intervals do not meet.
/// One chain has no interval, and says nothing of the last two.
[[nodiscard]] std::vector<std::string> doubts(const ProbeRecord&);

}  // namespace icl::analysis
