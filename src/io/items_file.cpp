#include "icl/io/items_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cassert>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "icl/core/error.hpp"
#include "icl/io/envelope.hpp"
#include "icl/io/file.hpp"
#include "icl/io/hdf5_reader.hpp"
#include "icl/io/isolated.hpp"

namespace icl::io {
namespace {

constexpr std::uint64_t gibibyte = std::uint64_t{1} << 30U;
constexpr std::uint64_t most_gibibytes = 16;  // of a file, and of the values of a dataset
/// Rows are numbered by std::int32_t, and as many as data.K may be.
constexpr std::uint64_t most_rows = (std::uint64_t{1} << 31U) - 2;
constexpr std::size_t most_listed = 20;

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

[[noreturn]] void fail(const Source& source, const std::string& dataset,
                       const std::string& finding) {
  throw Error(ExitCode::bad_input, fmt::format("'{}': {}: {}", source.file, dataset, finding));
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

std::vector<std::byte> read_image(const Source& source) {
  const std::uint64_t bytes = read_head(source.file, 0).file_bytes;
  if (bytes > most_gibibytes * gibibyte) {
    throw Error(ExitCode::bad_input, fmt::format("'{}' has {} bytes, more than {} GiB", source.file,
                                                 bytes, most_gibibytes));
  }
  return read_file(source.file);
}

/// "; / holds images, train/": what lies where a dataset was looked for, or nothing if that cannot
/// be told.
std::string listing(const Hdf5Reader& reader, const std::string& dataset) {
  try {
    const std::string parent = dataset.substr(0, std::max<std::size_t>(dataset.rfind('/'), 1));
    const std::string group = reader.exists(parent) ? parent : "/";
    std::vector<std::string> names;
    for (const Child& child : reader.children(group)) {
      names.push_back(child.name + (child.kind == NodeKind::group ? "/" : ""));
    }
    if (names.empty()) return fmt::format("; {} is empty", group);
    if (names.size() > most_listed) return fmt::format("; {} holds {} others", group, names.size());
    return fmt::format("; {} holds {}", group, fmt::join(names, ", "));
  } catch (const Error&) {
    return "";
  }
}

/// Checks that this can be a table of items.
void check_items(const DatasetInfo& info, const Source& source) {
  const auto refuse = [&](const std::string& finding) { fail(source, source.dataset, finding); };
  const std::size_t rank = info.shape.size();
  if (rank != 2 && rank != 3) {
    refuse(fmt::format("has rank {}; expected classes x D or classes x exemplars x D", rank));
  }
  if (info.kind != NumberKind::real) {
    refuse(fmt::format("has type {}; expected float32 or float64", info.type));
  }
  const std::string shape = fmt::format("has shape [{}]", fmt::join(info.shape, ", "));
  if (std::ranges::find(info.shape, 0U) != info.shape.end()) {
    refuse(shape + ", so there is nothing in it");
  }
  const std::uint64_t exemplars = rank == 3 ? info.shape[1] : 1;
  if (info.shape[0] > most_rows / exemplars) {
    refuse(fmt::format("{}, more than {} rows", shape, most_rows));
  }
}

/// The label of each class as the file has it, or nothing if the file has none.
std::vector<std::int64_t> read_labels(const Hdf5Reader& reader, const Source& source,
                                      std::uint64_t classes) {
  const std::string dataset = source.dataset + "_labels";
  if (!reader.exists(dataset)) return {};
  const DatasetInfo info = reader.info(dataset);
  if (info.kind != NumberKind::integer) {
    fail(source, dataset, fmt::format("has type {}; expected integers", info.type));
  }
  if (info.shape != Extents{classes}) {
    fail(source, dataset,
         fmt::format("has shape [{}]; expected [{}], one label for each class",
                     fmt::join(info.shape, ", "), classes));
  }
  return reader.read_integers(dataset, most_gibibytes * gibibyte);
}

/// -1 for the smaller of the two values, +1 for the larger.
std::vector<std::int8_t> code(const std::vector<std::int64_t>& labels, const Source& source) {
  if (labels.empty()) return {};
  const auto [low, high] = std::ranges::minmax(labels);
  const auto other = std::ranges::find_if(
      labels, [low = low, high = high](std::int64_t x) { return x != low && x != high; });
  if (low == high || other != labels.end()) {
    const std::string values =
        low == high ? fmt::format("only {}", low) : fmt::format("{}, {} and {}", low, *other, high);
    fail(source, source.dataset + "_labels",
         fmt::format("holds {}; expected exactly two different values", values));
  }
  std::vector<std::int8_t> coded;
  coded.reserve(labels.size());
  for (const std::int64_t label : labels) coded.push_back(label == high ? 1 : -1);
  return coded;
}

template <class T>
std::string hash_of(const std::vector<T>& values) {
  return values.empty() ? "none" : hash_hex(std::as_bytes(std::span(values)));
}

Loaded load(const Source& source, std::span<const std::byte> image) {
  const Hdf5Reader reader = naming(source, [&] { return Hdf5Reader(image, source.file); });
  if (!reader.exists(source.dataset)) {
    fail(source, source.dataset, "is missing" + listing(reader, source.dataset));
  }
  const DatasetInfo info = reader.info(source.dataset);
  check_items(info, source);
  const std::vector<std::int64_t> labels = read_labels(reader, source, info.shape[0]);

  Loaded loaded;
  loaded.table.classes = static_cast<std::int64_t>(info.shape.front());
  loaded.table.exemplars = info.shape.size() == 3 ? static_cast<std::int64_t>(info.shape[1]) : 1;
  loaded.table.dimension = static_cast<std::int64_t>(info.shape.back());
  loaded.table.labels = code(labels, source);
  loaded.table.rows = reader.read_reals(source.dataset, most_gibibytes * gibibyte);
  loaded.digest = fmt::format("[{}] {} {}\n", fmt::join(info.shape, ", "),
                              hash_of(loaded.table.rows), hash_of(labels));
  return loaded;
}

Loaded load(const std::string& text) {
  const Source source = split(text);
  const std::vector<std::byte> image = naming(source, [&] { return read_image(source); });
  try_in_child(source.file, allowance_for(image.size()), [&] { (void)load(source, image); });
  return load(source, image);
}

}  // namespace

std::optional<task::GivenItems> read_items(const config::Config& config) {
  if (!config.data.items) return std::nullopt;
  const Loaded all = load(*config.data.items);
  std::string digest = "items " + all.digest;
  std::optional<task::ItemTable> novel;
  if (config.data.novel_items) {
    Loaded loaded = load(*config.data.novel_items);
    digest += "novel_items " + loaded.digest;
    novel = std::move(loaded.table);
  }
  task::GivenItems items = task::choose_items(config, all.table, std::move(novel));
  items.hash = hash_hex(std::as_bytes(std::span(digest)));
  return items;
}

}  // namespace icl::io
