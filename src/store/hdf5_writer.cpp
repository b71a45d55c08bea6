#include "icl/store/hdf5_writer.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>

#include "hdf5_calls.hpp"

namespace icl::store {
namespace {

/// A list of creation properties without object times.
Handle untimed(hid_t kind, const Where& where) {
  Handle properties(where.ok(H5Pcreate(kind), "make properties"));
  where.ok(H5Pset_obj_track_times(properties.id(), false), "turn off its times");
  return properties;
}

/// Makes the group and those above it, where they are missing.
void make_group(const Handle& file, const Where& where) {
  const std::string& path = where.path;
  if (find_object(file, where).id() >= 0) return;
  make_group(file, building(path.substr(0, std::max<std::size_t>(path.rfind('/'), 1))));
  const Handle properties = untimed(H5P_GROUP_CREATE, where);
  const Handle group(where.ok(
      H5Gcreate2(file.id(), path.c_str(), H5P_DEFAULT, properties.id(), H5P_DEFAULT), "make it"));
}

/// `chunk` is empty for a dataset in one piece.
void write_dataset(const Handle& file, const Where& where, const Extents& shape, hid_t on_disk,
                   hid_t in_memory, const void* values, const Extents& chunk = {}) {
  const std::string& path = where.path;
  if (find_object(file, where).id() >= 0) where.fail("exists already");
  make_group(file, building(path.substr(0, std::max<std::size_t>(path.rfind('/'), 1))));
  const Handle properties = untimed(H5P_DATASET_CREATE, where);
  if (!chunk.empty()) {
    const std::vector<hsize_t> lengths(chunk.begin(), chunk.end());
    constexpr unsigned gzip_level = 6;
    where.ok(H5Pset_chunk(properties.id(), static_cast<int>(lengths.size()), lengths.data()),
             "cut it in chunks");
    where.ok(H5Pset_shuffle(properties.id()), "shuffle its bytes");
    where.ok(H5Pset_deflate(properties.id(), gzip_level), "compress it");
  }
  const Handle space = make_space(shape, where);
  const Handle dataset(where.ok(H5Dcreate2(file.id(), path.c_str(), on_disk, space.id(),
                                           H5P_DEFAULT, properties.id(), H5P_DEFAULT),
                                "make it"));
  if (element_count(shape) == std::uint64_t{0}) return;
  where.ok(H5Dwrite(dataset.id(), in_memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values), "write it");
}

void write_attribute(const Handle& object, const Where& where, const std::string& name,
                     const Extents& shape, hid_t on_disk, hid_t in_memory, const void* values) {
  const Handle space = make_space(shape, where);
  const Handle attribute(
      where.ok(H5Acreate2(object.id(), name.c_str(), on_disk, space.id(), H5P_DEFAULT, H5P_DEFAULT),
               "add attribute " + name));
  if (element_count(shape) == std::uint64_t{0}) return;
  where.ok(H5Awrite(attribute.id(), in_memory, values), "write attribute " + name);
}

const char* c_string(const std::string& value, const Where& where) {
  if (value.find('\0') != std::string::npos) where.fail("cannot hold a string with a NUL");
  return value.c_str();
}

/// Strings one after the other, each padded with NULs to one more than the length of the longest:
/// HDF5 has no text of no length, and netCDF-C reads beyond text without a NUL at its end.
std::string joined(std::span<const std::string> strings, const Where& where) {
  std::size_t bytes = 1;
  for (const std::string& string : strings) {
    bytes = std::max(bytes, std::string_view(c_string(string, where)).size() + 1);
  }
  std::string all;
  for (const std::string& string : strings) {
    all += string;
    all.append(bytes - string.size(), '\0');
  }
  return all;
}

/// A member of a compound: its type, and how a row's value becomes bytes.
struct Member {
  Handle type;
  std::size_t bytes;
  std::size_t rows;
};

Member member_of(const Column& column, const Where& where) {
  return std::visit(
      [&](const auto& values) -> Member {
        using T = std::remove_cvref_t<decltype(values[0])>;
        if constexpr (std::is_arithmetic_v<T>) {
          return {Handle(where.ok(H5Tcopy(numeric_type<T>().on_disk), "make its type")), sizeof(T),
                  values.size()};
        } else {
          std::size_t longest = 1;
          for (const std::string& value : values) {
            longest = std::max(longest, std::string_view(c_string(value, where)).size());
          }
          return {text_type(longest), longest, values.size()};
        }
      },
      column.values);
}

/// Copies the value of a row, little-endian as this machine is; text without its padding.
void copy_value(const Column& column, std::size_t row, std::byte* out) {
  static_assert(std::endian::native == std::endian::little);
  std::visit(
      [&](const auto& values) {
        using T = std::remove_cvref_t<decltype(values[0])>;
        if constexpr (std::is_arithmetic_v<T>) {
          std::memcpy(out, &values[row], sizeof(T));
        } else {
          std::memcpy(out, values[row].data(), values[row].size());
        }
      },
      column.values);
}

}  // namespace

Hdf5Writer::Hdf5Writer() {
  const Where where = building("/");
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  const Handle access(where.ok(H5Pcreate(H5P_FILE_ACCESS), "start"));
  where.ok(H5Pset_fapl_core(access.id(), image_increment, false), "start");
  where.ok(H5Pset_fclose_degree(access.id(), H5F_CLOSE_STRONG), "start");
  // H5Fget_file_image is broken for the formats that a later lower bound allows (HDF5 1.10.8).
  where.ok(H5Pset_libver_bounds(access.id(), H5F_LIBVER_EARLIEST, H5F_LIBVER_V18), "start");
  const Handle creation = untimed(H5P_FILE_CREATE, where);
  // HDF5 takes two files in RAM of one name for one file, and never uses an identifier twice.
  const std::string name = fmt::format("icl-image-{}", access.id());
  file_ =
      Handle(where.ok(H5Fcreate(name.c_str(), H5F_ACC_TRUNC, creation.id(), access.id()), "start"));
}

void Hdf5Writer::group(const std::string& path) {
  make_group(file_, building(path));
  if (kind_of(open_object(file_, building(path))) != NodeKind::group) {
    building(path).fail("exists already and is not a group");
  }
}

void Hdf5Writer::attribute(const std::string& path, const std::string& name,
                           const AttributeValue& value) {
  const Where where = building(path);
  const Handle object = open_object(file_, where);
  const auto write = [&](const auto& v) {
    using T = std::remove_cvref_t<decltype(v)>;
    if constexpr (std::is_arithmetic_v<T>) {
      const TypeRow row = numeric_type<T>();
      write_attribute(object, where, name, {}, row.on_disk, row.in_memory, &v);
    } else if constexpr (std::is_same_v<T, std::string>) {
      const std::string padded = joined({&v, 1}, where);
      const Handle type = text_type(padded.size());
      write_attribute(object, where, name, {}, type.id(), type.id(), padded.data());
    } else {
      const std::string padded = joined(v, where);
      const Handle type = text_type(v.empty() ? 1 : padded.size() / v.size());
      write_attribute(object, where, name, {v.size()}, type.id(), type.id(), padded.data());
    }
  };
  std::visit(write, value);
}

void Hdf5Writer::root_text(const std::string& name, const std::string& value) {
  varying_text("/", name, value);
}

void Hdf5Writer::varying_text(const std::string& path, const std::string& name,
                              const std::string& value) {
  const Where where = building(path);
  const char* const string = c_string(value, where);
  const Handle type = text_type(H5T_VARIABLE);
  write_attribute(open_object(file_, where), where, name, {}, type.id(), type.id(), &string);
}

void Hdf5Writer::dataset(const std::string& path, const Extents& shape, const ArrayView& values) {
  const Where where = building(path);
  const TypeRow row = numeric_types().at(values.index());
  const auto write = [&](const auto& span) {
    if (element_count(shape) != span.size()) {
      where.fail(fmt::format("{} values for shape [{}]", span.size(), fmt::join(shape, ", ")));
    }
    write_dataset(file_, where, shape, row.on_disk, row.in_memory, span.data());
  };
  std::visit(write, values);
}

void Hdf5Writer::packed_dataset(const std::string& path, const Extents& shape,
                                std::span<const double> values) {
  constexpr std::uint64_t chunk_values = 8192;
  const Where where = building(path);
  if (values.size() < chunk_values || shape.size() != 2) return dataset(path, shape, values);
  if (element_count(shape) != values.size()) {
    where.fail(fmt::format("{} values for shape [{}]", values.size(), fmt::join(shape, ", ")));
  }
  const std::uint64_t length = std::min(shape[1], chunk_values);
  const TypeRow row = numeric_type<double>();
  write_dataset(file_, where, shape, row.on_disk, row.in_memory, values.data(),
                {std::min(shape[0], chunk_values / length), length});
}

void Hdf5Writer::text(const std::string& path, const std::string& value) {
  const Where where = building(path);
  const std::string padded = joined({&value, 1}, where);
  // Where it can be, as ASCII: Octave's load asks HDF5 for that, which makes none of UTF-8.
  const bool is_ascii = std::ranges::all_of(value, [](unsigned char c) { return c < 0x80; });
  const Handle type = text_type(padded.size(), is_ascii ? H5T_CSET_ASCII : H5T_CSET_UTF8);
  write_dataset(file_, where, {}, type.id(), type.id(), padded.data());
}

void Hdf5Writer::table(const std::string& path, const std::string& title,
                       std::span<const Column> columns) {
  const Where where = building(path);
  std::vector<Member> members;
  std::size_t row_bytes = 0;
  for (const Column& column : columns) {
    members.push_back(member_of(column, where));
    if (members.back().rows != members.front().rows) where.fail("its columns differ in length");
    row_bytes += members.back().bytes;
  }
  if (members.empty()) where.fail("has no columns");
  const std::size_t rows = members.front().rows;
  const Handle type(where.ok(H5Tcreate(H5T_COMPOUND, row_bytes), "make its type"));
  std::vector<std::byte> bytes(rows * row_bytes);
  std::size_t offset = 0;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    where.ok(H5Tinsert(type.id(), c_string(columns[i].name, where), offset, members[i].type.id()),
             "add column " + columns[i].name);
    for (std::size_t row = 0; row < rows; ++row) {
      copy_value(columns[i], row, bytes.data() + row * row_bytes + offset);
    }
    offset += members[i].bytes;
  }
  write_dataset(file_, where, {rows}, type.id(), type.id(), bytes.data());
  // xarray's h5netcdf opens no group with an array whose axes have no scales. (Before CLASS, which
  // H5DSattach_scale() of HDF5 1.10.8 would look at and leave open, and that of 1.14.5 refuse.)
  std::vector<std::int64_t> numbers(rows);
  std::iota(numbers.begin(), numbers.end(), 0);
  const std::string numbering = path + "_row";
  dataset(numbering, {rows}, std::span<const std::int64_t>(numbers));
  scale(numbering, numbering.substr(numbering.rfind('/') + 1));
  attach_scale(path, 0, numbering);
  attribute(path, "CLASS", std::string("TABLE"));
  attribute(path, "VERSION", std::string("3.0"));
  attribute(path, "TITLE", title);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    attribute(path, fmt::format("FIELD_{}_NAME", i), columns[i].name);
  }
}

void Hdf5Writer::scale(const std::string& path, const std::string& name) {
  const Where where = building(path);
  const Dataset dataset = open_dataset(file_, where);
  if (dataset.shape.size() != 1) where.fail("is no scale, as it has not one axis");
  where.ok(H5DSset_scale(dataset.handle.id(), c_string(name, where)), "make it a scale");
}

void Hdf5Writer::attach_scale(const std::string& dataset, std::size_t axis,
                              const std::string& scale) {
  const Where where = building(dataset);
  const Dataset array = open_dataset(file_, where);
  const Dataset labels = open_dataset(file_, building(scale));
  if (axis >= array.shape.size() || labels.shape != Extents{array.shape[axis]}) {
    where.fail(fmt::format("its axis {} does not have the length of scale {}", axis, scale));
  }
  where.ok(H5DSattach_scale(array.handle.id(), labels.handle.id(), static_cast<unsigned>(axis)),
           "attach scale " + scale);
}

std::vector<std::byte> Hdf5Writer::finish() && {
  const Where where = building("/");
  const Handle file = std::move(file_);
  // What is left open keeps the image in memory, for ever.
  if (H5Fget_obj_count(file.id(), H5F_OBJ_ALL) != 1) where.fail("objects of it are still open");
  where.ok(H5Fflush(file.id(), H5F_SCOPE_GLOBAL), "finish");
  const ssize_t size = where.ok(H5Fget_file_image(file.id(), nullptr, 0), "measure the image");
  std::vector<std::byte> image;
  constexpr std::size_t room_for_block = 512;  // that seal() adds, without moving the image
  image.reserve(static_cast<std::size_t>(size) + room_for_block);
  image.resize(static_cast<std::size_t>(size));
  const ssize_t copied =
      where.ok(H5Fget_file_image(file.id(), image.data(), image.size()), "copy the image");
  if (copied != size || image.size() < hdf5_signature.size() ||
      std::memcmp(image.data(), hdf5_signature.data(), hdf5_signature.size()) != 0) {
    where.fail("its image is not as expected: is this another version of HDF5?");
  }
  return image;
}

}  // namespace icl::store
