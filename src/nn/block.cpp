#include "icl/nn/block.hpp"

#include <algorithm>

#include "icl/nn/elementwise.hpp"

namespace icl::nn {

void take_last(std::int64_t batch, std::int64_t tokens, std::int64_t width, const Real* from,
               Real* to) {
  for (std::int64_t b = 0; b < batch; ++b) {
    std::copy_n(from + ((b + 1) * tokens - 1) * width, width, to + b * width);
  }
}

Block::Activations::Activations(std::int64_t batch, const Shape& shape, Storage storage)
    : attention(batch, shape.attention, storage),
      middle({batch * shape.outputs(), shape.attention.width}, storage),
      dm({batch * shape.outputs(), shape.attention.width}, storage),
      dx({batch * shape.attention.tokens, shape.attention.width}, storage) {
  const std::int64_t rows = batch * shape.attention.tokens;
  const std::int64_t outputs = batch * shape.outputs();
  const std::int64_t width = shape.attention.width;
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

void Block::forward(std::int64_t batch, const Real* r, const Given& given, Activations& s, Real* y,
                    const Workers& workers) const {
  const std::int64_t tokens = shape_.attention.tokens;
  const std::int64_t outputs = batch * shape_.outputs();
  // m = r + attention(ln1(r)), of the tokens that attend
  const Real* x = r;
  if (ln1_) {
    ln1_->forward(batch * tokens, r, *s.ln1, s.x.data(), workers);
    x = s.x.data();
  }
  Real* m = mlp_ ? s.middle.data() : y;
  if (shape_.outputs() == tokens) {
    std::copy_n(r, outputs * width(), m);
  } else {
    take_last(batch, tokens, width(), r, m);
  }
  attention_.forward(batch, x, given, s.attention, m, workers);
  if (!mlp_) return;
  // y = m + mlp(ln2(m))
  const Real* h = m;
  if (ln2_) {
    ln2_->forward(outputs, m, *s.ln2, s.h.data(), workers);
    h = s.h.data();
  }
  mlp_->forward(outputs, h, *s.mlp, y, workers);
  if (shape_.mlp_residual) add(m, outputs * width(), y);
}

void Block::backward(std::int64_t batch, const Real* r, const Given& given, Activations& s,
                     const Real* dy, Real* dr, const Workers& workers) {
  const std::int64_t tokens = shape_.attention.tokens;
  const std::int64_t outputs = batch * shape_.outputs();
  const Real* dm = dy;
  if (mlp_) {
    // y = m + mlp(ln2(m)):  dh by the MLP,  dm = dy + dh by ln2
    const Real* h = ln2_ ? s.h.data() : s.middle.data();
    mlp_->backward(outputs, h, *s.mlp, dy, s.dh.data(), workers);
    if (shape_.mlp_residual) {
      std::copy_n(dy, outputs * width(), s.dm.data());
    } else {
      std::fill_n(s.dm.data(), outputs * width(), Real{0});
    }
    if (ln2_) {
      ln2_->backward(outputs, *s.ln2, s.dh.data(), s.dm.data(), workers);
    } else {
      add(s.dh.data(), outputs * width(), s.dm.data());
    }
    dm = s.dm.data();
  }
  // m = r + attention(ln1(r)):  dx by the attention,  dr = dm + dx by ln1
  const Real* x = ln1_ ? s.x.data() : r;
  Real* dx = ln1_ ? s.dx.data() : dr;
  attention_.backward(batch, x, given, s.attention, dm, dx, workers);
  if (ln1_) {
    std::fill_n(dr, batch * tokens * width(), Real{0});
    ln1_->backward(batch * tokens, *s.ln1, s.dx.data(), dr, workers);
  }
  const std::int64_t step = shape_.outputs() == tokens ? 1 : tokens;
  for (std::int64_t i = 0; i < outputs; ++i) {
    add(dm + i * width(), width(), dr + ((i + 1) * step - 1) * width());
  }
}

}  // namespace icl::nn
