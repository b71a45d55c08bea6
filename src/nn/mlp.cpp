#include "icl/nn/mlp.hpp"

namespace icl::nn {

Mlp::Activations::Activations(std::int64_t batch, std::int64_t hidden, Storage storage)
    : h1({batch, hidden}, storage),
      h2({batch, hidden}, storage),
      dh1({batch, hidden}, storage),
      dh2({batch, hidden}, storage) {}

void Mlp::Activations::hold() {
  held1 = h1.clone();
  held2 = h2.clone();
}

Mlp::Mlp(const std::string& name, std::int64_t in, std::int64_t hidden, const std::string& in_axis,
         Storage storage)
    : first_(name + ".0", in, hidden, in_axis, "hidden1", storage),
      second_(name + ".2", hidden, hidden, "hidden1", "hidden2", storage),
      third_(name + ".4", hidden, "hidden2", storage) {}

void Mlp::initialise(std::int64_t seed, std::uint32_t ordinal) {
  first_.initialise(seed, ordinal);
  second_.initialise(seed, ordinal + 2);
  third_.initialise(seed, ordinal + 4);
}

std::vector<Parameter*> Mlp::parameters() {
  return {&first_.weight, &first_.bias,   &second_.weight,
          &second_.bias,  &third_.weight, &third_.bias};
}

void Mlp::forward(std::int64_t batch, ConstMatrixView x, Activations& a, MatrixView z,
                  const Workers& workers) const {
  const Activation f = a.held() ? Activation::none : Activation::relu;
  first_.forward(batch, x, a.h1, f, workers);
  if (a.held()) first_.keep_open(batch, a.held1, a.h1, workers);
  second_.forward(batch, a.h1, a.h2, f, workers);
  if (a.held()) second_.keep_open(batch, a.held2, a.h2, workers);
  third_.forward(batch, a.h2, z, workers);
}

void Mlp::backward(std::int64_t batch, ConstMatrixView x, Activations& a, ConstMatrixView dz,
                   MatrixView dx, const Workers& workers) {
  const Tensor& open1 = a.held() ? a.held1 : a.h1;
  const Tensor& open2 = a.held() ? a.held2 : a.h2;
  third_.backward_input(batch, dz, open2, a.dh2, workers);
  third_.backward_parameters(batch, a.h2, dz, workers);
  second_.backward_input(batch, a.dh2, open1, a.dh1, workers);
  second_.backward_parameters(batch, a.h1, a.dh2, workers);
  if (!dx.is_none()) first_.backward_input(batch, a.dh1, {}, dx, workers);
  first_.backward_parameters(batch, x, a.dh1, workers);
}

}  // namespace icl::nn
