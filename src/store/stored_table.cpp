#include "icl/store/stored_table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "icl/core/error.hpp"

namespace icl::store {
namespace {

/// The product of lengths, or nullopt if that overflows.
std::optional<std::uint64_t> product(const Extents& lengths, std::uint64_t factor = 1) {
  for (const std::uint64_t length : lengths) {
    if (__builtin_mul_overflow(factor, length, &factor)) return std::nullopt;
  }
  return factor;
}

/// The lengths of a block at this origin, as far as it lies within the shape.
Extents clipped(const Extents& shape, const Extents& block, const Extents& origin) {
  Extents lengths(shape.size());
  for (std::size_t i = 0; i < shape.size(); ++i) {
    lengths[i] = std::min(block[i], shape[i] - origin[i]);
  }
  return lengths;
}

}  // namespace

StoredTable::StoredTable(Next next, std::string file, std::string dataset)
    : next_(std::move(next)), file_(std::move(file)), dataset_(std::move(dataset)) {
  const auto message = next_();
  if (!message || message->size() != sizeof head_) refuse("was described by nobody");
  std::memcpy(&head_, message->data(), sizeof head_);
  const bool sound = head_.rank <= TableHead::most_axes &&
                     head_.filters <= TableHead::most_filters && head_.element_bytes > 0;
  if (!found()) return;
  if (!sound) refuse("has no description that makes sense");
  shape_.assign(head_.shape.begin(), head_.shape.begin() + head_.rank);
  block_.assign(head_.block.begin(), head_.block.begin() + head_.rank);
}

std::string StoredTable::type() const {
  return {head_.type.data(), strnlen(head_.type.data(), head_.type.size())};
}

void StoredTable::refuse(const std::string& finding) const {
  throw Error(ExitCode::bad_input, fmt::format("'{}': {}: {}", file_, dataset_, finding));
}

std::uint64_t StoredTable::count_within(std::uint64_t file_bytes) const {
  const std::uint64_t count = product(shape_).value_or(0);
  if (count == 0) return 0;
  const auto empty = std::ranges::find(block_, 0U);
  const auto block_bytes = product(block_, head_.element_bytes);
  if (empty != block_.end() || !block_bytes || *block_bytes >= UINT32_MAX) {
    refuse(fmt::format("has chunks of [{}] elements", fmt::join(block_, ", ")));
  }
  const std::span filters(head_.filter.data(), head_.filters);
  const bool deflated =
      std::ranges::find(filters, FilterKind::deflate, &Filter::kind) != filters.end();
  const std::uint64_t stored = std::min(head_.stored_bytes, file_bytes);
  const std::uint64_t most = deflated ? stored * most_inflation : stored;
  if (count > most / head_.element_bytes) {
    refuse(
        fmt::format("has shape [{}], but only {} bytes of it are in the file: not all of it was "
                    "written, or the file is damaged",
                    fmt::join(shape_, ", "), stored));
  }
  // A chunk as large as that is not in the file, whatever lies in it.
  if (*block_bytes > std::max<std::uint64_t>(most, std::uint64_t{1} << 20U)) {
    refuse(fmt::format("has chunks of {} bytes, but only {} bytes of it are in the file",
                       *block_bytes, stored));
  }
  return count;
}

std::vector<std::byte> StoredTable::next_block(const Extents& origin, const Extents& lengths) {
  auto message = next_();
  std::uint32_t mask = 0;
  if (!message || message->size() < sizeof mask) refuse("ends before its last block");
  std::memcpy(&mask, message->data(), sizeof mask);
  message->erase(message->begin(), message->begin() + sizeof mask);
  if (lengths != block_ && head_.plain_edges != 0) mask = UINT32_MAX;
  const std::uint64_t bytes =
      product(head_.whole_blocks != 0 ? block_ : lengths, head_.element_bytes).value_or(0);
  try {
    return decode_chunk(*std::move(message), std::span(head_.filter).first(head_.filters), mask,
                        bytes);
  } catch (const Error& error) {
    refuse(fmt::format("its chunk at [{}] {}", fmt::join(origin, ", "), error.what()));
  }
}

/// Converts the part of a block that lies within the shape, row by row.
template <class T>
void StoredTable::place(const std::vector<std::byte>& elements, const Extents& origin,
                        const Extents& lengths, std::span<T> values) const {
  const Extents& strides = head_.whole_blocks != 0 ? block_ : lengths;
  const std::size_t last = shape_.size() - 1;
  const Extents rows = [&] {
    Extents ones(lengths.size(), 1);
    ones[last] = lengths[last];
    return ones;
  }();
  for_each_block(lengths, rows, [&](const Extents& at) {
    std::uint64_t from = 0;
    std::uint64_t to = 0;
    for (std::size_t i = 0; i <= last; ++i) {
      from = from * strides[i] + at[i];
      to = to * shape_[i] + origin[i] + at[i];
    }
    const auto finding = convert(std::span(elements).subspan(from * head_.element_bytes,
                                                             lengths[last] * head_.element_bytes),
                                 head_.format, values.subspan(to, lengths[last]));
    if (finding) refuse(*finding);
  });
}

template <class T>
std::vector<T> StoredTable::take(std::uint64_t max_bytes, std::uint64_t file_bytes) {
  if (head_.format.bytes != head_.element_bytes) refuse("has type " + type());
  if (shape_.empty()) refuse("is no array");
  if (product(shape_, sizeof(T)).value_or(UINT64_MAX) > max_bytes) {
    refuse(fmt::format("has shape [{}], more than {} bytes", fmt::join(shape_, ", "), max_bytes));
  }
  std::vector<T> values(count_within(file_bytes));
  if (values.empty()) return values;
  for_each_block(shape_, block_, [&](const Extents& origin) {
    const Extents lengths = clipped(shape_, block_, origin);
    const auto elements = next_block(origin, lengths);
    place(elements, origin, lengths, std::span<T>(values));
  });
  return values;
}

template std::vector<float> StoredTable::take<float>(std::uint64_t, std::uint64_t);
template std::vector<std::int64_t> StoredTable::take<std::int64_t>(std::uint64_t, std::uint64_t);

}  // namespace icl::store
