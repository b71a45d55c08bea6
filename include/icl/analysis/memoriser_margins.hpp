#pragma once

#include <cstdint>
#include <vector>

#include "icl/core/parallel.hpp"
#include "icl/run/run_record.hpp"

namespace icl::analysis {

/// Samples of P+ as a run had it after `step` updates: the margins phi+ = y phi of its memoriser on
/// the targets of `sequences` training sequences (at most K of them: then each item once). phi is
/// the logit with nothing attended to (minimal), the network itself (memoriser), or phi_eff, the
/// mean of the logits with attention clamped to copies that carry +1 and -1 (transformers).
///
/// Where there is no snapshot of that step, trains again up to it (run::state_at). Throws
/// Error(usage) for a step that the run has not made, or that its parent made.
[[nodiscard]] std::vector<double> memoriser_margins(const run::RunRecord&, std::int64_t step,
                                                    std::int64_t sequences, const Workers&);

}  // namespace icl::analysis
