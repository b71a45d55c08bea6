#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "icl/config/config.hpp"
#include "icl/core/parallel.hpp"
#include "icl/core/random.hpp"
#include "icl/task/symbols.hpp"

namespace icl::task {

/// Urns in context, chains of order 0: N draws s_1 ... s_N with replacement from an urn over S =
/// data.D symbols, and the next draw is asked for. An urn is p ~ Dirichlet(data.concentration). One
/// urn for a whole sequence: one of the run's K, each equally likely, which are drawn once; or, at
/// K = infinity and in the sets of novel items, a fresh one. A sequence is a pure function of
/// (seed, set, step, index).
class UrnsTask final : public SymbolTask {
 public:
  /// Draws the urns. The encoder must outlive it.
  UrnsTask(const config::Config&, const TokenEncoder&, const Workers&);

  [[nodiscard]] std::unique_ptr<IdealObserver> observer(config::ObserverName) const override;
  [[nodiscard]] std::vector<Table> tables() const override;

  /// p_k [K, S]; empty at K = infinity.
  [[nodiscard]] const std::vector<double>& urns() const { return urns_; }

 private:
  std::int32_t draw(std::int32_t k, const Stream& fresh, std::span<double> scratch,
                    WordReader& words, std::span<std::int32_t> symbols) const override;

  std::vector<double> urns_;
  TokenTable rows_;  ///< the urns, as tables() shows them
};

}  // namespace icl::task
