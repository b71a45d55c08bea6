#include "icl/cli/json.hpp"

#include <cmath>

#include "icl/config/field_values.hpp"

namespace icl::cli {

Json to_json(const config::Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return *integer;
  if (const auto* on = std::get_if<bool>(&value)) return *on;
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* number = std::get_if<double>(&value)) {
    if (std::isinf(*number)) return "inf";
    if (!std::isnan(*number)) return *number;
  }
  return nullptr;
}

Json to_json(const config::Config& config) {
  Json json = Json::object();
  for (const config::Field& field : config::fields()) {
    json[std::string(field.name)] = to_json(config::get(field, config));
  }
  return json;
}

Json to_json(const run::Stretch& stretch) {
  Json json = Json::object();
  for (const run::StretchField& field : run::stretch_fields()) {
    json[field.name] =
        std::visit([&](const auto member) { return Json(stretch.*member); }, field.member);
  }
  return json;
}

std::string json_text(const Json& json) {
  return json.dump(2, ' ', true, Json::error_handler_t::replace) + "\n";
}

}  // namespace icl::cli
