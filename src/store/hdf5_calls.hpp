#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <hdf5.h>
#include <hdf5_hl.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "icl/core/error.hpp"
#include "icl/store/hdf5.hpp"

/// What writer and reader share: calls of HDF5 that are checked and whose failures name the object.
/// The one file that includes HDF5; private to src/io.
namespace icl::store {

inline constexpr std::size_t image_increment = 1U << 20U;  // bytes by which an image in RAM grows

static_assert(std::is_same_v<hid_t, std::int64_t>);

using Handle = Hdf5Handle;

/// What HDF5's error stack says went wrong at its innermost level, as " (HDF5: ...)", or nothing.
inline std::string hdf5_reason() {
  std::string reason;
  const auto keep = [](unsigned level, const H5E_error2_t* error, void* out) -> herr_t {
    if (level == 0) *static_cast<std::string*>(out) = error->desc;
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep, &reason);
  if (reason.empty()) return reason;
  // What a newer library writes and this one does not know, it calls a wrong version.
  const bool newer = reason.find("version") != std::string::npos;
  return fmt::format(
      " (HDF5: {}){}", reason,
      newer ? fmt::format("; if a newer HDF5 than {} wrote it, write it again so that older ones "
                          "read it (in h5py: h5py.File(..., libver=(\"earliest\", \"v110\")))",
                          hdf5_version())
            : "");
}

/// The object that HDF5 is called about: checks the calls, and names the object when one fails.
struct Where {
  ExitCode blame;    // internal when building, bad_input when reading
  std::string file;  // for messages
  std::string path;

  [[noreturn]] void fail(std::string_view finding) const {
    throw Error(blame, fmt::format("'{}': {}: {}", file, path, finding));
  }
  /// The result of a call of HDF5, where negative means that it failed.
  template <class T>
  T ok(T result, std::string_view step) const {  // NOLINT(modernize-use-nodiscard)
    if (result < 0) fail(fmt::format("cannot {}{}", step, hdf5_reason()));
    return result;
  }
};

inline Where building(const std::string& path) {
  return {ExitCode::internal, "new HDF5 file", path};
}

inline Where reading(const std::string& file, const std::string& path) {
  return {ExitCode::bad_input, file, path};
}

// ---- Types and shapes ----

struct TypeRow {
  ElementType type;
  std::string_view name;
  hid_t on_disk;
  hid_t in_memory;
};

/// The numeric types, in the order of ElementType and of ArrayView's alternatives. No constant:
/// HDF5's identifiers are known only once the library runs.
inline std::array<TypeRow, 5> numeric_types() {
  return {{{ElementType::float32, "float32", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT},
           {ElementType::float64, "float64", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE},
           {ElementType::int8, "int8", H5T_STD_I8LE, H5T_NATIVE_INT8},
           {ElementType::int32, "int32", H5T_STD_I32LE, H5T_NATIVE_INT32},
           {ElementType::int64, "int64", H5T_STD_I64LE, H5T_NATIVE_INT64}}};
}

template <class T>
TypeRow numeric_type() {
  return numeric_types().at(ArrayView(std::span<const T>()).index());
}

inline ElementType classify(const Handle& type) {
  for (const TypeRow& row : numeric_types()) {
    if (H5Tequal(type.id(), row.on_disk) > 0) return row.type;
  }
  if (H5Tget_class(type.id()) != H5T_STRING) return ElementType::other;
  return H5Tis_variable_str(type.id()) == 0 ? ElementType::text : ElementType::variable_text;
}

inline std::string_view type_name(ElementType type) {
  for (const TypeRow& row : numeric_types()) {
    if (row.type == type) return row.name;
  }
  if (type == ElementType::variable_text) return "text of variable length";
  return type == ElementType::text ? "text" : "another type";
}

/// Text of that many bytes, padded with NULs; H5T_VARIABLE for a string of any length.
inline Handle text_type(std::size_t bytes, H5T_cset_t characters = H5T_CSET_UTF8) {
  const Where where = building("/");
  Handle type(where.ok(H5Tcopy(H5T_C_S1), "make the string type"));
  where.ok(H5Tset_size(type.id(), bytes), "make the string type");
  if (bytes != H5T_VARIABLE) {
    where.ok(H5Tset_strpad(type.id(), H5T_STR_NULLPAD), "make the string type");
  }
  where.ok(H5Tset_cset(type.id(), characters), "make the string type");
  return type;
}

/// The number of elements, or nullopt if that overflows.
inline std::optional<std::uint64_t> element_count(const Extents& shape) {
  std::uint64_t count = 1;
  for (const std::uint64_t length : shape) {
    if (__builtin_mul_overflow(count, length, &count)) return std::nullopt;
  }
  return count;
}

inline Handle make_space(const Extents& shape, const Where& where) {
  const std::vector<hsize_t> lengths(shape.begin(), shape.end());
  const int rank = static_cast<int>(shape.size());
  const hid_t space =
      rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(rank, lengths.data(), nullptr);
  return Handle(where.ok(space, "make the shape"));
}

inline Extents space_extents(const Handle& space, const Where& where) {
  const int rank = where.ok(H5Sget_simple_extent_ndims(space.id()), "read the shape");
  std::vector<hsize_t> lengths(static_cast<std::size_t>(rank));
  if (rank > 0) H5Sget_simple_extent_dims(space.id(), lengths.data(), nullptr);
  return {lengths.begin(), lengths.end()};
}

// ---- Objects ----

/// The object at a path, reached by hard links only; an empty handle if there is none.
inline Handle find_object(const Handle& file, const Where& where) {
  Handle at(where.ok(H5Oopen(file.id(), "/", H5P_DEFAULT), "open the root group"));
  if (!where.path.starts_with('/')) where.fail("is not an absolute path");
  for (std::size_t start = 1; start < where.path.size();) {
    const std::size_t end = std::min(where.path.find('/', start), where.path.size());
    const std::string name = where.path.substr(start, end - start);
    start = end + 1;
    if (name.empty() || name == "." || H5Iget_type(at.id()) != H5I_GROUP) return Handle();
    if (where.ok(H5Lexists(at.id(), name.c_str(), H5P_DEFAULT), "look it up") == 0) return Handle();
    H5L_info_t link{};
    where.ok(H5Lget_info(at.id(), name.c_str(), &link, H5P_DEFAULT), "look up its link");
    if (link.type != H5L_TYPE_HARD) where.fail("is behind a soft or external link");
    at = Handle(where.ok(H5Oopen(at.id(), name.c_str(), H5P_DEFAULT), "open it"));
  }
  return at;
}

inline Handle open_object(const Handle& file, const Where& where) {
  Handle object = find_object(file, where);
  if (object.id() < 0) where.fail("is missing");
  return object;
}

inline NodeKind kind_of(const Handle& object) {
  const H5I_type_t type = H5Iget_type(object.id());
  if (type == H5I_GROUP) return NodeKind::group;
  return type == H5I_DATASET ? NodeKind::dataset : NodeKind::other;
}

struct Dataset {
  Handle handle;
  Extents shape;
  ElementType type;
};

inline Dataset open_dataset(const Handle& file, const Where& where) {
  Handle handle = open_object(file, where);
  if (kind_of(handle) != NodeKind::dataset) where.fail("is not a dataset");
  const Handle type(where.ok(H5Dget_type(handle.id()), "read the type"));
  const Handle space(where.ok(H5Dget_space(handle.id()), "read the shape"));
  return {std::move(handle), space_extents(space, where), classify(type)};
}

}  // namespace icl::store
