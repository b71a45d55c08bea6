#include "icl/probe/reading.hpp"

#include <algorithm>
#include <limits>

#include "icl/config/probe_set.hpp"
#include "icl/probe/probe.hpp"

namespace icl::probe {

bool has_column(const Column& column, const config::Config& config) {
  switch (column.needs) {
    case Needs::nothing:
      break;
    case Needs::copies:
      return config::row_of(config::task_of(config)).copies;
    case Needs::right_answers:
      return config::row_of(config::asked_of(config).loss).judges;
  }
  return true;
}

std::size_t count_of(const Column& column, const config::Config& config, std::size_t parameters) {
  switch (column.each) {
    case Each::run:
      return 1;
    case Each::parameter:
      return parameters;
    case Each::head:
    case Each::inner_head:
      break;
  }
  const config::BlocksShape shape = config::blocks_shape(config);
  return static_cast<std::size_t>(
      shape.n_heads * (column.each == Each::head ? shape.n_layers : shape.n_layers - 1));
}

std::vector<Place> places_of(const config::Config& config, std::size_t parameters) {
  std::vector<Place> places;
  for (const config::ProbeName name : config::probes_of(config)) {
    for (const Column& column : probe_of(name).columns) {
      if (!has_column(column, config)) continue;
      const std::size_t count = count_of(column, config, parameters);
      for (std::size_t i = 0; i < count; ++i) places.push_back({&column, i});
    }
  }
  return places;
}

double Reading::operator[](std::string_view column) const {
  const auto at = std::ranges::find(places, column, [](const Place& p) { return p.column->name; });
  if (at == places.end()) return std::numeric_limits<double>::quiet_NaN();
  return values[static_cast<std::size_t>(at - places.begin())];
}

}  // namespace icl::probe
