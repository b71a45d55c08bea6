#include "spacing.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>

#include "icl/config/sweep.hpp"
#include "node_value.hpp"

namespace icl::config {
namespace {

/// To twelve digits: 0.1 + 2 * 0.1 is the 0.3 that a list would name.
double rounded(double x) {
  const std::string text = fmt::format("{:.12g}", x);
  double value = x;  // stays, where from_chars finds nothing it can hold
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

bool is_whole(double x) { return x == std::trunc(x); }

/// A power of ten that misses a whole number by its own rounding is that number.
double mended(double power) {
  constexpr double rounding = 1e-13;
  const double whole = std::round(power);
  return std::abs(power - whole) <= rounding * power ? whole : power;
}

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
    for (const double x : numbers) {
      // floor is for settings of numpy, which floors a power as its rounding left it.
      const double value = (floor ? std::floor(x) : log ? mended(x) : x) * times;
      if (!std::isfinite(value)) {
        fail(fmt::format("value {} of it, times {}, is beyond {:.3g}, the largest number",
                         result.size() + 1, times, std::numeric_limits<double>::max()));
      }
      result.emplace_back(value);
    }
    return result;
  }

 private:
  [[noreturn]] void fail(std::string_view message) const {
    throw usage_error(entry_.where, fmt::format("{}: {}", entry_.name, message));
  }

  [[nodiscard]] double number(const toml::node& node, std::string_view what) const {
    constexpr std::int64_t exact = std::int64_t{1} << 53;
    if (const auto* whole = node.as_integer();
        whole != nullptr && (whole->get() > exact || whole->get() < -exact)) {
      fail(fmt::format("{} = {}: whole numbers go to 2^53, {}", what, whole->get(), exact));
    }
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
    const bool whole = is_whole(from) && is_whole(step);
    // `to` itself belongs to the range even where (to - from) / step falls short by rounding.
    constexpr double slack = 1e-9;
    const double count = std::floor((to - from) / step * (1 + slack) + slack) + 1;
    require_count(count);
    std::vector<double> values;
    for (double i = 0; i < count; ++i) {
      const double x = from + i * step;
      values.push_back(whole ? x : rounded(x));
    }
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

}  // namespace

std::vector<Value> listed_values(const Entry& entry, const Field& field) {
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
    const auto value = value_for(field, node);
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

}  // namespace icl::config
