#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "icl/config/config.hpp"
#include "icl/model/model.hpp"
#include "support/random.hpp"
#include "support/reference.hpp"

namespace icl::test {

inline config::Config system_config(std::string_view system, std::int64_t dimension,
                                    std::int64_t hidden) {
  config::Config config;
  config.model.system = config::choice_of<config::System>(system).value();
  config.model.hidden = hidden;
  config.data.D = dimension;
  return config;
}

inline std::unique_ptr<model::Model> make_model(std::string_view system, std::int64_t dimension,
                                                std::int64_t hidden) {
  return model::make_model(system_config(system, dimension, hidden));
}

/// Parameters of a size at which no gradient is small: gains around 1, other vectors of the order
/// of one half, matrices that keep the scale of their input.
inline void randomise(model::Model& model) {
  std::uint64_t seed = 31;
  for (nn::Parameter* p : model.parameters()) {
    const bool is_matrix = p->axes.size() == 2;
    const bool is_gain = p->name == "to_embedding.0.weight";
    const double fan_in = is_matrix ? static_cast<double>(p->value.extent(1)) : 4.0;
    fill_normal(p->value.values(), seed++, is_gain ? 0.3 : 1.2 / std::sqrt(fan_in),
                is_gain ? 1 : 0);
  }
}

inline const Tensor& value_of(model::Model& model, std::string_view name) {
  for (const nn::Parameter* p : model.parameters()) {
    if (p->name == name) return p->value;
  }
  throw std::out_of_range(std::string(name));
}

/// The output MLP of any system, in double.
inline reference::Mlp reference_mlp(model::Model& model) {
  const auto get = [&](std::string_view name) { return reference::widen(value_of(model, name)); };
  return {get("mlp.0.weight"), get("mlp.0.bias"),   get("mlp.2.weight"),
          get("mlp.2.bias"),   get("mlp.4.weight"), get("mlp.4.bias")};
}

/// S1 in double, from the parameters of `model`.
struct ReferenceOneLayer {
  explicit ReferenceOneLayer(model::Model& model, nn::LabelCode code = nn::LabelCode::onehot)
      : mlp(reference_mlp(model)) {
    const auto get = [&](std::string_view name) { return reference::widen(value_of(model, name)); };
    attention = {get("to_embedding.0.weight"), get("to_embedding.0.bias"), get("qkv.weight"), code};
  }
  [[nodiscard]] double forward(const Sample& sample, std::int64_t b,
                               nn::Attending attending = nn::Attending::learned) const {
    return mlp.forward(attention.forward(sample, b, attending));
  }

  reference::Attention attention;
  reference::Mlp mlp;
};

/// What the ReLUs of a model's output MLP let through, which is not visible from outside: the
/// reference tells.
class HiddenUnits {
 public:
  HiddenUnits(std::int64_t batch, std::int64_t hidden)
      : h1_({batch, hidden}), h2_({batch, hidden}) {}
  template <class Check>
  void declare(Check& check) const {
    check.relu(h1_.values());
    check.relu(h2_.values());
  }
  /// Of sequence b, whose MLP reads `input`.
  void fill(std::int64_t b, const reference::Mlp& mlp, const reference::Vector& input) {
    const auto narrow = [](double x) { return static_cast<Real>(x); };
    const auto h1 = mlp.hidden1(input);
    std::ranges::transform(h1, h1_.row(b), narrow);
    std::ranges::transform(mlp.hidden2(h1), h2_.row(b), narrow);
  }

 private:
  Tensor h1_, h2_;
};

}  // namespace icl::test
