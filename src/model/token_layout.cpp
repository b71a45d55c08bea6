#include "icl/model/token_layout.hpp"

#include <algorithm>

#include "icl/nn/tokens.hpp"

namespace icl::model {

TokenLayout::TokenLayout(const config::Config& config, const config::BlocksShape& shape)
    : interleaved_(shape.layout == config::Layout::interleaved),
      signs_(!config.data.label_count),
      code_(shape.label == 1 ? config::LabelCode::scalar : config::LabelCode::onehot),
      token_(shape.token),
      label_(shape.label),
      dimension_(config.data.D),
      items_(config.data.N),
      tokens_(shape.tokens) {}

void TokenLayout::write(const Batch& batch, std::int64_t b, const Tensor* vectors, Real* out,
                        std::int64_t stride) const {
  const nn::Tokens rows(batch, b);
  for (std::int64_t j = 0; j < items_; ++j) {
    const bool target = j + 1 == items_;
    const Real* row = target ? rows.target() : rows.context(j);
    if (!interleaved_) {
      write_token(row, row[dimension_], vectors, out + j * stride);
      continue;
    }
    write_token(row, 0, vectors, out + 2 * j * stride);
    if (!target) write_token(nullptr, row[dimension_], vectors, out + (2 * j + 1) * stride);
  }
}

/// [x ; label code], with zeros for an item that is not there, and for no label; or whichever of
/// them there is, where they share their entries.
void TokenLayout::write_token(const Real* item, Real label, const Tensor* vectors,
                              Real* token) const {
  if (token_ == dimension_) {
    if (item != nullptr) {
      std::copy_n(item, dimension_, token);
    } else {
      write_label(static_cast<Label>(label), vectors, token);
    }
    return;
  }
  if (item == nullptr) {
    std::fill_n(token, dimension_, Real{0});
  } else {
    std::copy_n(item, dimension_, token);
  }
  if (!signs_) {
    write_label(static_cast<Label>(label), vectors, token + dimension_);
  } else if (code_ == config::LabelCode::scalar) {
    token[dimension_] = label;
  } else {
    token[dimension_] = label < 0 ? Real{1} : Real{0};
    token[dimension_ + 1] = label > 0 ? Real{1} : Real{0};
  }
}

/// The code of one of L labels, or zeros for 0.
void TokenLayout::write_label(Label label, const Tensor* vectors, Real* code) const {
  if (label > 0 && vectors != nullptr) {
    std::copy_n(vectors->row(label - 1), label_, code);
    return;
  }
  std::fill_n(code, label_, Real{0});
  if (label > 0) code[label - 1] = 1;
}

void TokenLayout::copy_weights(const Batch& batch, std::int64_t b, Real* weights) const {
  nn::fixed_weights(nn::Attending::copy, batch, b, true, weights);
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
