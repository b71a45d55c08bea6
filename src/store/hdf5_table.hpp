#pragma once

#include <cstring>

#include "hdf5_calls.hpp"
#include "hdf5_storage.hpp"

/// Reading a table of compounds. Private to src/io.
namespace icl::store {

/// A member of a compound, as it lies in a row that was read.
struct MemberInfo {
  std::string name;
  H5T_class_t kind;
  std::size_t offset;
  std::size_t bytes;
};

/// What the members of a table are read as: 64 bits a number, text as it is.
inline Handle type_in_memory(const Handle& member, H5T_class_t kind, const Where& where) {
  if (kind == H5T_INTEGER) return Handle(where.ok(H5Tcopy(H5T_NATIVE_INT64), "copy a type"));
  if (kind == H5T_FLOAT) return Handle(where.ok(H5Tcopy(H5T_NATIVE_DOUBLE), "copy a type"));
  if (kind != H5T_STRING || H5Tis_variable_str(member.id()) != 0) {
    where.fail("has a column that is neither a number nor text of fixed length");
  }
  return Handle(where.ok(H5Tcopy(member.id()), "copy a type"));
}

inline std::string member_name(const Handle& type, unsigned index, const Where& where) {
  char* const name = H5Tget_member_name(type.id(), index);
  if (name == nullptr) where.fail("has a column without a name");
  std::string copy(name);
  H5free_memory(name);
  return copy;
}

inline Column column_of(const MemberInfo& member, std::span<const std::byte> rows,
                        std::size_t row_bytes) {
  const auto each = [&](const auto& take) {
    for (std::size_t at = member.offset; at < rows.size(); at += row_bytes) {
      take(rows.subspan(at, member.bytes));
    }
  };
  if (member.kind == H5T_STRING) {
    std::vector<std::string> texts;
    each([&](std::span<const std::byte> bytes) {
      const std::string_view padded(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      texts.emplace_back(padded.substr(0, padded.find('\0')));
    });
    return {member.name, std::move(texts)};
  }
  const auto numbers = [&]<class T>(std::vector<T> values) {
    each([&](std::span<const std::byte> bytes) {
      T value{};
      std::memcpy(&value, bytes.data(), sizeof value);
      values.push_back(value);
    });
    return Column{member.name, std::move(values)};
  };
  return member.kind == H5T_INTEGER ? numbers(std::vector<std::int64_t>{})
                                    : numbers(std::vector<double>{});
}

/// All columns of a 1-D dataset of compounds, whose values lie in the image.
inline std::vector<Column> read_table(const Dataset& open, const Where& where,
                                      std::uint64_t image_bytes) {
  const Handle type(where.ok(H5Dget_type(open.handle.id()), "read the type"));
  if (H5Tget_class(type.id()) != H5T_COMPOUND || open.shape.size() != 1) {
    where.fail("is not a table");
  }
  if (open.shape[0] > 0) check_storage(open, where, image_bytes);
  std::vector<MemberInfo> members;
  std::vector<Handle> types;
  std::size_t row_bytes = 0;
  const int count = where.ok(H5Tget_nmembers(type.id()), "count its columns");
  for (unsigned i = 0; i < static_cast<unsigned>(count); ++i) {
    const Handle member(where.ok(H5Tget_member_type(type.id(), i), "read a column's type"));
    const H5T_class_t kind = H5Tget_class(member.id());
    types.push_back(type_in_memory(member, kind, where));
    const std::size_t bytes = H5Tget_size(types.back().id());
    members.push_back({member_name(type, i, where), kind, row_bytes, bytes});
    row_bytes += bytes;
  }
  const Handle rows_type(where.ok(H5Tcreate(H5T_COMPOUND, row_bytes), "make a type"));
  for (std::size_t i = 0; i < members.size(); ++i) {
    where.ok(H5Tinsert(rows_type.id(), members[i].name.c_str(), members[i].offset, types[i].id()),
             "make a type");
  }
  // A row on the disk may be much shorter than in memory, where its numbers are shorter.
  constexpr std::uint64_t widest = 8;
  if (open.shape[0] > widest * image_bytes / row_bytes) where.fail("is longer than its file");
  std::vector<std::byte> rows(open.shape[0] * row_bytes);
  if (!rows.empty()) {
    where.ok(H5Dread(open.handle.id(), rows_type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, rows.data()),
             "read its rows");
  }
  std::vector<Column> columns;
  columns.reserve(members.size());
  for (const MemberInfo& member : members) columns.push_back(column_of(member, rows, row_bytes));
  return columns;
}

}  // namespace icl::store
