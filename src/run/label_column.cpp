#include "icl/run/label_column.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <span>

namespace icl::run {

LabelColumn::LabelColumn(const config::Config& config) {
  const config::Asked asked = config::asked_of(config);
  if (asked.loss == config::LossKind::cross_entropy) count_ = asked.outputs;
}

std::string LabelColumn::values() const {
  return count_ ? fmt::format("1 to {}", *count_) : "+1 or -1";
}

void LabelColumn::write(store::GroupWriter& group, const std::string& name,
                        const std::vector<std::string>& axes, const store::Extents& shape,
                        const std::vector<Label>& labels, const store::Caption& caption) const {
  if (count_) {
    group.dataset(name, axes, shape, std::span<const std::int32_t>(labels), caption);
    return;
  }
  std::vector<std::int8_t> signs;
  signs.reserve(labels.size());
  for (const Label label : labels) signs.push_back(static_cast<std::int8_t>(label));
  group.dataset(name, axes, shape, std::span<const std::int8_t>(signs), caption);
}

std::vector<Label> LabelColumn::read(const store::Hdf5Reader& file, const std::string& dataset,
                                     const store::Extents& shape) const {
  if (count_) return file.read<std::int32_t>(dataset, shape);
  const std::vector<std::int8_t> signs = file.read<std::int8_t>(dataset, shape);
  return {signs.begin(), signs.end()};
}

}  // namespace icl::run
