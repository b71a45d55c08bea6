#include "icl/model/model.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "icl/core/error.hpp"
#include "icl/model/one_layer.hpp"

namespace icl::model {
namespace {

template <class M>
std::unique_ptr<Model> make(const config::Config& config) {
  return std::make_unique<M>(config);
}

constexpr std::array all_systems{
    System{"one_layer", make<OneLayer>},
};

}  // namespace

std::span<const System> systems() { return all_systems; }

std::unique_ptr<Model> make_model(const config::Config& config) {
  const auto* system = std::ranges::find(all_systems, config.model.system, &System::name);
  if (system == all_systems.end()) {
    throw Error(ExitCode::usage, "model.system: there is no system \"" + config.model.system + '"');
  }
  return system->make(config);
}

std::int64_t parameter_count(Model& model) {
  std::int64_t count = 0;
  for (const nn::Parameter* parameter : model.parameters()) count += parameter->value.size();
  return count;
}

}  // namespace icl::model
