#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "icl/store/chunks.hpp"
#include "icl/store/hdf5.hpp"
#include "icl/store/number_format.hpp"

/// Datasets of numbers in HDF5 files of any origin. A child process (isolated.hpp) asks libhdf5
/// where the bytes are and sends them as they are stored (table_source.hpp); decoding, checks and
/// conversion are done here, of bytes that are trusted in nothing.
namespace icl::store {

/// What the child sends first: what libhdf5 says of a dataset.
struct TableHead {
  static constexpr std::size_t most_axes = 32;  // HDF5's own limit
  static constexpr std::size_t most_filters = 8;

  std::uint32_t found = 0;  ///< 0: there is no such dataset, and nothing follows
  std::uint32_t rank = 0;
  std::array<std::uint64_t, most_axes> shape{};
  std::array<std::uint64_t, most_axes> block{};  ///< lengths of the blocks in which it is sent
  std::uint32_t whole_blocks = 0;  ///< 1: a block at the edge has its full size (a chunk)
  std::uint32_t plain_edges = 0;   ///< 1: no filter was applied to chunks at the edge
  std::uint64_t element_bytes = 0;
  std::uint64_t stored_bytes = 0;  ///< that it takes of the file
  NumberFormat format;
  std::array<char, 48> type{};  ///< for messages
  std::uint32_t filters = 0;
  std::array<Filter, most_filters> filter{};
};
static_assert(std::is_trivially_copyable_v<TableHead>);

/// A dataset as it comes from a child: a TableHead, then a message for each block in the order of
/// for_each_block(): the mask of the filters that were not applied (4 bytes), then what is stored.
class StoredTable {
 public:
  using Next = std::function<std::optional<std::vector<std::byte>>()>;

  /// Takes the head. `file` and `dataset` are for messages, and all errors are Error(bad_input).
  StoredTable(Next next, std::string file, std::string dataset);

  [[nodiscard]] bool found() const { return head_.found != 0; }
  [[nodiscard]] const Extents& shape() const { return shape_; }
  [[nodiscard]] NumberFormat format() const { return head_.format; }
  [[nodiscard]] std::string type() const;  ///< "float64", "uint16", "text" ...

  /// Takes all values, as by convert(); T is float or std::int64_t. Nothing is allocated before it
  /// is known that the values are at most `max_bytes` as T, and that a file of `file_bytes` bytes
  /// can hold them.
  template <class T>
  [[nodiscard]] std::vector<T> take(std::uint64_t max_bytes, std::uint64_t file_bytes);

  /// Throws Error(bad_input): file, dataset, finding.
  [[noreturn]] void refuse(const std::string& finding) const;

 private:
  [[nodiscard]] std::vector<std::byte> next_block(const Extents& origin, const Extents& lengths);
  [[nodiscard]] std::uint64_t count_within(std::uint64_t file_bytes) const;
  template <class T>
  void place(const std::vector<std::byte>& elements, const Extents& origin, const Extents& lengths,
             std::span<T> values) const;

  Next next_;
  std::string file_;
  std::string dataset_;
  TableHead head_;
  Extents shape_;
  Extents block_;
};

}  // namespace icl::store
