#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "icl/cli/json.hpp"
#include "icl/config/field_values.hpp"
#include "icl/config/spelling.hpp"
#include "icl/config/sweep.hpp"
#include "icl/config/toml.hpp"
#include "icl/core/message.hpp"
#include "icl/run/decode.hpp"
#include "icl/run/encode.hpp"
#include "icl/store/compare.hpp"
#include "icl/store/contents.hpp"
#include "options.hpp"

namespace icl::cli {
namespace {

struct CompareCommand {
  std::filesystem::path a;
  std::filesystem::path b;
  bool json = false;
};

struct SettingDifference {
  const config::Field* field;
  config::Value a;
  config::Value b;
};

std::vector<SettingDifference> differing_settings(const config::Config& a,
                                                  const config::Config& b) {
  std::vector<SettingDifference> all;
  for (const config::Field& field : config::fields()) {
    SettingDifference one{&field, config::get(field, a), config::get(field, b)};
    if (one.a != one.b) all.push_back(std::move(one));
  }
  return all;
}

/// A number that is in both runs and not the same.
struct NumberDifference {
  std::int64_t step;
  std::string name;
  double a;
  double b;
};

/// What the numbers of two runs say of each other.
struct NumbersCompared {
  std::optional<NumberDifference> first;
  std::size_t evaluations = 0;  ///< at steps that both have
  std::size_t snapshots = 0;
  std::string elsewhere = {};  ///< a difference beside evaluations and snapshots
};

constexpr std::string_view with_first_as_expected = "with the first file as expected";

/// Bits are compared: so a NaN equals itself, and -0 is not 0.
bool same_bits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

/// Calls visit(i, j) for each step that both have, in order, until it returns false.
template <typename Visit>
void for_common_steps(const std::vector<std::int64_t>& a, const std::vector<std::int64_t>& b,
                      const Visit& visit) {
  for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    if (a[i] == b[j] && !visit(i, j)) return;
    const bool next_b = b[j] <= a[i];
    if (a[i] <= b[j]) ++i;
    if (next_b) ++j;
  }
}

void compare_metrics(const run::RunRecord& a, const run::RunRecord& b, NumbersCompared& result) {
  for_common_steps(a.metric_steps, b.metric_steps, [&](std::size_t i, std::size_t j) {
    ++result.evaluations;
    for (std::size_t m = 0; m < a.columns.size(); ++m) {
      const auto other = run::column(b, a.columns[m].name);
      if (other.empty() || same_bits(a.metrics[m][i], other[j])) continue;
      result.first = {a.metric_steps[i], a.columns[m].name, a.metrics[m][i], other[j]};
      return false;
    }
    return true;
  });
}

/// Snapshots before a difference that is known already; parameters of other shapes are no numbers
/// to compare.
void compare_snapshots(const run::RunRecord& a, const run::RunRecord& b, NumbersCompared& result) {
  if (a.parameters != b.parameters) return;
  for_common_steps(a.snapshot_steps, b.snapshot_steps, [&](std::size_t i, std::size_t j) {
    const std::int64_t step = a.snapshot_steps[i];
    if (result.first && result.first->step <= step) return false;
    ++result.snapshots;
    for (std::size_t p = 0; p < a.parameters.size(); ++p) {
      const std::size_t size = a.snapshots[p].size() / a.snapshot_steps.size();
      for (std::size_t k = 0; k < size; ++k) {
        const double x = a.snapshots[p][i * size + k];
        const double y = b.snapshots[p][j * size + k];
        if (same_bits(x, y)) continue;
        result.first = {step, fmt::format("{}[{}]", a.parameters[p].name, k), x, y};
        return false;
      }
    }
    return true;
  });
}

/// The table of a fixed set in which two differ first; nothing if they are the same.
std::optional<std::string_view> differing_table(const probe::FixedSequences& a,
                                                const probe::FixedSequences& b) {
  if (a == b) return std::nullopt;
  if (a.count != b.count || a.length != b.length || a.dimension != b.dimension) return "shape";
  if (a.x != b.x) return "x";
  if (a.label != b.label) return "label";
  if (a.answer != b.answer) return "answer";
  if (a.copy != b.copy) return "copy";
  return a.novel != b.novel ? "novel" : "item";
}

/// Activations that both recorded of the same sequences, up to a difference that is known already.
void compare_activations(const run::RunRecord& a, const run::RunRecord& b,
                         NumbersCompared& result) {
  if (a.probe_set.count == 0 || b.probe_set.count == 0) return;
  if (const auto table = differing_table(a.probe_set, b.probe_set)) {
    result.elsewhere = fmt::format("/probe_set: other sequences, first in {}", *table);
    return;
  }
  const auto of_a = probe::activation_shapes(a.config);
  const auto of_b = probe::activation_shapes(b.config);
  for_common_steps(a.snapshot_steps, b.snapshot_steps, [&](std::size_t i, std::size_t j) {
    const std::int64_t step = a.snapshot_steps[i];
    if (result.first && result.first->step <= step) return false;
    for (std::size_t t = 0; t < of_a.size(); ++t) {
      const auto other = std::ranges::find(of_b, of_a[t]);
      if (other == of_b.end()) continue;
      const auto& values = b.activations[static_cast<std::size_t>(other - of_b.begin())];
      const std::size_t size = a.activations[t].size() / a.snapshot_steps.size();
      for (std::size_t k = 0; k < size; ++k) {
        const double x = a.activations[t][i * size + k];
        const double y = values[j * size + k];
        if (same_bits(x, y)) continue;
        result.first = {step, fmt::format("activations/{}[{}]", of_a[t].row->name, k), x, y};
        return false;
      }
    }
    return true;
  });
}

Json settings_json(const std::vector<SettingDifference>& settings) {
  Json json = Json::object();
  for (const SettingDifference& one : settings) {
    json[std::string(one.field->name)] = {to_json(one.a), to_json(one.b)};
  }
  return json;
}

Json difference_json(const std::vector<SettingDifference>& settings,
                     const NumbersCompared& numbers) {
  Json json;
  json["settings"] = settings_json(settings);
  json["first_difference"] = nullptr;
  if (const auto& first = numbers.first) {
    json["first_difference"] = {
        {"step", first->step},
        {"name", first->name},
        {"values", {to_json(config::Value(first->a)), to_json(config::Value(first->b))}}};
  }
  json["common_evaluations"] = numbers.evaluations;
  json["common_snapshots"] = numbers.snapshots;
  json["elsewhere"] = numbers.elsewhere.empty() ? Json(nullptr) : Json(numbers.elsewhere);
  return json;
}

void print_settings(const std::vector<SettingDifference>& settings) {
  if (settings.empty()) print("settings: all equal\n");
  for (const SettingDifference& one : settings) {
    print(fmt::format("{:<30} {}  {}\n", one.field->name, printable(config::to_text(one.a)),
                      printable(config::to_text(one.b))));
  }
}

void print_text(const std::vector<SettingDifference>& settings, const NumbersCompared& numbers) {
  print_settings(settings);
  if (numbers.first) {
    print(fmt::format("numbers: differ from step {} on, first {}: {} and {}\n", numbers.first->step,
                      numbers.first->name, numbers.first->a, numbers.first->b));
  } else {
    print(fmt::format("numbers: equal in {} common evaluations and {} common snapshots\n",
                      numbers.evaluations, numbers.snapshots));
  }
  if (!numbers.elsewhere.empty()) print(printable(numbers.elsewhere) + "\n");
}

ExitCode compare_runs(const CompareCommand& command) {
  run::RunRecord a = run::read_run(command.a).record;
  run::RunRecord b = run::read_run(command.b).record;
  for (run::RunRecord* run : {&a, &b}) run->config = config::respelled(run->config);
  const auto settings = differing_settings(a.config, b.config);
  NumbersCompared numbers;
  compare_metrics(a, b, numbers);
  compare_snapshots(a, b, numbers);
  compare_activations(a, b, numbers);
  if (!numbers.first && numbers.elsewhere.empty() && settings.empty()) {
    const auto rest =
        store::first_difference(run::encode(a), run::encode(b), {.except = {"/provenance"}});
    if (rest) numbers.elsewhere = fmt::format("else, {}: {}", with_first_as_expected, *rest);
  }
  if (command.json) {
    print(json_text(difference_json(settings, numbers)));
  } else {
    print_text(settings, numbers);
  }
  const bool same = settings.empty() && !numbers.first && numbers.elsewhere.empty();
  return same ? ExitCode::done : ExitCode::check_failed;
}

/// The configuration that a file of the kind holds: of a merged sweep that of its base; the default
/// of a file that holds none.
config::Config config_in(const std::filesystem::path& file, store::FileKind kind) {
  const std::string text = store::contents_of(file, kind).toml;
  if (text.empty()) return {};
  const std::string name = file.string() + ":/config/toml";
  return kind == store::FileKind::sweep ? config::parse_sweep(text, name).base
                                        : config::parse(text, name);
}

/// Two merged sweeps, or two of the other files that this program writes: the first difference of
/// any of their tables, or else of what is around them.
ExitCode compare_contents(const CompareCommand& command, store::FileKind kind) {
  const auto settings = differing_settings(config_in(command.a, kind), config_in(command.b, kind));
  auto difference = store::first_difference_of_files(command.a, command.b, kind,
                                                     {.except = {"/provenance", "/config", "/"}});
  if (!difference) {
    difference =
        store::first_difference_of_files(command.a, command.b, kind, {.except = {"/provenance"}});
  }
  if (command.json) {
    print(json_text(Json{{"settings", settings_json(settings)},
                         {"difference", difference ? Json(*difference) : Json(nullptr)}}));
  } else {
    print_settings(settings);
    print(difference ? fmt::format("contents: differ, {}: {}\n", with_first_as_expected,
                                   printable(*difference))
                     : "contents: equal\n");
  }
  return settings.empty() && !difference ? ExitCode::done : ExitCode::check_failed;
}

ExitCode run(const CompareCommand& command) {
  const store::FileLook look = store::look_at(command.a);
  if (look == store::look_at(command.b)) {
    if (look == store::FileLook::data) return compare_contents(command, store::FileKind::data);
    if (look == store::FileLook::sweep) return compare_contents(command, store::FileKind::sweep);
  }
  return compare_runs(command);
}

}  // namespace

void commands::compare(Command& program) {
  Command& compare = program.add_command(
      "compare", "In which settings two files differ, and in which number first");
  auto& to = compare.set_action<CompareCommand>(run);
  compare.add_example("icl compare run.h5 other.h5", "Settings that differ, and the first number");
  compare.add_example("icl compare run.h5 other.h5 --json", "The same for programs");
  compare.add({.names = "A.h5",
               .to = &to.a,
               .doc = "A run, merged sweep, export, landscape or probe file",
               .required = true});
  compare.add({.names = "B.h5", .to = &to.b, .doc = "Another of the same kind", .required = true});
  compare.add({.names = "--json", .to = &to.json, .doc = "As JSON"});
  compare.set_footer(
      "Numbers are compared bit by bit, those of runs at the steps that both have. Ends with 0 if\n"
      "all is equal (but for when, where and how fast they were trained), with 1 if something\n"
      "differs.");
}

}  // namespace icl::cli
