#include "icl/run/stretches.hpp"

#include <algorithm>

namespace icl::run {

void write_stretches(store::Hdf5Writer& file, const std::string& path,
                     std::span<const Stretch> stretches) {
  std::vector<store::Column> columns;
  for (const StretchField& field : stretch_fields()) {
    std::visit(
        [&]<class T>(T Stretch::*const member) {
          std::vector<T> values;
          for (const Stretch& stretch : stretches) values.push_back(stretch.*member);
          columns.push_back({field.name, std::move(values)});
        },
        field.member);
  }
  file.table(path, "what each process trained, and where", columns);
}

Provenance read_stretches(const store::Hdf5Reader& file, const std::string& path) {
  const std::vector<store::Column> columns = file.table(path);
  Provenance stretches(
      std::visit([](const auto& values) { return values.size(); },
                 columns.empty() ? decltype(store::Column::values){} : columns[0].values));
  for (const StretchField& field : stretch_fields()) {
    const auto column = std::ranges::find(columns, field.name, &store::Column::name);
    if (column == columns.end()) continue;
    std::visit(
        [&]<class T>(T Stretch::*const member) {
          const auto* values = std::get_if<std::vector<T>>(&column->values);
          for (std::size_t i = 0; values != nullptr && i < values->size(); ++i) {
            stretches[i].*member = (*values)[i];
          }
        },
        field.member);
  }
  return stretches;
}

}  // namespace icl::run
