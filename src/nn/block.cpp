#include "icl/nn/block.hpp"

#include <algorithm>

#include "icl/nn/elementwise.hpp"
#include "icl/nn/fit.hpp"

namespace icl::nn {

Block::Activations::Activations(std::int64_t batch, const Shape& shape, Queries queries,
                                Storage storage)
    : attention(batch, shape.attention, queries, storage),
      dx({batch * shape.attention.tokens, shape.attention.width}, storage) {
  const std::int64_t rows = batch * shape.attention.tokens;
  const std::int64_t outputs = batch * shape.attention.count(queries);
  const std::int64_t width = shape.attention.width;
  for (Tensor* tensor : {&middle, &dm}) *tensor = Tensor({outputs, width}, storage);
  if (shape.norms) {
    ln1.emplace(rows, width, storage);
    x = Tensor({rows, width}, storage);
  }
  if (!shape.mlp) return;
  mlp.emplace(outputs, *shape.mlp, storage);
  dh = Tensor({outputs, width}, storage);
  if (!shape.norms) return;
  ln2.emplace(outputs, width, storage);
  h = Tensor({outputs, width}, storage);
}

Block::Block(const std::string& name, const Shape& shape, Storage storage)
    : shape_(shape), attention_(name + ".attn", shape.attention, storage) {
  if (shape.norms) ln1_.emplace(name + ".ln1", width(), "d_model", storage);
  if (!shape.mlp) return;
  if (shape.norms) ln2_.emplace(name + ".ln2", width(), "d_model", storage);
  mlp_.emplace(name + ".mlp", *shape.mlp, TokenMlp::Axes{"d_model", "d_model", "d_mlp"}, storage);
}

std::uint32_t Block::initialise(std::int64_t seed, std::uint32_t ordinal) {
  constexpr std::uint32_t of_attention = 2;
  constexpr std::uint32_t of_mlp = 6;
  if (ln1_) ln1_->initialise();
  if (ln2_) ln2_->initialise();
  attention_.initialise(seed, ordinal);
  if (mlp_) mlp_->initialise(seed, ordinal + of_attention);
  return ordinal + of_attention + of_mlp;
}

std::vector<Parameter*> Block::parameters() {
  std::vector<Parameter*> all;
  const auto append = [&all](const std::vector<Parameter*>& more) {
    all.insert(all.end(), more.begin(), more.end());
  };
  if (ln1_) append(ln1_->parameters());
  append(attention_.parameters());
  if (ln2_) append(ln2_->parameters());
  if (mlp_) append(mlp_->parameters());
  return all;
}

/// Of layers that are not there, the tensors are empty; the layers that are look at theirs.
void Block::require_fits(std::int64_t batch, ConstMatrixView r, const Activations& s,
                         ConstMatrixView y) const {
  const std::string& name = attention_.qkv.name;
  const std::int64_t outputs = rows_of(batch, s);
  require_fit(name, "r", r, batch * shape_.attention.tokens, width());
  require_fit(name, "y or its gradient", y, outputs, width());
  require_fit(name, "activations m", s.middle, outputs, width());
}

void Block::forward(std::int64_t batch, ConstMatrixView r, const Given& given, Activations& s,
                    MatrixView y, const Workers& workers) const {
  require_fits(batch, r, s, y);
  const std::int64_t tokens = shape_.attention.tokens;
  const std::int64_t outputs = rows_of(batch, s);
  // m = r + attention(ln1(r)), of the tokens that attend
  ConstMatrixView x = r;
  if (ln1_) {
    ln1_->forward(batch * tokens, r, *s.ln1, s.x, workers);
    x = s.x;
  }
  const MatrixView m = mlp_ ? MatrixView(s.middle) : y;
  for (std::int64_t i = 0; i < outputs; ++i) {
    std::copy_n(r.row(token_of(i, s)), width(), m.row(i));
  }
  attention_.forward(batch, x, given, s.attention, m, workers);
  if (!mlp_) return;
  // y = m + mlp(ln2(m))
  ConstMatrixView h = m;
  if (ln2_) {
    ln2_->forward(outputs, m, *s.ln2, s.h, workers);
    h = s.h;
  }
  mlp_->forward(outputs, h, *s.mlp, y, workers);
  if (shape_.mlp_residual) add(m.data, outputs * width(), y.data);
}

void Block::backward(std::int64_t batch, ConstMatrixView r, const Given& given, Activations& s,
                     ConstMatrixView dy, MatrixView dr, const Workers& workers) {
  require_fits(batch, r, s, dy);
  require_fit(attention_.qkv.name, "dr", dr, batch * shape_.attention.tokens, width());
  const std::int64_t tokens = shape_.attention.tokens;
  const std::int64_t outputs = rows_of(batch, s);
  ConstMatrixView dm = dy;
  if (mlp_) {
    // y = m + mlp(ln2(m)):  dh by the MLP,  dm = dy + dh by ln2
    mlp_->backward(outputs, ln2_ ? s.h : s.middle, *s.mlp, dy, s.dh, workers);
    if (shape_.mlp_residual) {
      std::copy_n(dy.data, outputs * width(), s.dm.data());
    } else {
      std::fill_n(s.dm.data(), outputs * width(), Real{0});
    }
    if (ln2_) {
      ln2_->backward(outputs, *s.ln2, s.dh, s.dm, workers);
    } else {
      add(s.dh.data(), outputs * width(), s.dm.data());
    }
    dm = s.dm;
  }
  // m = r + attention(ln1(r)):  dx by the attention,  dr = dm + dx by ln1
  const ConstMatrixView x = ln1_ ? s.x : r;
  attention_.backward(batch, x, given, s.attention, dm, ln1_ ? s.dx : dr, workers);
  if (ln1_) {
    std::fill_n(dr.data, batch * tokens * width(), Real{0});
    ln1_->backward(batch * tokens, *s.ln1, s.dx, dr, workers);
  }
  for (std::int64_t i = 0; i < outputs; ++i) add(dm.row(i), width(), dr.row(token_of(i, s)));
}

}  // namespace icl::nn
