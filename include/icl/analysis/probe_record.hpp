#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "icl/curvature/langevin.hpp"
#include "icl/curvature/measure.hpp"

namespace icl::analysis {

/// A sweep over the two knobs of the local learning coefficient.
struct CoefficientRequest {
  std::vector<double> steps{1e-4};         ///< epsilon
  std::vector<double> localisations{100};  ///< gamma
  double inverse_temperature = 0;          ///< n beta
  std::int64_t burn_in = 400;              ///< the loss comes to rest as exp(-epsilon gamma t)
  std::int64_t draws = 400;
  std::int64_t chains = 4;
  std::uint64_t seed = 0;
};

/// What is to be measured at each step of a run.
struct ProbeRequest {
  std::int64_t batches = 8;      ///< M
  std::int64_t batch_size = 64;  ///< B
  std::optional<curvature::CurvatureOptions> curvature;
  std::optional<CoefficientRequest> coefficient;
  [[nodiscard]] std::int64_t sequences() const { return batches * batch_size; }
};

/// All pairs of epsilon and gamma, the latter fastest.
[[nodiscard]] std::vector<curvature::Langevin> settings_of(const ProbeRequest&);

/// What a probe file holds. It is a pure function of this.
struct ProbeRecord {
  std::string run_hash;
  std::string title;     ///< of the run, for people
  ProbeRequest request;  ///< what is absent in it was not measured
  std::vector<curvature::Circuit> circuits;

  struct AtStep {
    std::int64_t step = 0;
    curvature::Curvature curvature;
    bool operator<(const AtStep& other) const { return step < other.step; }
  };
  std::vector<AtStep> curvature;  ///< rising

  struct Chains {
    std::int64_t step = 0;
    double baseline = 0;                                 ///< L(w*)
    std::vector<std::vector<curvature::Vector>> losses;  ///< [settings][chains][burn-in + draws]
  };
  std::vector<Chains> coefficient;  ///< rising
};

/// The first thing in which the settings of two records differ that both have, and how: "step of
/// the chains (epsilon) is 1e-06 there and 1e-05 here". Nothing if one can be gone on with as the
/// other.
[[nodiscard]] std::optional<std::string> difference(const ProbeRecord& there,
                                                    const ProbeRecord& here);

}  // namespace icl::analysis
