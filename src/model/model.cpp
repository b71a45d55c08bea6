#include "icl/model/model.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "icl/config/system.hpp"
#include "icl/core/error.hpp"
#include "icl/model/blocks.hpp"
#include "icl/model/memoriser.hpp"
#include "icl/model/minimal.hpp"
#include "icl/model/multi_layer.hpp"
#include "icl/model/one_layer.hpp"
#include "icl/model/scalar_beta.hpp"

namespace icl::model {
namespace {

template <class M>
std::unique_ptr<Model> make(const config::Config& config, Storage storage) {
  return std::make_unique<M>(config, storage);
}

struct Factory {
  config::System system;
  std::unique_ptr<Model> (*make)(const config::Config&, Storage);
};

/// A row for each of config::systems.
constexpr std::array factories{
    Factory{config::System::one_layer, make<OneLayer>},
    Factory{config::System::multi_layer, make<MultiLayer>},
    Factory{config::System::scalar_beta, make<ScalarBeta>},
    Factory{config::System::minimal, make<Minimal>},
    Factory{config::System::memoriser, make<Memoriser>},
    Factory{config::System::blocks, make<BlocksModel>},
};
static_assert(std::ranges::equal(factories, config::systems, {}, &Factory::system,
                                 &config::SystemRow::system));

std::unique_ptr<Model> new_model(const config::Config& config, Storage storage) {
  return factories.at(static_cast<std::size_t>(config.model.system)).make(config, storage);
}

}  // namespace

void Model::require_fitting(const Batch& batch, const Activations& activations) const {
  if (activations.owner_ != this) {
    throw Error(ExitCode::internal, "a model was given activations that another one made");
  }
  if (batch.size > activations.batch_ || batch.length > activations.length_) {
    throw Error(ExitCode::internal, "a batch of " + std::to_string(batch.size) + " sequences of " +
                                        std::to_string(batch.length) +
                                        " tokens does not fit activations for " +
                                        std::to_string(activations.batch_) + " of " +
                                        std::to_string(activations.length_));
  }
}

std::unique_ptr<Model> make_model(const config::Config& config) { return new_model(config, {}); }

std::unique_ptr<Model> describe_model(const config::Config& config) {
  return new_model(config, Storage::on_paper());
}

double mlp_step_flops(std::int64_t rows, std::initializer_list<std::int64_t> widths) {
  double weights = 0;
  const std::int64_t* in = widths.begin();
  for (const std::int64_t* out = in + 1; out != widths.end(); in = out++) {
    weights += static_cast<double>(*in) * static_cast<double>(*out);
  }
  constexpr double products = 3;
  return 2 * products * static_cast<double>(rows) * weights;
}

std::int64_t parameter_count(Model& model) {
  std::int64_t count = 0;
  for (const nn::Parameter* parameter : model.parameters()) {
    std::int64_t values = 1;
    for (const std::int64_t extent : parameter->value.shape()) values *= extent;
    count += values;
  }
  return count;
}

}  // namespace icl::model
