#include "icl/task/given_items.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <utility>

#include "icl/core/error.hpp"
#include "icl/core/random.hpp"
#include "icl/task/seeds.hpp"

namespace icl::task {
namespace {

using Classes = std::span<const std::int64_t>;

[[noreturn]] void refuse(const std::string& message) { throw Error(ExitCode::usage, message); }

std::string name_of_items(const config::Config& config) {
  return config.data.items.value_or("data.items");
}

std::string name_of_novel_items(const config::Config& config) {
  return config.data.novel_items.value_or("data.novel_items");
}

[[maybe_unused]] bool is_consistent(const ItemTable& table) {
  const auto size = static_cast<std::size_t>(table.classes * table.exemplars) *
                    static_cast<std::size_t>(table.dimension);
  const bool labelled = table.labels.size() == static_cast<std::size_t>(table.classes);
  return size > 0 && table.rows.size() == size && (table.labels.empty() || labelled);
}

void check_finite(const ItemTable& table, const std::string& name) {
  const auto at = std::ranges::find_if_not(table.rows, [](float x) { return std::isfinite(x); });
  if (at == table.rows.end()) return;
  const std::int64_t index = at - table.rows.begin();
  const std::int64_t row = index / table.dimension;
  const std::string place =
      table.exemplars == 1 ? fmt::format("{}", row)
                           : fmt::format("[{}, {}]", row / table.exemplars, row % table.exemplars);
  throw Error(ExitCode::bad_input,
              fmt::format("'{}': row {}, column {} (counted from 0) is {}, not a finite float32",
                          name, place, index % table.dimension, *at));
}

/// The numbers 0 to count - 1 in uniformly random order.
std::vector<std::int64_t> shuffled(std::int64_t seed, std::int64_t count) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  // Fisher-Yates, as in draw_labels().
  for (std::size_t k = order.size() - 1; k > 0; --k) {
    const Stream stream(static_cast<std::uint64_t>(seed), Purpose::item_split, 0, k);
    const auto other = stream.below(static_cast<std::uint32_t>(k + 1), 0, stream.block(0)[0]);
    std::swap(order[k], order[other]);
  }
  return order;
}

/// How many of the classes are held out.
std::int64_t held_out(double fraction, std::int64_t classes) {
  constexpr std::int64_t fewest_for_training = 2;
  const std::int64_t most = std::max<std::int64_t>(classes - fewest_for_training, 1);
  const std::int64_t share = std::llround(fraction * static_cast<double>(classes));
  return std::clamp<std::int64_t>(share, 1, most);
}

/// The table of these classes, in this order.
ItemTable select(const ItemTable& table, Classes classes) {
  ItemTable selected;
  selected.classes = static_cast<std::int64_t>(classes.size());
  selected.exemplars = table.exemplars;
  selected.dimension = table.dimension;
  const std::int64_t width = table.exemplars * table.dimension;
  selected.rows.reserve(classes.size() * static_cast<std::size_t>(width));
  for (const std::int64_t k : classes) {
    const auto first = table.rows.begin() + k * width;
    selected.rows.insert(selected.rows.end(), first, first + width);
    if (!table.labels.empty()) {
      selected.labels.push_back(table.labels[static_cast<std::size_t>(k)]);
    }
  }
  return selected;
}

constexpr const char* how_to_turn =
    "each row is an item (MATLAB, Julia, R and Fortran write the axes of an array in reverse "
    "order: "
    "write X.' there, or permute(X, [3 2 1]) with exemplars; in h5py: data=x.T)";

std::string shape_of(const ItemTable& table) {
  return table.exemplars == 1
             ? fmt::format("[{}, {}]", table.classes, table.dimension)
             : fmt::format("[{}, {}, {}]", table.classes, table.exemplars, table.dimension);
}

void check_dimensions(const config::Config& config, const ItemTable& all,
                      const std::optional<ItemTable>& novel) {
  if (novel && novel->dimension != all.dimension) {
    refuse(fmt::format(
        "data.novel_items = \"{}\": its items have {} entries, but those of "
        "data.items = \"{}\" have {}",
        name_of_novel_items(config), novel->dimension, name_of_items(config), all.dimension));
  }
  if (config.data.D != all.dimension && config.data.D == all.classes) {
    refuse(fmt::format(
        "data.D = {}, but the items of '{}' have {} entries: its shape {} looks "
        "transposed; {}",
        config.data.D, name_of_items(config), all.dimension, shape_of(all), how_to_turn));
  }
  if (config.data.D != all.dimension) {
    refuse(fmt::format("data.D = {}, but the items have {} entries: set data.D = {}", config.data.D,
                       all.dimension, all.dimension));
  }
}

/// The number of training items, K.
std::int64_t training_count(const config::Config& config, const ItemTable& all,
                            std::int64_t for_training) {
  const std::int64_t classes = all.classes;
  const config::Diversity K = config.data.K;
  if (K.is_infinite()) {
    refuse(
        fmt::format("data.K = inf, but data.items = \"{}\" has only {} classes: every item is "
                    "new at data.K = inf",
                    name_of_items(config), classes));
  }
  if (K.count() > for_training) {
    // As many items as asked for would be there if its columns were the items.
    const bool perhaps_transposed = all.classes < all.dimension && K.count() <= all.dimension;
    refuse(fmt::format("data.K = {}, but '{}' has {} classes, of which {} are for training{}",
                       K.count(), name_of_items(config), classes, for_training,
                       perhaps_transposed
                           ? fmt::format("; if the items are the columns of its shape {}, it is "
                                         "transposed: {}",
                                         shape_of(all), how_to_turn)
                           : ""));
  }
  return K.count();
}

void check_labels(const config::Config& config, const std::vector<Label>& labels) {
  const auto is_another = [&](Label label) { return label != labels.front(); };
  if (labels.empty() || std::ranges::any_of(labels, is_another)) return;
  refuse(
      fmt::format("data.K = {}: these classes of '{}' all have the label {}; set a larger "
                  "data.K or another seed.items",
                  labels.size(), name_of_items(config),
                  config.data.label_count ? fmt::format("{}", labels.front())
                                          : fmt::format("{:+d}", labels.front())));
}

/// Error(usage) if an entry leaves the range of float.
void multiply(ItemTable& table, double factor, const std::string& name) {
  constexpr double largest = std::numeric_limits<float>::max();
  for (float& entry : table.rows) {
    const double scaled = entry * factor;
    if (std::abs(scaled) > largest) {
      refuse(
          fmt::format("data.scale = \"unit\": an entry {} of '{}' times {} is too large for "
                      "float32",
                      entry, name, factor));
    }
    entry = static_cast<float>(scaled);
  }
}

/// x <- x / sqrt(mean |x|^2), the mean over the training rows.
void scale_to_unit(const config::Config& config, GivenItems& items) {
  double sum = 0;
  for (const float entry : items.training.rows) sum += static_cast<double>(entry) * entry;
  if (sum == 0) {
    refuse(fmt::format("data.scale = \"unit\", but all {} training items of '{}' are zero",
                       items.training.classes, name_of_items(config)));
  }
  const auto rows = static_cast<double>(items.training.classes * items.training.exemplars);
  const double factor = std::sqrt(rows / sum);
  multiply(items.training, factor, name_of_items(config));
  multiply(items.novel, factor, config.data.novel_items.value_or(name_of_items(config)));
}

}  // namespace

GivenItems choose_items(const config::Config& config, const ItemTable& all,
                        std::optional<ItemTable> novel) {
  assert(is_consistent(all) && (!novel || is_consistent(*novel)));
  check_dimensions(config, all, novel);
  const std::int64_t held = novel ? 0 : held_out(config.data.novel_fraction, all.classes);
  const std::int64_t count = training_count(config, all, all.classes - held);
  check_finite(all, name_of_items(config));
  if (novel) check_finite(*novel, name_of_novel_items(config));

  const std::vector<std::int64_t> order = shuffled(Seeds(config).items, all.classes);
  const auto first = static_cast<std::size_t>(held);
  GivenItems items;
  items.training = select(all, Classes(order).subspan(first, static_cast<std::size_t>(count)));
  items.novel = novel ? *std::move(novel) : select(all, Classes(order).first(first));
  check_labels(config, items.training.labels);
  if (config.data.scale == config::ItemScale::unit) scale_to_unit(config, items);
  return items;
}

}  // namespace icl::task
