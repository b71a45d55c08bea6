#include "icl/run/model_group.hpp"

#include <fmt/format.h>

#include "icl/model/description.hpp"

namespace icl::run {

void write_model(store::Hdf5Writer& file, const config::Config& config) {
  const model::Description description = model::describe(config);
  file.group("/model");
  const auto put = [&](const char* name, const store::AttributeValue& value) {
    file.attribute("/model", name, value);
  };
  put("system", description.system);
  put("source", description.source);
  put("input", description.input);
  put("forward", description.forward);
  put("output", description.output);
  put("initial", description.initial);
  for (const auto& [name, value] : description.sizes) file.attribute("/model", name, value);
  file.group("/model/parameters");
  for (const model::ParameterRole& role : description.parameters) {
    file.attribute("/model/parameters", role.name,
                   fmt::format("{}: {}", role.sub_circuit, role.role));
  }
}

}  // namespace icl::run
