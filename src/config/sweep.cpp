#include "icl/config/sweep.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "draft.hpp"
#include "icl/config/field_values.hpp"
#include "icl/config/toml.hpp"

namespace icl::config {
namespace {

constexpr std::array<std::string_view, 3> scale_names{"smoke", "desk", "paper"};
constexpr std::array<std::string_view, 2> kernel_names{"own", "avx2"};

std::string place(std::string_view source, const toml::key& key) {
  return fmt::format("{}:{}", source, key.source().begin.line);
}

/// The table under a key; nullptr if there is none.
const toml::table* find_table(const toml::table& parent, std::string_view key,
                              std::string_view source) {
  const auto found = parent.find(key);
  if (found == parent.end()) return nullptr;
  const auto* table = found->second.as_table();
  if (table == nullptr) {
    throw usage_error(place(source, found->first),
                      fmt::format("{}: expected a table, found {}", key, kind_of(found->second)));
  }
  return table;
}

void require_keys(const toml::table& table, std::span<const std::string_view> allowed,
                  std::string_view name, std::string_view source) {
  for (const auto& [key, node] : table) {
    if (std::ranges::find(allowed, key.str()) == allowed.end()) {
      throw usage_error(place(source, key), fmt::format("unknown key \"{}\" in {}; it may have {}",
                                                        key.str(), name, fmt::join(allowed, ", ")));
    }
  }
}

/// To twelve digits: 0.1 + 2 * 0.1 is the 0.3 that a list would name.
double rounded(double x) { return std::stod(fmt::format("{:.12g}", x)); }

/// A list of values in short: { from, to, step }, { linear, count } or { log, count }, with floor
/// and times.
class Spacing {
 public:
  Spacing(const toml::table& table, const Entry& entry) : table_(table), entry_(entry) {}

  [[nodiscard]] std::vector<Value> values() const {
    constexpr std::array<std::string_view, 8> keys{"from", "to",    "step",  "linear",
                                                   "log",  "count", "floor", "times"};
    for (const auto& [key, node] : table_) {
      if (std::ranges::find(keys, key.str()) == keys.end()) {
        fail(fmt::format("unknown key \"{}\"; a spacing has {}", key.str(), fmt::join(keys, ", ")));
      }
    }
    const bool range = table_.contains("from") || table_.contains("to");
    const bool linear = table_.contains("linear");
    const bool log = table_.contains("log");
    if (int{range} + int{linear} + int{log} != 1) {
      fail("expected one of {from, to}, {linear, count} and {log, count}");
    }
    if (range ? table_.contains("count") : table_.contains("step")) {
      fail(range ? "{from, to} takes step, not count" : "{linear} and {log} take count, not step");
    }
    std::vector<double> numbers = range ? stepped() : spaced(linear ? "linear" : "log", log);
    const bool floor = table_.contains("floor") && flag("floor");
    const double times = table_.contains("times") ? number(*table_.get("times"), "times") : 1;
    std::vector<Value> result;
    result.reserve(numbers.size());
    for (const double x : numbers) result.emplace_back((floor ? std::floor(x) : x) * times);
    return result;
  }

 private:
  [[noreturn]] void fail(std::string_view message) const {
    throw usage_error(entry_.where, fmt::format("{}: {}", entry_.name, message));
  }

  [[nodiscard]] double number(const toml::node& node, std::string_view what) const {
    const auto value = node.value<double>();
    if (!node.is_number() || !value || !std::isfinite(*value)) {
      fail(fmt::format("{}: expected a finite number, found {}", what, kind_of(node)));
    }
    return *value;
  }

  [[nodiscard]] double number(std::string_view key) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr) fail(fmt::format("{} is missing", key));
    return number(*node, key);
  }

  [[nodiscard]] bool flag(std::string_view key) const {
    const auto* value = table_.get(key)->as_boolean();
    if (value == nullptr) {
      fail(fmt::format("{}: expected true or false, found {}", key, kind_of(*table_.get(key))));
    }
    return value->get();
  }

  void require_count(double count) const {
    if (!(count >= 1) || count > static_cast<double>(most_axis_values)) {
      fail(fmt::format("expected from 1 to {} values, found {}", most_axis_values, count));
    }
  }

  /// from, from + step, ... up to `to`.
  [[nodiscard]] std::vector<double> stepped() const {
    const double from = number("from");
    const double to = number("to");
    const double step = table_.contains("step") ? number("step") : 1;
    if (!(step > 0)) fail(fmt::format("step = {} must be positive", step));
    if (to < from) fail(fmt::format("from = {} is greater than to = {}", from, to));
    // `to` itself belongs to the range even where (to - from) / step falls short by rounding.
    constexpr double slack = 1e-9;
    const double count = std::floor((to - from) / step * (1 + slack) + slack) + 1;
    require_count(count);
    std::vector<double> values;
    for (double i = 0; i < count; ++i) values.push_back(rounded(from + i * step));
    return values;
  }

  [[nodiscard]] std::vector<double> spaced(std::string_view key, bool log) const {
    const auto* ends = table_.get(key)->as_array();
    if (ends == nullptr || ends->size() != 2) {
      fail(fmt::format("{}: expected the two ends [first, last]", key));
    }
    double first = number(*ends->get(0), key);
    double last = number(*ends->get(1), key);
    const double count = number("count");
    require_count(count);
    if (count != std::floor(count)) fail(fmt::format("count = {} must be an integer", count));
    if (log && !(first > 0 && last > 0)) fail("the ends of log must be positive");
    if (log) {
      first = std::log10(first);
      last = std::log10(last);
    }
    const double step = count > 1 ? (last - first) / (count - 1) : 0;
    std::vector<double> values;
    for (double i = 0; i < count; ++i) {
      const double x = i > 0 && i + 1 == count ? last : i * step + first;
      values.push_back(log ? std::pow(10.0, x) : x);
    }
    return values;
  }

  const toml::table& table_;
  const Entry& entry_;
};

/// The values of an axis as they are written, not yet checked.
std::vector<Value> listed_values(const Entry& entry) {
  if (const auto* table = entry.node->as_table()) return Spacing(*table, entry).values();
  const auto* list = entry.node->as_array();
  if (list == nullptr) {
    throw usage_error(entry.where,
                      fmt::format("{}: expected a list of values, {{from, to, step}}, {{linear, "
                                  "count}} or {{log, count}}, found {}",
                                  entry.name, kind_of(*entry.node)));
  }
  std::vector<Value> values;
  for (const toml::node& node : *list) {
    const auto value = value_of(node);
    if (!value) {
      throw usage_error(entry.where,
                        fmt::format("{}: a value of the list is {}", entry.name, kind_of(node)));
    }
    values.push_back(*value);
  }
  if (values.empty()) {
    throw usage_error(entry.where, fmt::format("{}: the list is empty", entry.name));
  }
  return values;
}

/// Each value as the field holds it (1e5 as an integer), once.
std::vector<Value> distinct_values(const Field& field, const std::vector<Value>& values,
                                   std::string_view where) {
  std::vector<Value> distinct;
  std::set<Value> seen;
  Config scratch;
  for (const Value& value : values) {
    try {
      set(field, value, scratch);
    } catch (const Error& error) {
      throw usage_error(where, error.what());
    }
    Value held = get(field, scratch);
    if (seen.insert(held).second) distinct.push_back(std::move(held));
  }
  return distinct;
}

/// A sweep that is being put together from its base, a scale and overrides.
class SweepDraft {
 public:
  SweepDraft(const toml::table& document, std::string_view source)
      : document_(document), source_(source) {}

  void apply_base() {
    toml::table base = document_;
    base.erase("sweep");
    base.erase("scale");
    const std::vector<Entry> entries = entries_of(base, source_);
    for (const Entry& entry : entries) draft_.apply(entry);
    if (const auto* sweep = find_table(document_, "sweep", source_)) {
      constexpr std::array<std::string_view, 3> keys{"seeds", "kernels", "axes"};
      require_keys(*sweep, keys, "[sweep]", source_);
      apply_grid(*sweep);
      apply_kernels(*sweep);
      require_no_axes(entries);
    }
    if (const auto* all = find_table(document_, "scale", source_)) {
      require_keys(*all, scale_names, "[scale]", source_);
    }
  }

  void apply_scale(std::string_view scale) {
    const auto* all = find_table(document_, "scale", source_);
    const auto* chosen = all != nullptr ? find_table(*all, scale, source_) : nullptr;
    if (chosen == nullptr) {
      if (scale == "paper") return;
      throw Error(ExitCode::usage,
                  fmt::format("--scale {}: {} has no [scale.{}]", scale, source_, scale));
    }
    constexpr std::array<std::string_view, 4> keys{"seeds", "kernels", "set", "axes"};
    require_keys(*chosen, keys, fmt::format("[scale.{}]", scale), source_);
    std::vector<Entry> entries;
    if (const auto* settings = find_table(*chosen, "set", source_)) {
      entries = entries_of(*settings, source_);
    }
    for (const Entry& entry : entries) draft_.apply(entry);
    apply_grid(*chosen);
    apply_kernels(*chosen);
    require_no_axes(entries);
  }

  void apply_overrides(std::span<const std::string> overrides) {
    for (const std::string& text : overrides) {
      const std::string name = draft_.apply_override(text);
      if (is_axis(name)) {
        throw usage_error("--set " + text, fmt::format("{} is an axis of the sweep", name));
      }
    }
  }

  [[nodiscard]] Sweep finish() {
    const std::string_view seed = draft_.where("train.seed");
    if (!seed.empty()) {
      throw usage_error(seed, "train.seed: a sweep takes its seeds from sweep.seeds");
    }
    sweep_.base = draft_.config();
    if (draft_.where("record.snapshots").empty()) sweep_.base.record.snapshots = 0;
    // What the runs vary is no part of the base.
    for (const Axis& axis : sweep_.axes) set(*axis.field, get(*axis.field, Config{}), sweep_.base);
    return std::move(sweep_);
  }

 private:
  void require_no_axes(std::span<const Entry> settings) const {
    for (const Entry& entry : settings) {
      if (is_axis(entry.name)) {
        throw usage_error(entry.where, fmt::format("{} is an axis of the sweep too", entry.name));
      }
    }
  }

  [[nodiscard]] bool is_axis(std::string_view name) const {
    return std::ranges::any_of(sweep_.axes, [&](const Axis& a) { return a.field->name == name; });
  }

  void apply_grid(const toml::table& table) {
    if (const toml::node* seeds = table.get("seeds")) apply_seeds(table, *seeds);
    const auto* axes = find_table(table, "axes", source_);
    if (axes == nullptr) return;
    for (const Entry& entry : entries_of(*axes, source_)) apply_axis(entry);
  }

  void apply_seeds(const toml::table& table, const toml::node& node) {
    const Entry entry{"seeds", &node, place(source_, table.find("seeds")->first)};
    std::vector<Value> values;
    if (const auto* count = node.as_integer()) {
      if (count->get() < 1 || count->get() > static_cast<std::int64_t>(most_axis_values)) {
        throw usage_error(entry.where, fmt::format("seeds = {}: expected from 1 to {}",
                                                   count->get(), most_axis_values));
      }
      for (std::int64_t seed = 0; seed < count->get(); ++seed) values.emplace_back(seed);
    } else {
      values = listed_values(entry);
    }
    sweep_.seeds.clear();
    for (const Value& seed : distinct_values(*find_field("train.seed"), values, entry.where)) {
      sweep_.seeds.push_back(std::get<std::int64_t>(seed));
    }
  }

  void apply_kernels(const toml::table& sweep) {
    const toml::node* node = sweep.get("kernels");
    if (node == nullptr) return;
    const auto* name = node->as_string();
    const auto* const found =
        name == nullptr ? kernel_names.end() : std::ranges::find(kernel_names, name->get());
    if (found == kernel_names.end()) {
      throw usage_error(
          place(source_, sweep.find("kernels")->first),
          fmt::format("kernels: expected \"{}\"", fmt::join(kernel_names, "\" or \"")));
    }
    sweep_.kernels = static_cast<Kernels>(found - kernel_names.begin());
  }

  void apply_axis(const Entry& entry) {
    const Field* field = find_field(entry.name);
    if (field == nullptr) throw usage_error(entry.where, unknown_key(entry.name));
    if (field->name == "train.seed" || field->name == "record.publish_seconds") {
      throw usage_error(entry.where, field->name == "train.seed"
                                         ? "train.seed is no axis: set seeds"
                                         : "record.publish_seconds makes no other run");
    }
    Axis axis{field, distinct_values(*field, listed_values(entry), entry.where)};
    const auto same = std::ranges::find(sweep_.axes, field, &Axis::field);
    if (same != sweep_.axes.end()) {
      *same = std::move(axis);
    } else {
      sweep_.axes.push_back(std::move(axis));
    }
  }

  const toml::table& document_;
  std::string source_;
  Draft draft_;
  Sweep sweep_;
};

/// Seeds in a row are written by their ends.
std::string seeds_text(const std::vector<std::int64_t>& seeds) {
  const bool in_a_row = std::ranges::adjacent_find(seeds, [](std::int64_t a, std::int64_t b) {
                          return b != a + 1;
                        }) == seeds.end();
  return in_a_row && seeds.size() > 1
             ? fmt::format("{{ from = {}, to = {} }}", seeds.front(), seeds.back())
             : fmt::format("[{}]", fmt::join(seeds, ", "));
}

}  // namespace

Sweep load_sweep(const std::filesystem::path& file, std::optional<std::string_view> scale,
                 std::span<const std::string> overrides) {
  return parse_sweep(read_text(file, most_sweep_bytes), file.string(), scale, overrides);
}

Sweep parse_sweep(std::string_view text, const std::string& source_name,
                  std::optional<std::string_view> scale, std::span<const std::string> overrides) {
  const toml::table document = parse_document(text, source_name, most_sweep_bytes);
  SweepDraft draft(document, source_name);
  draft.apply_base();
  if (scale) draft.apply_scale(*scale);
  draft.apply_overrides(overrides);
  return draft.finish();
}

std::string to_toml(const Sweep& sweep) {
  std::vector<std::string_view> varied{"train.seed"};
  for (const Axis& axis : sweep.axes) varied.push_back(axis.field->name);
  std::string text = to_toml(sweep.base, varied);
  text += fmt::format("\n[sweep]\nseeds = {}\nkernels = \"{}\"\n", seeds_text(sweep.seeds),
                      kernel_names.at(static_cast<std::size_t>(sweep.kernels)));
  if (!sweep.axes.empty()) text += "\n[sweep.axes]\n";
  for (const Axis& axis : sweep.axes) {
    std::vector<std::string> values;
    for (const Value& value : axis.values) values.push_back(to_text(value));
    text += fmt::format("{} = [{}]\n", axis.field->name, fmt::join(values, ", "));
  }
  return text;
}

}  // namespace icl::config
