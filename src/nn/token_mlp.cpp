#include "icl/nn/token_mlp.hpp"

#include "icl/core/cut.hpp"

namespace icl::nn {

TokenMlp::Activations::Activations(std::int64_t rows, std::int64_t hidden, Storage storage)
    : h1({rows, hidden}, storage),
      h2({rows, hidden}, storage),
      dh1({rows, hidden}, storage),
      dh2({rows, hidden}, storage) {}

void TokenMlp::Activations::hold() {
  held1 = h1.clone();
  held2 = h2.clone();
}

TokenMlp::TokenMlp(const std::string& name, std::int64_t width, std::int64_t hidden,
                   const std::string& axis, Storage storage)
    : first_(name + ".0", width, hidden, axis, "hidden1", storage),
      second_(name + ".2", hidden, hidden, "hidden1", "hidden2", storage),
      third_(name + ".4", hidden, width, "hidden2", axis, storage) {}

void TokenMlp::initialise(std::int64_t seed, std::uint32_t ordinal) {
  first_.initialise(seed, ordinal);
  second_.initialise(seed, ordinal + 2);
  third_.initialise(seed, ordinal + 4);
}

std::vector<Parameter*> TokenMlp::parameters() {
  return {&first_.weight, &first_.bias,   &second_.weight,
          &second_.bias,  &third_.weight, &third_.bias};
}

/// So many that a task's activations stay in the second cache of a core, if tiles may be joined in
/// each of its products; else a tile.
std::int64_t TokenMlp::rows_of_a_task(std::int64_t rows) const {
  const std::int64_t hidden = second_.weight.value.extent(0);
  const auto join = [&](std::int64_t out, std::int64_t in) {
    const std::int64_t rest = out % Linear::tile;
    return may_join({rows, tile, rest > 0 ? rest : Linear::tile, in});
  };
  const bool all = join(hidden, width()) && join(hidden, hidden) && join(width(), hidden);
  return all ? joined_tiles * tile : tile;
}

void TokenMlp::forward(std::int64_t rows, const Real* x, Activations& a, Real* y,
                       const Workers& workers) const {
  workers.for_tiles(rows, rows_of_a_task(rows), [&](Tile r) {
    const Workers alone = workers.alone();
    Real* h1 = a.h1.row(r.first);
    Real* h2 = a.h2.row(r.first);
    const Activation f = a.held() ? Activation::none : Activation::relu;
    first_.forward(r.count, x + r.first * width(), h1, f, alone);
    if (a.held()) first_.keep_open(r.count, a.held1.row(r.first), h1, alone);
    second_.forward(r.count, h1, h2, f, alone);
    if (a.held()) second_.keep_open(r.count, a.held2.row(r.first), h2, alone);
    third_.forward(r.count, h2, y + r.first * width(), Activation::none, alone);
  });
}

void TokenMlp::backward(std::int64_t rows, const Real* x, Activations& a, const Real* dy, Real* dx,
                        const Workers& workers) {
  const Tensor& open1 = a.held() ? a.held1 : a.h1;
  const Tensor& open2 = a.held() ? a.held2 : a.h2;
  workers.for_tiles(rows, rows_of_a_task(rows), [&](Tile r) {
    const Workers alone = workers.alone();
    const std::int64_t i = r.first;
    third_.backward_input(r.count, dy + i * width(), open2.row(i), a.dh2.row(i), alone);
    second_.backward_input(r.count, a.dh2.row(i), open1.row(i), a.dh1.row(i), alone);
    first_.backward_input(r.count, a.dh1.row(i), nullptr, dx + i * width(), alone);
  });
  third_.backward_parameters(rows, a.h2.data(), dy, workers);
  second_.backward_parameters(rows, a.h1.data(), a.dh2.data(), workers);
  first_.backward_parameters(rows, x, a.dh1.data(), workers);
}

}  // namespace icl::nn
