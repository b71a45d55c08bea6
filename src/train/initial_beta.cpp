#include "icl/train/initial_beta.hpp"

#include <fmt/format.h>

#include <cmath>

#include "icl/core/error.hpp"
#include "icl/probe/scores.hpp"

namespace icl::train {
namespace {

/// How far the effective beta is from the wish with so much of W_k in W_q.
struct Try {
  double amount = 0;
  double excess = 0;
};

}  // namespace

double initial_beta(const task::Task& task, const model::Model& model, const Workers& workers) {
  Batch batch = task.make_batch(InitialBeta::chunk);
  const auto activations = model.make_activations(InitialBeta::chunk, task.length());
  double sum = 0;
  std::int64_t count = 0;
  for (std::int64_t first = 0; first < InitialBeta::sequences; first += InitialBeta::chunk) {
    task.initial_batch(first, InitialBeta::chunk, batch, workers);
    model.forward(batch, *activations, workers);
    for (std::int64_t b = 0; b < batch.size; ++b) {
      const double beta = probe::read_scores(batch, b, activations->attention()->row(b)).beta;
      if (std::isnan(beta)) continue;
      sum += beta;
      ++count;
    }
  }
  return sum / static_cast<double>(count);
}

void initialise_with_beta(double beta0, std::int64_t seed, const task::Task& task,
                          model::Model& model, const Workers& workers) {
  const auto try_out = [&](double amount) {
    model.initialise(seed);
    model.favour_copies(static_cast<Real>(amount));
    return Try{amount, initial_beta(task, model, workers) - beta0};
  };
  const auto good = [](const Try& t) { return std::abs(t.excess) <= InitialBeta::tolerance; };
  constexpr double first_stride = 0.05;
  constexpr int most_doublings = 8;
  constexpr int most_steps = 60;
  Try low = try_out(0);
  if (good(low)) return;
  double stride = low.excess < 0 ? first_stride : -first_stride;
  Try high = try_out(stride);
  for (int i = 0; i < most_doublings && high.excess * low.excess > 0; ++i) {
    low = high;
    stride *= 2;
    high = try_out(high.amount + stride);
  }
  for (int i = 0; i < most_steps && high.excess * low.excess < 0 && !good(high); ++i) {
    const Try next = try_out(high.amount -
                             high.excess * (high.amount - low.amount) / (high.excess - low.excess));
    if (next.excess * high.excess < 0) {
      low = high;
    } else {
      low.excess /= 2;
    }
    high = next;
  }
  if (good(high)) return;
  throw Error(
      ExitCode::usage,
      fmt::format("init.beta0 = {}: no multiple of W_k in W_q gives this effective beta with "
                  "data.N = {} and items of this dimension (the last one tried gave {:.4g}): "
                  "a value nearer to 0, or a larger data.D, is needed",
                  beta0, task.length(), beta0 + high.excess));
}

}  // namespace icl::train
