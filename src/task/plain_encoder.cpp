#include "icl/task/plain_encoder.hpp"

#include <algorithm>

#include "icl/config/system.hpp"
#include "icl/core/simd.hpp"

namespace icl::task {

PlainEncoder::PlainEncoder(const config::Config& config)
    : dimension_(config.data.D), context_(config::row_of(config.model.system).has.context) {}

std::int64_t PlainEncoder::token_width() const { return simd::padded(dimension_ + 1); }

void PlainEncoder::encode(std::span<const float> item, int label, Real* row) const {
  std::ranges::transform(item, row, [](float x) { return static_cast<Real>(x); });
  row[dimension_] = static_cast<Real>(label);
  std::fill(row + dimension_ + 1, row + token_width(), Real{0});
}

}  // namespace icl::task
