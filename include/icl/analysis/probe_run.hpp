#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "icl/analysis/probe_record.hpp"
#include "icl/core/parallel.hpp"
#include "icl/precise/network.hpp"
#include "icl/run/footprint.hpp"
#include "icl/run/items_file.hpp"
#include "icl/run/run_record.hpp"
#include "icl/run/weights.hpp"

namespace icl::analysis {

/// Looks at the steps of a run, in double. The workers' stop outlives it; once it is set, measuring
/// throws Interrupted.
class RunProbe {
 public:
  /// The run outlives it. Error(bad_input) as run::items_of().
  RunProbe(const run::RunRecord&, ProbeRequest, const run::ItemPlaces&, const Workers&);

  /// A record with no step yet.
  [[nodiscard]] ProbeRecord record() const;

  /// Which steps will be asked for, rising: those that have no snapshot are trained again in one
  /// go, or in a few where their weights take more than a quarter of a gigabyte.
  void expect(std::vector<std::int64_t> steps) { steps_ = std::move(steps); }

  [[nodiscard]] ProbeRecord::AtStep curvature(std::int64_t step);
  [[nodiscard]] ProbeRecord::Chains coefficient(std::int64_t step);

 private:
  /// The weights after `step` updates in w_, and a loss under what attention was clamped to then.
  void go_to(std::int64_t step);
  /// The step's weights in weights_, with those of the next ones that are expected.
  void fetch(std::int64_t step);

  const run::RunRecord& run_;
  ProbeRequest request_;
  run::ItemPlaces places_;
  Workers workers_;
  std::optional<task::GivenItems> items_;
  std::vector<curvature::Circuit> circuits_;
  std::vector<std::int64_t> steps_;  ///< that are expected
  run::Weights weights_;             ///< of some of them
  std::optional<std::int64_t> step_;
  std::string attending_;
  std::unique_ptr<icl_precise::Sequences> sequences_;
  std::unique_ptr<curvature::Loss> loss_;
  curvature::Vector w_;
};

/// Memory that it takes for so many steps, beside the run's record.
[[nodiscard]] run::Footprint footprint_of_probing(const config::Config&, const ProbeRequest&,
                                                  std::int64_t steps, int threads);

}  // namespace icl::analysis
