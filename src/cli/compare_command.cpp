#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "icl/cli/json.hpp"
#include "icl/config/field_values.hpp"
#include "icl/core/message.hpp"
#include "icl/run/decode.hpp"
#include "icl/run/encode.hpp"
#include "icl/store/compare.hpp"
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

Json difference_json(const std::vector<SettingDifference>& settings,
                     const NumbersCompared& numbers) {
  Json json;
  json["settings"] = Json::object();
  for (const SettingDifference& one : settings) {
    json["settings"][std::string(one.field->name)] = {to_json(one.a), to_json(one.b)};
  }
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

void print_text(const std::vector<SettingDifference>& settings, const NumbersCompared& numbers) {
  if (settings.empty()) print("settings: all equal\n");
  for (const SettingDifference& one : settings) {
    print(fmt::format("{:<30} {}  {}\n", one.field->name, printable(config::to_text(one.a)),
                      printable(config::to_text(one.b))));
  }
  if (numbers.first) {
    print(fmt::format("numbers: differ from step {} on, first {}: {} and {}\n", numbers.first->step,
                      numbers.first->name, numbers.first->a, numbers.first->b));
  } else {
    print(fmt::format("numbers: equal in {} common evaluations and {} common snapshots\n",
                      numbers.evaluations, numbers.snapshots));
  }
  if (!numbers.elsewhere.empty()) print(printable(numbers.elsewhere) + "\n");
}

ExitCode run(const CompareCommand& command) {
  const run::RunRecord a = run::read_run(command.a).record;
  const run::RunRecord b = run::read_run(command.b).record;
  const auto settings = differing_settings(a.config, b.config);
  NumbersCompared numbers;
  compare_metrics(a, b, numbers);
  compare_snapshots(a, b, numbers);
  if (!numbers.first && settings.empty()) {
    const auto rest = store::first_difference(run::encode(a), run::encode(b), {.except = "/provenance"});
    if (rest) {
      numbers.elsewhere = fmt::format("else, with the first file as expected: {}", *rest);
    }
  }
  if (command.json) {
    print(json_text(difference_json(settings, numbers)));
  } else {
    print_text(settings, numbers);
  }
  const bool same = settings.empty() && !numbers.first && numbers.elsewhere.empty();
  return same ? ExitCode::done : ExitCode::check_failed;
}

}  // namespace

void commands::compare(Command& program) {
  Command& compare =
      program.add_command("compare", "In which settings two runs differ, and from which step on");
  auto& to = compare.set_action<CompareCommand>(run);
  compare.add_example("icl compare run.h5 other.h5", "Settings that differ, and the first number");
  compare.add_example("icl compare run.h5 other.h5 --json", "The same for programs");
  compare.add({.names = "A.h5", .to = &to.a, .doc = "A run file", .required = true});
  compare.add({.names = "B.h5", .to = &to.b, .doc = "Another", .required = true});
  compare.add({.names = "--json", .to = &to.json, .doc = "As JSON"});
  compare.set_footer(
      "Numbers are compared bit by bit, at the steps that both runs have. Ends with 0 if all is\n"
      "equal (but for when, where and how fast they were trained), with 1 if something differs.");
}

}  // namespace icl::cli
