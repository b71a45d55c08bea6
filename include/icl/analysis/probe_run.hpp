#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "icl/analysis/probe_record.hpp"
#include "icl/core/parallel.hpp"
#include "icl/precise/network.hpp"
#include "icl/run/footprint.hpp"
#include "icl/run/items_file.hpp"
#include "icl/run/run_record.hpp"

namespace icl::analysis {

/// Looks at the steps of a run, in double. The workers' stop outlives it; once it is set, measuring
/// throws Interrupted.
class RunProbe {
 public:
  /// The run outlives it. Error(bad_input) as run::items_of().
  RunProbe(const run::RunRecord&, ProbeRequest, const run::ItemPlaces&, const Workers&);

  /// A record with no step yet.
  [[nodiscard]] ProbeRecord record() const;

  [[nodiscard]] ProbeRecord::AtStep curvature(std::int64_t step);
  [[nodiscard]] ProbeRecord::Chains coefficient(std::int64_t step);

 private:
  /// The weights after `step` updates in w_, and a loss under what attention was clamped to then.
  void go_to(std::int64_t step);

  const run::RunRecord& run_;
  ProbeRequest request_;
  run::ItemPlaces places_;
  Workers workers_;
  std::optional<task::GivenItems> items_;
  std::vector<curvature::Circuit> circuits_;
  std::optional<std::int64_t> step_;
  std::string attending_;
  std::unique_ptr<icl_precise::Sequences> sequences_;
  std::unique_ptr<curvature::Loss> loss_;
  curvature::Vector w_;
};

/// Memory that it takes, beside the run's record.
[[nodiscard]] run::Footprint footprint_of_probing(const config::Config&, const ProbeRequest&,
                                                  int threads);

}  // namespace icl::analysis
