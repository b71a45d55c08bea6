#include <fmt/format.h>

#include "icl/cli/json.hpp"
#include "icl/core/message.hpp"
#include "icl/io/decode.hpp"
#include "options.hpp"

namespace icl::cli {
namespace {

struct InfoCommand {
  std::filesystem::path run;
  bool json = false;
};

Json describe(const io::RunRecord& run) {
  Json json;
  json["status"] = io::to_string(run.status);
  json["stop_reason"] = run.stop_reason.empty() ? Json(nullptr) : Json(run.stop_reason);
  json["step"] = run.step;
  json["last_step"] = run.config.train.epochs * run.config.train.steps_per_epoch;
  json["t_icl_step"] = run.t_icl_step ? Json(*run.t_icl_step) : Json(nullptr);
  json["t_icl_step_refined"] = run.t_icl_refined ? Json(*run.t_icl_refined) : Json(nullptr);
  json["final"] = Json::object();
  if (!run.metric_steps.empty()) {
    json["final"]["step"] = run.metric_steps.back();
    for (std::size_t i = 0; i < run.metrics.size(); ++i) {
      json["final"][run.columns[i].name] = to_json(config::Value(run.metrics[i].back()));
    }
  }
  json["evaluations"] = run.metric_steps.size();
  json["snapshots"] = run.snapshot_steps;
  json["config"] = to_json(run.config);
  json["config_xxh128"] = io::config_hash(run.config);
  json["provenance"] = Json::array();
  for (const io::Stretch& stretch : run.provenance) json["provenance"].push_back(to_json(stretch));
  return json;
}

/// One indented line for each value; objects open a block of their own.
void print_text(const Json& json, int indent) {
  for (const auto& [key, value] : json.items()) {
    if (value.is_object()) {
      print(fmt::format("{:{}}{}\n", "", indent, printable(key)));
      print_text(value, indent + 2);
    } else if (key == "provenance") {
      for (const Json& stretch : value) {
        print(fmt::format("trained from step {}\n", stretch["from_step"].dump()));
        print_text(stretch, 2);
      }
    } else {
      print(fmt::format("{:{}}{:<{}} {}\n", "", indent, printable(key), 30 - indent,
                        value.is_string() ? printable(value.get<std::string>())
                        : value.is_null() ? "-"
                                          : value.dump()));
    }
  }
}

ExitCode run(const InfoCommand& command) {
  const Json json = describe(io::read_run(command.run).record);
  if (command.json) {
    print(json_text(json));
  } else {
    print_text(json, 0);
  }
  return ExitCode::done;
}

}  // namespace

void add_info(Command& program) {
  Command& info = program.add_command("info", "Say what a run file holds");
  auto& to = info.set_action<InfoCommand>(run);
  info.add_example("icl info run.h5", "Where a run stands, and how it went");
  info.add_example("icl info run.h5 --json", "The same and more, for programs");
  info.add({.names = "RUN.h5", .to = &to.run, .doc = "Run file", .required = true});
  info.add({.names = "--json", .to = &to.json, .doc = "As JSON"});
}

}  // namespace icl::cli
