#include "icl/run/config_group.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "icl/config/field_values.hpp"
#include "icl/config/loss.hpp"
#include "icl/config/system.hpp"
#include "icl/task/seeds.hpp"

namespace icl::run {
namespace {

double number(config::Diversity K) {
  return K.is_infinite() ? std::numeric_limits<double>::infinity() : static_cast<double>(K.count());
}

}  // namespace

void write_config(store::Hdf5Writer& file, const std::string& toml, const config::Config& config,
                  std::span<const std::string_view> varied) {
  file.text("/config/toml", toml);
  for (const config::Field& field : config::fields()) {
    if (std::ranges::find(varied, field.name) != varied.end()) continue;
    const std::string name(field.name);
    if (std::holds_alternative<config::DiversityAccess>(field.access)) {
      file.attribute("/config", name, number(config.data.K));
      continue;
    }
    const config::Value value = config::get(field, config);
    if (const auto* integer = std::get_if<std::int64_t>(&value)) {
      file.attribute("/config", name, *integer);
    } else if (const auto* real = std::get_if<double>(&value)) {
      file.attribute("/config", name, *real);
    } else if (const auto* text = std::get_if<std::string>(&value)) {
      file.attribute("/config", name, store::attribute_text(*text));
    } else if (const auto* on = std::get_if<bool>(&value)) {
      file.attribute("/config", name, std::int64_t{*on ? 1 : 0});
    }
  }
  if (!varied.empty()) return;
  // The seeds in force where the configuration leaves them to train.seed.
  const task::Seeds seeds(config);
  if (!config.seed.init) file.attribute("/config", "seed.init", seeds.init);
  if (!config.seed.items) file.attribute("/config", "seed.items", seeds.items);
  if (!config.seed.labels) file.attribute("/config", "seed.labels", seeds.labels);
  if (!config.seed.novel) file.attribute("/config", "seed.novel", seeds.novel);
  if (!config.seed.data) file.attribute("/config", "seed.data", seeds.data);
  if (!config.seed.eval) file.attribute("/config", "seed.eval", seeds.eval);
  if (config.record.activations && !config.seed.probe) {
    file.attribute("/config", "seed.probe", seeds.probe);
  }
}

std::string title_of(const config::Config& config) {
  return fmt::format("{}{}, K = {}, N = {}, seed {}", config::row_of(config.model.system).title,
                     config.data.task ? fmt::format(", {}", config::word(*config.data.task)) : "",
                     number(config.data.K), config.data.N, config.train.seed);
}

std::vector<std::string> chief_metrics(const config::Config& config) {
  if (!config::row_of(config::asked_of(config).loss).judges) {
    return {"icl_loss", "iwl_loss", "train_loss"};
  }
  if (config::row_of(config.model.system).has.context) {
    return {"icl_accuracy", "iwl_accuracy", "train_accuracy"};
  }
  return {"iwl_accuracy", "train_accuracy"};
}

void say_which_run(store::GroupWriter& group, const config::Config& config) {
  group.attribute("K", number(config.data.K));
  group.attribute("N", config.data.N);
  group.attribute("seed", config.train.seed);
  group.attribute("system", std::string(config::word(config.model.system)));
}

}  // namespace icl::run
