#include "icl/nn/label_attention.hpp"

#include "icl/core/simd.hpp"
#include "icl/nn/fit.hpp"
#include "icl/nn/tokens.hpp"

namespace icl::nn {

LabelAttention::Activations::Activations(std::int64_t batch, std::int64_t length, Storage storage)
    : products({batch, length}, storage),
      attention({batch, length}, storage),
      m({batch}, storage),
      dw({batch}, storage),
      dbeta({batch}, storage) {}

LabelAttention::LabelAttention(std::int64_t item_dimension, Self self, Storage storage)
    : w{"w", {"output"}, Group::attention, Tensor({1}, storage), {}},
      beta{"beta", {"output"}, Group::attention, Tensor({1}, storage), {}},
      dimension_(item_dimension),
      self_(self) {}

void LabelAttention::require_fits(const Batch& batch, const Activations& s,
                                  ConstMatrixView z) const {
  require_fit(beta.name, "z or its gradient", z, batch.size, 1);
  require_fit(beta.name, "activations m", s.m, batch.size, 1);
  require_room(beta.name, "activations attention", s.attention, batch.size, batch.length);
}

void LabelAttention::forward(const Batch& batch, Activations& s, MatrixView z, Attending attending,
                             const Workers& workers) const {
  require_fits(batch, s, z);
  const std::int64_t n = batch.length;
  workers.for_tiles(batch.size, tile, [&](Tile rows) {
    const auto time = workers.measure(Phase::attention_forward);
    for (std::int64_t b = rows.first; b < rows.end(); ++b) {
      const Tokens tokens(batch, b);
      Real* a = s.attention.row(b);
      // The target's row holds 0 where the others hold their labels.
      tokens.scores(tokens.target(), s.products.row(b));
      if (attending == Attending::learned) {
        for (std::int64_t j = 0; j < n; ++j) a[j] = beta.value[0] * s.products.row(b)[j];
        if (self_ == Self::excluded) a[n - 1] = 0;
        softmax(a, reach(batch));
      } else {
        fixed_weights(attending, batch, b, self_ == Self::included, a);
      }
      Real m = 0;
      for (std::int64_t j = 0; j + 1 < n; ++j) m = std::fma(a[j], tokens.context(j)[dimension_], m);
      s.m[b] = m;
      z.data[b] = std::fma(w.value[0], m, z.data[b]);
    }
  });
}

void LabelAttention::backward(const Batch& batch, Activations& s, ConstMatrixView dz,
                              Attending attending, const Workers& workers) {
  require_fits(batch, s, dz);
  const std::int64_t n = batch.length;
  workers.for_tiles(batch.size, tile, [&](Tile rows) {
    const auto time = workers.measure(Phase::attention_backward);
    for (std::int64_t b = rows.first; b < rows.end(); ++b) {
      const Tokens tokens(batch, b);
      const Real* a = s.attention.row(b);
      const Real* products = s.products.row(b);
      // z = w m:  dw = dz m,  dm = dz w

      s.dw[b] = dz.data[b] * s.m[b];
      s.dbeta[b] = 0;
      if (attending != Attending::learned) continue;
      // m = sum_j a_j l_j, a = softmax(beta p):  dbeta = dm sum_j a_j (l_j - m) p_j
      Real slope = 0;
      for (std::int64_t j = 0; j < reach(batch); ++j) {
        const Real label = j + 1 < n ? tokens.context(j)[dimension_] : Real{0};
        slope = std::fma(a[j] * (label - s.m[b]), products[j], slope);
      }
      s.dbeta[b] = dz.data[b] * w.value[0] * slope;
    }
  });
  const Real dw = simd::sum(s.dw.data(), batch.size);
  const Real dbeta = simd::sum(s.dbeta.data(), batch.size);
  w.take(&dw, 0, 1);
  beta.take(&dbeta, 0, 1);
}

}  // namespace icl::nn
