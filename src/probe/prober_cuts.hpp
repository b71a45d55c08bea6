#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "icl/probe/prober.hpp"

namespace icl::probe {

/// Passes over evaluation sets, in the prober's batch.
class Prober::Cuts final : public Surgery {
 public:
  Cuts(Prober& prober, const model::Model& model, std::int64_t step, const Workers& workers)
      : prober_(prober),
        model_(model),
        step_(static_cast<std::uint64_t>(step)),
        workers_(workers) {}

  void cut(std::size_t set, std::span<const nn::Attending> attendings,
           std::span<Cut> cuts) override;
  void cut_heads(std::size_t set, std::span<Score> scores) override;

 private:
  Prober& prober_;
  const model::Model& model_;
  std::uint64_t step_;
  const Workers& workers_;
};

}  // namespace icl::probe
