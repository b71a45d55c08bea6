#include "icl/model/model.hpp"

#include <array>
#include <string>

#include "icl/config/system.hpp"
#include "icl/core/error.hpp"
#include "icl/model/system.hpp"

namespace icl::model {
namespace {

std::unique_ptr<Model> new_model(const config::Config& config, Storage storage) {
  return definition_of(config.model.system).make(config, storage);
}

}  // namespace

const SystemDefinition& definition_of(config::System system) {
#define ICL_ROW(name, ...) &systems::name,
  static constexpr std::array all{ICL_SYSTEMS(ICL_ROW)};
#undef ICL_ROW
  return *all.at(static_cast<std::size_t>(system));
}

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
