#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "icl/config/config.hpp"
#include "icl/core/batch.hpp"
#include "icl/core/parallel.hpp"
#include "icl/task/latent_task.hpp"

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
class ChainsTask final : public LatentTask {
 public:
  /// Draws the chains. The encoder must outlive it.
  ChainsTask(const config::Config&, const TokenEncoder&, const Workers&);

  /// Room for batches as it fills them.
  [[nodiscard]] static Batch room(const BatchShape&, std::int64_t capacity, Storage = {});

  using Task::make_batch;
  [[nodiscard]] Batch make_batch(std::int64_t capacity, Tokens) const override;
  [[nodiscard]] std::unique_ptr<IdealObserver> observer(config::ObserverName) const override;
  [[nodiscard]] std::vector<Table> tables() const override;

  /// P_k [K, S, S] and the frequencies f_k = f_k P_k [K, S]; empty at K = infinity.
  [[nodiscard]] const std::vector<double>& chains() const { return chains_; }
  [[nodiscard]] const std::vector<double>& frequencies() const { return frequencies_; }

 private:
  [[nodiscard]] const TokenTable& tokens(const Batch& /*batch*/) const override { return tokens_; }
  void fill_one(const Rule&, std::uint64_t step, std::int64_t index, std::int64_t b,
                Batch&) const override;

  std::int64_t symbols_;  ///< S
  double concentration_;  ///< alpha
  std::int64_t width_;    ///< of an encoded token
  TokenTable tokens_;     ///< of each symbol
  std::vector<double> chains_, frequencies_;
  TokenTable rows_;  ///< those of the chains, as tables() shows them
};

}  // namespace icl::task
