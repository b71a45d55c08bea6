#include "icl/run/items_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cassert>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "icl/core/error.hpp"
#include "icl/store/envelope.hpp"
#include "icl/store/file.hpp"
#include "icl/store/isolated.hpp"
#include "icl/store/stored_table.hpp"
#include "icl/store/table_source.hpp"

namespace icl::run {
namespace {

constexpr std::uint64_t most_bytes = std::uint64_t{16} << 30U;  // of the values of a dataset
/// Rows are numbered by std::int32_t, and as many as data.K may be.
constexpr std::uint64_t most_rows = (std::uint64_t{1} << 31U) - 2;

/// FILE:/DATASET, taken apart.
struct Source {
  std::string file;
  std::string dataset;  ///< "/group/name"
};

struct Loaded {
  task::ItemTable table;
  std::string digest;  ///< shape and hashes
};

Source split(const std::string& text) {
  const std::size_t colon = text.rfind(":/");
  assert(colon != std::string::npos);  // checked by config::set()
  Source source{text.substr(0, colon), text.substr(colon + 1)};
  while (source.dataset.size() > 1 && source.dataset.back() == '/') source.dataset.pop_back();
  return source;
}

/// The same with the file as it was found, by the current folder or that of `places`.
Source find(const std::string& text, const ItemPlaces& places) {
  namespace fs = std::filesystem;
  Source source = split(text);
  const fs::path file = source.file;
  if (file.is_absolute()) return source;
  std::error_code error;
  std::vector<std::string> looked;
  for (const fs::path& folder : {fs::path(), places.folder}) {
    if (folder.empty() && !looked.empty()) continue;
    const fs::path at = folder / file;
    if (fs::exists(at, error)) {
      source.file = at.string();
      return source;
    }
    const std::string place = fs::absolute(at, error).lexically_normal().string();
    if (looked.empty() || looked.back() != place) looked.push_back(place);
  }
  throw Error(ExitCode::bad_input, fmt::format("items '{}': there is no such file; looked for '{}'",
                                               text, fmt::join(looked, "' and '")));
}

/// The result of a call about the whole file, whose errors do not name the dataset.
template <class Call>
auto naming(const Source& source, Call call) {
  try {
    return call();
  } catch (const Error& error) {
    throw Error(error.code(),
                fmt::format("items '{}:{}': {}", source.file, source.dataset, error.what()));
  }
}

/// What a child may use that reads parts of a file: one block at a time, of less than 4 GiB.
store::Allowance allowance_for_blocks(std::uint64_t file_bytes) {
  constexpr double bytes_per_second = 500e6;
  constexpr std::uint64_t largest_block = std::uint64_t{1} << 32U;
  store::Allowance allowance = store::allowance_for(0);
  allowance.seconds += static_cast<double>(file_bytes) / bytes_per_second;
  allowance.bytes += 2 * std::min(file_bytes, largest_block);
  return allowance;
}

/// Checks that this can be a table of items.
void check_items(const store::StoredTable& items) {
  const store::Extents& shape = items.shape();
  const std::size_t rank = shape.size();
  if (rank != 2 && rank != 3) {
    items.refuse(fmt::format("has rank {}; expected classes x D or classes x exemplars x D", rank));
  }
  if (items.format().kind == store::NumberFormat::Kind::other) {
    items.refuse(fmt::format("has type {}; expected float16, float32, float64, integers or bool",
                             items.type()));
  }
  const std::string text = fmt::format("has shape [{}]", fmt::join(shape, ", "));
  if (std::ranges::find(shape, 0U) != shape.end()) {
    items.refuse(text + ", so there is nothing in it");
  }
  const std::uint64_t exemplars = rank == 3 ? shape[1] : 1;
  if (shape[0] > most_rows / exemplars) {
    items.refuse(fmt::format("{}, more than {} rows", text, most_rows));
  }
}

/// The label of each class as the file has it, or nothing if the file has none.
std::vector<std::int64_t> take_labels(store::StoredTable labels, std::uint64_t classes,
                                      std::uint64_t file_bytes) {
  if (!labels.found()) return {};
  if (labels.format().kind == store::NumberFormat::Kind::other) {
    labels.refuse(fmt::format("has type {}; expected integers, bool, or floats that are whole",
                              labels.type()));
  }
  if (labels.shape() != store::Extents{classes}) {
    labels.refuse(fmt::format("has shape [{}]; expected [{}], one label for each class",
                              fmt::join(labels.shape(), ", "), classes));
  }
  return labels.take<std::int64_t>(most_bytes, file_bytes);
}

/// 1 for the smallest of the L values, L for the largest.
std::vector<Label> code_of_many(const std::vector<std::int64_t>& labels, std::int64_t count,
                                const Source& source) {
  std::vector<std::int64_t> values = labels;
  std::ranges::sort(values);
  values.erase(std::unique(values.begin(), values.end()), values.end());
  if (!std::cmp_equal(values.size(), count)) {
    throw Error(ExitCode::bad_input,
                fmt::format("'{}': {}_labels: holds {} different values; data.label_count = {} "
                            "expects {}",
                            source.file, source.dataset, values.size(), count, count));
  }
  std::vector<Label> coded;
  coded.reserve(labels.size());
  for (const std::int64_t label : labels) {
    const auto at = std::ranges::lower_bound(values, label);
    coded.push_back(static_cast<Label>(at - values.begin()) + 1);
  }
  return coded;
}

/// -1 for the smaller of the two values, +1 for the larger.
std::vector<Label> code(const std::vector<std::int64_t>& labels, std::optional<std::int64_t> count,
                        const Source& source) {
  if (labels.empty()) return {};
  if (count) return code_of_many(labels, *count, source);
  const auto [low, high] = std::ranges::minmax(labels);
  const auto other = std::ranges::find_if(
      labels, [low = low, high = high](std::int64_t x) { return x != low && x != high; });
  if (low == high || other != labels.end()) {
    const std::string values =
        low == high ? fmt::format("only {}", low) : fmt::format("{}, {} and {}", low, *other, high);
    throw Error(ExitCode::bad_input,
                fmt::format("'{}': {}_labels: holds {}; expected exactly two different values",
                            source.file, source.dataset, values));
  }
  std::vector<Label> coded;
  coded.reserve(labels.size());
  for (const std::int64_t label : labels) coded.push_back(label == high ? 1 : -1);
  return coded;
}

template <class T>
std::string hash_of(const std::vector<T>& values) {
  return values.empty() ? "none" : store::hash_hex(std::as_bytes(std::span(values)));
}

Loaded load(const std::string& text, std::optional<std::int64_t> label_count,
            const ItemPlaces& places) {
  const Source source = find(text, places);
  const std::string labels_name = source.dataset + "_labels";
  const std::uint64_t file_bytes =
      naming(source, [&] { return store::read_head(source.file, 0).file_bytes; });
  store::Isolated child(
      source.file, allowance_for_blocks(file_bytes), [&](const store::Isolated::Send& send) {
        const store::Hdf5Handle file =
            naming(source, [&] { return store::open_file(source.file); });
        store::send_tables(file, source.file, {{source.dataset}, {labels_name, true}}, send);
      });
  const auto next = [&] { return child.next(); };

  store::StoredTable items(next, source.file, source.dataset);
  check_items(items);
  const store::Extents& shape = items.shape();
  Loaded loaded;
  loaded.table.classes = static_cast<std::int64_t>(shape.front());
  loaded.table.exemplars = shape.size() == 3 ? static_cast<std::int64_t>(shape[1]) : 1;
  loaded.table.dimension = static_cast<std::int64_t>(shape.back());
  loaded.table.rows = items.take<float>(most_bytes, file_bytes);
  const auto labels =
      take_labels(store::StoredTable(next, source.file, labels_name), shape.front(), file_bytes);
  loaded.table.labels = code(labels, label_count, source);
  loaded.digest = fmt::format("[{}] {} {}\n", fmt::join(shape, ", "), hash_of(loaded.table.rows),
                              hash_of(labels));
  return loaded;
}

}  // namespace

std::filesystem::path items_folder_of(const std::filesystem::path& toml) {
  std::error_code error;
  const std::filesystem::path file = std::filesystem::absolute(toml, error).lexically_normal();
  if (error || !std::filesystem::is_regular_file(file, error)) return {};
  return file.parent_path();
}

void require_item_files(const config::Config& config, const ItemPlaces& places) {
  if (!config.data.items) return;
  static_cast<void>(find(places.items.value_or(*config.data.items), places));
  if (!config.data.novel_items) return;
  static_cast<void>(find(places.novel_items.value_or(*config.data.novel_items), places));
}

std::optional<task::GivenItems> read_items(const config::Config& config, const ItemPlaces& places) {
  if (!config.data.items) return std::nullopt;
  const Loaded all =
      load(places.items.value_or(*config.data.items), config.data.label_count, places);
  std::string digest = "items " + all.digest;
  std::optional<task::ItemTable> novel;
  if (config.data.novel_items) {
    Loaded loaded = load(places.novel_items.value_or(*config.data.novel_items),
                         config.data.label_count, places);
    digest += "novel_items " + loaded.digest;
    novel = std::move(loaded.table);
  }
  task::GivenItems items = task::choose_items(config, all.table, std::move(novel));
  items.hash = store::hash_hex(std::as_bytes(std::span(digest)));
  return items;
}

}  // namespace icl::run
