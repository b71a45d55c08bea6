#include "icl/probe/fixed_sequences.hpp"

#include "icl/config/blocks.hpp"
#include "icl/config/loss.hpp"
#include "icl/config/system.hpp"

namespace icl::probe {

std::vector<ActivationShape> activation_shapes(const config::Config& config) {
  const std::int64_t token =
      config.data.D + (config.data.label_code == config::LabelCode::scalar ? 1 : 2);
  const std::int64_t outputs = config::asked_of(config).outputs;
  std::vector<ActivationShape> shapes;
  for (const config::ActivationRow* row : config::activations_of(config)) {
    std::int64_t extent = 1;
    if (row->axis == "position") extent = config.data.N;
    if (row->axis == "token") extent = token;
    if (row->axis == "hidden") extent = config.model.hidden;
    const bool residual =
        row->name == "mlp_input" && config::row_of(config.model.system).has.blocks;
    if (residual) extent = config::blocks_shape(config).d_model;
    const bool several = row->name == "logit" && config.data.label_count.has_value();
    const std::string_view axis = several ? "label" : residual ? "d_model" : row->axis;
    shapes.push_back({row, axis, several ? outputs : extent});
  }
  return shapes;
}

FixedCounts fixed_counts(const config::Config& config) {
  if (!config.record.activations) return {};
  const std::int64_t all = config.record.probe_set;
  const bool novel = config::row_of(config.model.system).has.context;
  const bool training = !config.data.K.is_infinite();
  const std::int64_t first = novel && training ? (all + 1) / 2 : all;
  return {novel ? first : 0, training ? (novel ? all - first : all) : 0};
}

}  // namespace icl::probe
