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

/// Rows [S, S] of a Markov chain, each from Dirichlet(alpha): g_s / sum of g, g_s ~ Gamma(alpha),
/// of which none is below 1e-30, so that every symbol comes after every other some day. alpha from
/// 0.01. A pure function of the stream.
void draw_chain(const Stream&, double alpha, std::span<double> chain);

/// Markov chains in context (Park et al. 2024, arXiv 2412.01003): N symbols s_1 ... s_N of S =
/// data.D of a chain, and the one that comes after them is asked for. s_1 is drawn from the
/// frequencies that the chain keeps, as there. One chain for a whole sequence: one of the run's K,
/// each equally likely, which are drawn once; or, at K = infinity and in the sets of novel items, a
/// fresh one. A sequence is a pure function of (seed, set, step, index).
class ChainsTask final : public SymbolTask {
 public:
  /// Draws the chains. The encoder must outlive it.
  ChainsTask(const config::Config&, const TokenEncoder&, const Workers&);

  [[nodiscard]] std::unique_ptr<IdealObserver> observer(config::ObserverName) const override;
  [[nodiscard]] std::vector<Table> tables() const override;

  /// P_k [K, S, S] and the frequencies f_k = f_k P_k [K, S]; empty at K = infinity.
  [[nodiscard]] const std::vector<double>& chains() const { return chains_; }
  [[nodiscard]] const std::vector<double>& frequencies() const { return frequencies_; }

 private:
  std::int32_t draw(std::int32_t k, const Stream& fresh, std::span<double> scratch,
                    WordReader& words, std::span<std::int32_t> symbols) const override;

  std::vector<double> chains_, frequencies_;
  TokenTable rows_;  ///< those of the chains, as tables() shows them
};

}  // namespace icl::task
