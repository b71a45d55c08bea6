#include "icl/model/token_layout.hpp"

#include <algorithm>

#include "icl/nn/tokens.hpp"

namespace icl::model {

TokenLayout::TokenLayout(const config::Config& config)
    : interleaved_(config.data.layout == config::Layout::interleaved),
      code_(config.data.label_code),
      dimension_(config.data.D),
      items_(config.data.N),
      tokens_(interleaved_ ? 2 * items_ - 1 : items_) {}

void TokenLayout::write(const Batch& batch, std::int64_t b, Real* out, std::int64_t stride) const {
  const nn::Tokens rows(batch, b);
  for (std::int64_t j = 0; j < items_; ++j) {
    const bool target = j + 1 == items_;
    const Real* row = target ? rows.target() : rows.context(j);
    if (!interleaved_) {
      write_token(row, row[dimension_], out + j * stride);
      continue;
    }
    write_token(row, 0, out + 2 * j * stride);
    if (!target) write_token(nullptr, row[dimension_], out + (2 * j + 1) * stride);
  }
}

/// [x ; label code], with zeros for an item that is not there, and for no label.
void TokenLayout::write_token(const Real* item, Real label, Real* token) const {
  if (item == nullptr) {
    std::fill_n(token, dimension_, Real{0});
  } else {
    std::copy_n(item, dimension_, token);
  }
  if (code_ == config::LabelCode::scalar) {
    token[dimension_] = label;
  } else {
    token[dimension_] = label < 0 ? Real{1} : Real{0};
    token[dimension_ + 1] = label > 0 ? Real{1} : Real{0};
  }
}

void TokenLayout::given_weights(nn::Attending attending, const Batch& batch, std::int64_t b,
                                Real* weights) const {
  if (attending == nn::Attending::uniform) {
    std::fill_n(weights, tokens_, Real{1} / static_cast<Real>(tokens_));
    return;
  }
  nn::fixed_weights(attending, batch, b, true, weights);
  if (!interleaved_) return;
  std::fill(weights + items_, weights + tokens_, Real{0});
  for (std::int64_t j = items_ - 1; j-- > 0;) {
    const Real weight = weights[j];
    weights[j] = 0;
    weights[2 * j + 1] = weight;
  }
}

void TokenLayout::add_by_item(const Real* weights, Real* sums) const {
  for (std::int64_t j = 0; j < tokens_; ++j) sums[interleaved_ ? j / 2 : j] += weights[j];
}

}  // namespace icl::model
