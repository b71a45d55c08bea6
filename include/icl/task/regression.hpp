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

/// Linear regression in context (Raventos et al. 2023, arXiv 2306.15063): N - 1 pairs (x, y) and
/// the x of one more, whose y is asked for,
///
///     y = w . x + sigma xi,   x ~ N(0, I), xi ~ N(0, 1), sigma = data.noise
///
/// with one w in R^D for a whole sequence: one of the run's K tasks, each equally likely, which
/// are drawn once, w_m ~ N(0, I); or, at K = infinity and in the sets of novel items, a fresh
/// w ~ N(0, I). A sequence is a pure function of (seed, set, step, index); its x and noise are the
/// same whatever K is.
class RegressionTask final : public LatentTask {
 public:
  /// Draws the tasks. The encoder, whose rows are [x ; l], must outlive it.
  RegressionTask(const config::Config&, const TokenEncoder&, const Workers&);

  /// Room for batches as it fills them, BatchShape::own_tokens being the case.
  [[nodiscard]] static Batch room(const BatchShape&, std::int64_t capacity, Storage = {});

  using Task::make_batch;
  [[nodiscard]] Batch make_batch(std::int64_t capacity, Tokens) const override;
  [[nodiscard]] std::unique_ptr<IdealObserver> observer(config::ObserverName) const override;
  [[nodiscard]] std::vector<Table> tables() const override;

  /// w_m [K, D]; empty at K = infinity.
  [[nodiscard]] const BasicTensor<float>& weights() const { return weights_; }

 private:
  [[nodiscard]] const TokenTable& tokens(const Batch& batch) const override {
    return batch.fresh.tokens;
  }
  void fill_one(const Rule&, std::uint64_t step, std::int64_t index, std::int64_t b,
                Batch&) const override;

  const TokenEncoder& encoder_;
  std::int64_t dimension_;  ///< D
  double noise_;            ///< sigma
  BasicTensor<float> weights_;
  TokenTable tasks_;  ///< these, as tables() shows them
};

}  // namespace icl::task
