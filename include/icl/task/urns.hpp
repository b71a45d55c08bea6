#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "icl/config/config.hpp"
#include "icl/core/batch.hpp"
#include "icl/core/parallel.hpp"
#include "icl/task/latent_task.hpp"

namespace icl::task {

/// Urns in context, chains of order 0: N draws s_1 ... s_N with replacement from an urn over S =
/// data.D symbols, and the next draw is asked for. An urn is p ~ Dirichlet(data.concentration). One
/// urn for a whole sequence: one of the run's K, each equally likely, which are drawn once; or, at
/// K = infinity and in the sets of novel items, a fresh one. A sequence is a pure function of
/// (seed, set, step, index).
class UrnsTask final : public LatentTask {
 public:
  /// Draws the urns. The encoder must outlive it.
  UrnsTask(const config::Config&, const TokenEncoder&, const Workers&);

  /// Room for batches as it fills them.
  [[nodiscard]] static Batch room(const BatchShape&, std::int64_t capacity, Storage = {});

  using Task::make_batch;
  [[nodiscard]] Batch make_batch(std::int64_t capacity, Tokens) const override;
  [[nodiscard]] std::unique_ptr<IdealObserver> observer(config::ObserverName) const override;
  [[nodiscard]] std::vector<Table> tables() const override;

  /// p_k [K, S]; empty at K = infinity.
  [[nodiscard]] const std::vector<double>& urns() const { return urns_; }

 private:
  [[nodiscard]] const TokenTable& tokens(const Batch& /*batch*/) const override { return tokens_; }
  void fill_one(const Rule&, std::uint64_t step, std::int64_t index, std::int64_t b,
                Batch&) const override;

  std::int64_t symbols_;  ///< S
  double concentration_;  ///< alpha
  std::int64_t width_;    ///< of an encoded token
  TokenTable tokens_;     ///< of each symbol
  std::vector<double> urns_;
  TokenTable rows_;  ///< the urns, as tables() shows them
};

}  // namespace icl::task
