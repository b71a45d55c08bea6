#include "icl/nn/parameter.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace icl::nn {
namespace {

/// (1 - decay) x, rounded once. A decay of at most a quarter ulp of 1 leaves every x as it is.
void apply_decay(Real decay, Real* x, std::int64_t count) {
  if (Real{1} - decay == Real{1}) return;
  for (std::int64_t i = 0; i < count; ++i) x[i] = std::fma(-decay, x[i], x[i]);
}

}  // namespace

void Parameter::take(const Real* g, std::int64_t first, std::int64_t count) {
  Real* target = sink.target + first;
  if (sink.accumulate) {
    apply_decay(sink.decay, target, count);
    for (std::int64_t i = 0; i < count; ++i) target[i] = std::fma(sink.rate, g[i], target[i]);
  } else {
    for (std::int64_t i = 0; i < count; ++i) target[i] = sink.rate * g[i];
  }
}

void Parameter::take_column_sums(const Tensor& x, std::int64_t rows) {
  constexpr std::int64_t columns = 64;
  for (std::int64_t first = 0; first < x.extent(1); first += columns) {
    const std::int64_t count = std::min(columns, x.extent(1) - first);
    std::array<Real, columns> sum{};
    for (std::int64_t b = 0; b < rows; ++b) {
      const Real* row = x.row(b) + first;
      for (std::int64_t i = 0; i < count; ++i) sum[static_cast<std::size_t>(i)] += row[i];
    }
    take(sum.data(), first, count);
  }
}

void Parameter::take_product(std::int64_t first, std::int64_t rows, std::int64_t k, Operand a,
                             Operand b, const Workers& workers) {
  const std::int64_t columns = value.extent(1);
  Real* target = sink.target + first * columns;
  if (sink.accumulate) {
    const auto time = workers.measure(Phase::update);
    apply_decay(sink.decay, target, rows * columns);
  }
  gemm(rows, columns, k, sink.rate, a, b, sink.accumulate ? Real{1} : Real{0}, target, columns);
}

void initialise_uniform(Parameter& parameter, double bound, std::int64_t seed,
                        std::uint32_t ordinal) {
  std::vector<std::uint32_t> words(static_cast<std::size_t>(parameter.value.size()));
  Stream(static_cast<std::uint64_t>(seed), Purpose::initial_weights, 0, ordinal).words(0, words);
  Real* value = parameter.value.data();
  for (const std::uint32_t word : words) {
    const double unit = (static_cast<double>(word >> 8U) + 0.5) * 0x1p-23 - 1.0;  // in (-1, 1)
    *value++ = static_cast<Real>(static_cast<float>(bound * unit));
  }
}

void initialise_normal(Parameter& parameter, std::int64_t seed, std::uint32_t ordinal) {
  std::vector<float> drawn(static_cast<std::size_t>(parameter.value.size()));
  Stream(static_cast<std::uint64_t>(seed), Purpose::initial_weights, 0, ordinal).normals(drawn);
  const float scale = 1.0F / std::sqrt(static_cast<float>(parameter.value.extent(1)));
  Real* value = parameter.value.data();
  for (const float x : drawn) *value++ = static_cast<Real>(x * scale);
}

}  // namespace icl::nn
