#include "icl/nn/token_norm.hpp"

#include <algorithm>
#include <cmath>

#include "icl/core/simd.hpp"
#include "icl/nn/token_loops.hpp"

namespace icl::nn {

TokenNorm::TokenNorm(const std::string& name, std::int64_t item_dimension, LabelCode code,
                     Storage storage)
    : gain{name + ".weight",
           {"token"},
           Group::attention,
           Tensor({item_dimension + (code == LabelCode::onehot ? 2 : 1)}, storage),
           {}},
      bias{
          name + ".bias", {"token"}, Group::attention, Tensor({gain.value.extent(0)}, storage), {}},
      code_(code) {
  std::ranges::fill(gain.value.values(), Real{1});
}

std::int64_t TokenNorm::reduced_width() const {
  return simd::padded(code_ == LabelCode::onehot ? width() - 1 : width());
}

void TokenNorm::encode(std::span<const float> x, int label, Real* row) const {
  if (code_ == LabelCode::scalar) return encode_scalar(x, label, row);
  token_loops().encode(x.data(), static_cast<std::int64_t>(x.size()), label, row, reduced_width());
}

void TokenNorm::encode_scalar(std::span<const float> x, int label, Real* row) const {
  const Real per_entry = Real{1} / static_cast<Real>(width());
  std::ranges::transform(x, row, [](float v) { return static_cast<Real>(v); });
  row[width() - 1] = static_cast<Real>(label);
  const Real mean = simd::sum(row, width()) * per_entry;
  for (std::int64_t i = 0; i < width(); ++i) row[i] -= mean;
  const Real squares = simd::dot(row, row, width());
  const Real scale = Real{1} / std::sqrt(squares * per_entry + static_cast<Real>(epsilon));
  for (std::int64_t i = 0; i < width(); ++i) row[i] *= scale;
  std::fill(row + width(), row + reduced_width(), Real{0});
}

void TokenNorm::expand(const Real* row, Real* n) const {
  if (code_ == LabelCode::scalar) {
    std::copy_n(row, width(), n);
    return;
  }
  const std::int64_t items = width() - 2;
  std::copy_n(row, items, n);
  const Real s = simd::sum(row, items);
  const Real d = row[items];
  n[items] = (-s - d) / 2;
  n[items + 1] = (-s + d) / 2;
}

void TokenNorm::reduce(const Real* v, Real* row) const {
  if (code_ == LabelCode::scalar) {
    std::copy_n(v, width(), row);
    std::fill(row + width(), row + reduced_width(), Real{0});
    return;
  }
  const std::int64_t items = width() - 2;
  const Real mean = (v[items] + v[items + 1]) / 2;
  for (std::int64_t i = 0; i < items; ++i) row[i] = v[i] - mean;
  row[items] = (v[items + 1] - v[items]) / 2;
  std::fill(row + items + 1, row + reduced_width(), Real{0});
}

void TokenNorm::affine(const Real* n, Real* t) const {
  for (std::int64_t i = 0; i < width(); ++i) t[i] = std::fma(gain.value[i], n[i], bias.value[i]);
}

}  // namespace icl::nn
