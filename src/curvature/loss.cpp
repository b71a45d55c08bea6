#include "icl/curvature/loss.hpp"

#include <algorithm>
#include <cstddef>

#include "icl/core/math.hpp"
#include "icl/curvature/second_order.hpp"

namespace icl::curvature {
namespace {

/// sigma(z) (1 - sigma(z)).
double variance_of_answer(double z) { return math::logistic(z) * math::logistic(-z); }

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

}  // namespace

double logistic_loss(std::span<const double> z, std::span<const std::int32_t> y,
                     std::span<double> dz) {
  const auto n = static_cast<double>(z.size());
  double loss = 0;
  for (std::size_t i = 0; i < z.size(); ++i) {
    const double margin = y[i] * z[i];
    loss += math::softplus(-margin);
    dz[i] = -y[i] * math::logistic(-margin) / n;
  }
  return loss / n;
}

Loss::Loss(const icl_precise::Sequences& sequences, std::int64_t batches, std::int64_t batch_size,
           const Workers& workers)
    : sequences_(sequences),
      batches_(batches),
      batch_size_(batch_size),
      size_(sequences.parameters()),
      workers_(workers),
      parts_(at(batches)) {
  for (Part& part : parts_) part = {sequences.network(), Vector(at(size_)), 0};
}

void Loss::add_up(std::span<double> out) const {
  constexpr std::int64_t tile = 1 << 14;
  workers_.for_tiles(size_, tile, [&](Tile t) {
    std::copy_n(parts_.front().g.data() + t.first, t.count, out.data() + t.first);
    for (std::size_t m = 1; m < parts_.size(); ++m) {
      for (std::int64_t i = t.first; i < t.end(); ++i) out[at(i)] += parts_[m].g[at(i)];
    }
  });
}

double Loss::gradient(std::span<const double> w, std::span<double> g) {
  workers_.for_each(batches_, [&](std::int64_t m) {
    Part& part = parts_[at(m)];
    const auto z = part.network->forward(m, 0, batch_size_, w);
    Vector dz(z.size());
    part.loss = logistic_loss(z, sequences_.answers(m), dz);
    for (double& x : dz) x /= static_cast<double>(batches_);
    part.network->backward(dz, part.g);
  });
  add_up(g);
  double loss = 0;
  for (const Part& part : parts_) loss += part.loss / static_cast<double>(batches_);
  return loss;
}

void Loss::hold_relus(std::span<const double> w) {
  free_relus();
  workers_.for_each(batches_, [&](std::int64_t m) {
    static_cast<void>(parts_[at(m)].network->forward(m, 0, batch_size_, w));
    parts_[at(m)].network->hold_relus();
  });
}

void Loss::free_relus() {
  for (Part& part : parts_) part.network->free_relus();
}

void Loss::fisher_product(std::span<const double> w, std::span<const double> v,
                          std::span<double> out) {
  const double length = norm(v, workers_);
  if (length == 0) {
    std::ranges::fill(out, 0.0);
    return;
  }
  const double step = difference_step / length;
  Vector above(w.size());
  Vector below(w.size());
  add(w, step, v, above, workers_);
  add(w, -step, v, below, workers_);
  workers_.for_each(batches_, [&](std::int64_t m) {
    Part& part = parts_[at(m)];
    const auto plus = part.network->forward(m, 0, batch_size_, above);
    Vector dz(plus.begin(), plus.end());
    const auto minus = part.network->forward(m, 0, batch_size_, below);
    for (std::size_t i = 0; i < dz.size(); ++i) dz[i] = (dz[i] - minus[i]) / (2 * step);
    const auto z = part.network->forward(m, 0, batch_size_, w);
    for (std::size_t i = 0; i < dz.size(); ++i) {
      dz[i] *= variance_of_answer(z[i]) / static_cast<double>(sequences());
    }
    part.network->backward(dz, part.g);
  });
  add_up(out);
}

std::vector<Loss::Moments> Loss::moments(std::span<const double> w,
                                         const std::vector<Circuit>& circuits) {
  std::vector<std::vector<Moments>> of_batches(parts_.size(),
                                               std::vector<Moments>(circuits.size()));
  workers_.for_each(batches_, [&](std::int64_t m) {
    Part& part = parts_[at(m)];
    for (std::int64_t i = 0; i < batch_size_; ++i) {
      const double z = part.network->forward(m, i, 1, w).front();
      const double one = 1;
      part.network->backward({&one, 1}, part.g);
      double slope = 0;  // dl/dz
      logistic_loss({&z, 1}, sequences_.answers(m).subspan(at(i), 1), {&slope, 1});
      for (std::size_t c = 0; c < circuits.size(); ++c) {
        const double square = dot_within(circuits[c], part.g, part.g);
        of_batches[at(m)][c].fisher_trace += variance_of_answer(z) * square;
        of_batches[at(m)][c].square += slope * slope * square;
      }
    }
  });
  std::vector<Moments> total(circuits.size());
  const auto n = static_cast<double>(sequences());
  for (const auto& batch : of_batches) {
    for (std::size_t c = 0; c < circuits.size(); ++c) {
      total[c].fisher_trace += batch[c].fisher_trace / n;
      total[c].square += batch[c].square / n;
    }
  }
  return total;
}

}  // namespace icl::curvature
