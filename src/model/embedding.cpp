#include "icl/model/embedding.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "icl/core/gemm.hpp"
#include "icl/model/model.hpp"
#include "icl/nn/elementwise.hpp"
#include "icl/nn/fit.hpp"

namespace icl::model {
namespace {

constexpr std::int64_t token_tile = 128;

/// The place of the first token of sequence b.
std::int64_t first_place(const Batch& batch, std::int64_t b) {
  return batch.shift.size() > 0 ? batch.shift[b] : 0;
}

nn::Parameter matrix(const std::string& name, const std::string& rows, const std::string& columns,
                     std::int64_t row_count, std::int64_t column_count, Storage storage) {
  return {
      name, {rows, columns}, nn::Group::attention, Tensor({row_count, column_count}, storage), {}};
}

}  // namespace

Embedding::Activations::Activations(std::int64_t batch, const Embedding& of, Storage storage) {
  const config::BlocksShape& s = of.shape_;
  const std::int64_t rows = batch * s.tokens;
  input = Tensor({rows, s.d_input}, storage);
  if (of.norm_) {
    raw = Tensor({rows, s.token}, storage);
    norm.emplace(rows, s.token, storage);
    if (of.read_in_) dinput = Tensor({rows, s.d_input}, storage);
    if (of.before() > 0) {
      normed = Tensor({rows, s.token}, storage);
      dnormed = Tensor({rows, s.token}, storage);
    }
  }
  if (of.positions_) dpositions = Tensor({s.n_ctx, s.d_model}, storage);
}

Embedding::Embedding(const config::BlocksShape& shape, const TokenLayout& layout, Storage storage)
    : shape_(shape), layout_(layout) {
  const auto& s = shape_;
  if (s.label_vectors) {
    labels_ = matrix("embed.labels.weight", "label", "dimension", s.label_count, s.label, storage);
    labels_->frozen = true;
  }
  if (s.norm == config::Norm::input) norm_.emplace("embed.norm", s.token, "token", storage);
  if (s.read_in == config::ReadIn::linear) {
    read_in_ = matrix("embed.read_in.weight", "d_model", "input", s.d_model, s.d_input, storage);
  }
  if (s.positions == config::Positions::learned) {
    positions_ = matrix("embed.positions.weight", "place", "d_model", s.n_ctx, s.d_model, storage);
  }
  if (s.positions == config::Positions::sinusoidal) {
    sinusoids_.emplace(s.tokens, s.d_model, storage);
  }
}

std::vector<nn::Parameter*> Embedding::parameters() {
  std::vector<nn::Parameter*> all;
  if (labels_) all.push_back(&*labels_);
  if (norm_) {
    const auto more = norm_->parameters();
    all.insert(all.end(), more.begin(), more.end());
  }
  if (read_in_) all.push_back(&*read_in_);
  if (positions_) all.push_back(&*positions_);
  return all;
}

std::uint32_t Embedding::initialise(std::int64_t seed, std::uint32_t ordinal) {
  const auto draw = [&](nn::Parameter& p, std::uint32_t at) {
    nn::initialise_uniform(p, 1 / std::sqrt(static_cast<double>(p.value.extent(1))), seed, at);
  };
  if (norm_) norm_->initialise();
  if (read_in_) draw(*read_in_, ordinal);
  if (positions_) draw(*positions_, ordinal + 1);
  ordinal += 2;
  if (labels_) nn::initialise_normal(*labels_, seed, ordinal++);
  return ordinal;
}

double Embedding::flops(std::int64_t batch) const {
  if (!read_in_) return 0;
  const double products = norm_ ? 3 : 2;  // no gradient of the tokens is needed without the norm
  return products / 3 * mlp_step_flops(batch * shape_.tokens, {shape_.d_input, shape_.d_model});
}

/// The tokens, behind their one-hot positions unless a norm stands between.
void Embedding::write_tokens(const Batch& batch, Activations& s, const Workers& workers) const {
  const std::int64_t tokens = shape_.tokens;
  const Tensor* vectors = labels_ ? &labels_->value : nullptr;
  workers.for_each(batch.size, [&](std::int64_t b) {
    const auto time = workers.measure(Phase::attention_forward);
    const std::int64_t first = b * tokens;
    for (std::int64_t j = 0; before() > 0 && j < tokens; ++j) {
      std::fill_n(s.input.row(first + j), before(), Real{0});
      s.input.row(first + j)[first_place(batch, b) + j] = 1;
    }
    if (norm_) {
      layout_.write(batch, b, vectors, s.raw.row(first), shape_.token);
    } else {
      layout_.write(batch, b, vectors, s.input.row(first) + before(), shape_.d_input);
    }
  });
}

void Embedding::write_input(const Batch& batch, Activations& s, const Workers& workers) const {
  write_tokens(batch, s, workers);
  if (!norm_) return;
  // e = norm(t), behind a position
  const std::int64_t rows = batch.size * shape_.tokens;
  norm_->forward(rows, s.raw, *s.norm, before() > 0 ? s.normed : s.input, workers);
  for (std::int64_t i = 0; before() > 0 && i < rows; ++i) {
    std::copy_n(s.normed.row(i), shape_.token, s.input.row(i) + before());
  }
}

void Embedding::forward(const Batch& batch, Activations& s, MatrixView r,
                        const Workers& workers) const {
  nn::require_fit("embed", "r", r, batch.size * shape_.tokens, shape_.d_model);
  nn::require_fit("embed", "activations e", s.input, batch.size * shape_.tokens, shape_.d_input);
  const std::int64_t d = shape_.d_model;
  write_input(batch, s, workers);
  // r = W_E e + P
  workers.for_tiles(batch.size * shape_.tokens, token_tile, [&](Tile some) {
    const auto time = workers.measure(Phase::attention_forward);
    if (read_in_) {
      gemm(some.count, d, shape_.d_input, 1, {s.input.row(some.first), shape_.d_input},
           {read_in_->value.data(), shape_.d_input, Op::transpose}, 0, r.row(some.first), d);
    } else {
      std::copy_n(s.input.row(some.first), some.count * d, r.row(some.first));
    }
    for (std::int64_t i = some.first; i < some.end(); ++i) {
      const std::int64_t j = i % shape_.tokens;
      if (positions_) {
        nn::add(positions_->value.row(first_place(batch, i / shape_.tokens) + j), d, r.row(i));
      }
      if (!sinusoids_) continue;
      for (std::int64_t k = 0; k < d; ++k) {
        const Tensor& wave = k % 2 == 0 ? sinusoids_->sin : sinusoids_->cos;
        r.row(i)[k] += wave.row(j)[k / 2];
      }
    }
  });
}

/// The gradients of the norm's gain and bias.
void Embedding::backward_norm(std::int64_t batch, Activations& s, ConstMatrixView dr,
                              const Workers& workers) {
  const std::int64_t rows = batch * shape_.tokens;
  const std::int64_t d = shape_.d_model;
  // r = W_E e:  de = W_E^T dr
  ConstMatrixView de = dr;
  if (read_in_) {
    workers.for_tiles(rows, token_tile, [&](Tile some) {
      const auto time = workers.measure(Phase::attention_backward);
      gemm(some.count, shape_.d_input, d, 1, {dr.row(some.first), d},
           {read_in_->value.data(), shape_.d_input}, 0, s.dinput.row(some.first), shape_.d_input);
    });
    de = s.dinput;
  }
  // e = [position ; norm(t)]
  for (std::int64_t i = 0; before() > 0 && i < rows; ++i) {
    std::copy_n(de.row(i) + before(), shape_.token, s.dnormed.row(i));
  }
  norm_->backward(rows, *s.norm, before() > 0 ? s.dnormed : de, {}, workers);
}

void Embedding::backward(const Batch& batch, Activations& s, ConstMatrixView dr,
                         const Workers& workers) {
  const std::int64_t tokens = shape_.tokens;
  const std::int64_t d = shape_.d_model;
  nn::require_fit("embed", "dr", dr, batch.size * tokens, d);
  if (norm_) backward_norm(batch.size, s, dr, workers);
  const auto time = workers.measure(Phase::attention_backward);
  if (positions_) {
    // r = ... + P:  dP_j = sum over the batch of dr_j
    std::ranges::fill(s.dpositions.values(), Real{0});
    for (std::int64_t b = 0; b < batch.size; ++b) {
      nn::add(dr.row(b * tokens), tokens * d, s.dpositions.row(first_place(batch, b)));
    }
    positions_->take(s.dpositions.data(), 0, s.dpositions.size());
  }
  if (!read_in_) return;
  // r = W_E e:  dW_E = sum dr e^T
  workers.for_tiles(d, token_tile, [&](Tile some) {
    read_in_->take_product(some.first, some.count, batch.size * tokens,
                           {dr.data + some.first, d, Op::transpose},
                           {s.input.data(), shape_.d_input}, workers.alone());
  });
}

}  // namespace icl::model
