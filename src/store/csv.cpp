#include "icl/store/csv.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace icl::store {
namespace {

std::string csv_field(std::int64_t value) { return fmt::format("{}", value); }

std::string csv_field(double value) {
  if (std::isnan(value)) return {};
  if (std::isinf(value)) return value > 0 ? "Inf" : "-Inf";
  return fmt::format("{}", value);
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + '"';
}

}  // namespace

std::string to_csv(std::span<const Column> columns) {
  std::string csv;
  std::size_t rows = 0;
  const auto separate = [&](std::size_t i) { csv += i + 1 < columns.size() ? "," : "\r\n"; };
  for (std::size_t i = 0; i < columns.size(); ++i) {
    csv += csv_field(columns[i].name);
    separate(i);
    rows = std::visit([](const auto& values) { return values.size(); }, columns[i].values);
  }
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      csv += std::visit([&](const auto& values) { return csv_field(values.at(row)); },
                        columns[i].values);
      separate(i);
    }
  }
  return csv;
}

}  // namespace icl::store
