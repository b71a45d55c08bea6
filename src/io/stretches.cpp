#include "icl/io/stretches.hpp"

#include <algorithm>

namespace icl::io {

void write_stretches(Hdf5Writer& file, const std::string& path,
                     std::span<const Stretch> stretches) {
  std::vector<Column> columns;
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

Provenance read_stretches(const Hdf5Reader& file, const std::string& path) {
  const std::vector<Column> columns = file.table(path);
  Provenance stretches(
      std::visit([](const auto& values) { return values.size(); },
                 columns.empty() ? decltype(Column::values){} : columns[0].values));
  for (const StretchField& field : stretch_fields()) {
    const auto column = std::ranges::find(columns, field.name, &Column::name);
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

}  // namespace icl::io
