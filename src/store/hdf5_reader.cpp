#include "icl/store/hdf5_reader.hpp"

#include "hdf5_calls.hpp"
#include "hdf5_storage.hpp"
#include "hdf5_table.hpp"

namespace icl::store {
namespace {

template <class T>
std::vector<T> read_values(const Dataset& dataset, const Where& where, std::uint64_t image_bytes,
                           Precision precision) {
  const TypeRow wanted = numeric_type<T>();
  const bool converts =
      std::is_floating_point_v<T> && precision == Precision::convert &&
      (dataset.type == ElementType::float32 || dataset.type == ElementType::float64);
  if (dataset.type != wanted.type && !converts) {
    where.fail(fmt::format("has type {}, expected {}", type_name(dataset.type), wanted.name));
  }
  if (element_count(dataset.shape) == std::uint64_t{0}) return {};
  check_storage(dataset, where, image_bytes);
  std::vector<T> values(*element_count(dataset.shape));
  where.ok(
      H5Dread(dataset.handle.id(), wanted.in_memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()),
      "read the values");
  return values;
}

/// Strings of `bytes` bytes each, one after the other, without the NULs behind each.
std::vector<std::string> split(std::string_view all, std::size_t bytes) {
  std::vector<std::string> strings;
  for (; all.size() >= bytes && bytes > 0; all.remove_prefix(bytes)) {
    const std::string_view padded = all.substr(0, bytes);
    strings.emplace_back(padded.substr(0, padded.find('\0')));
  }
  return strings;
}

void refuse_variable_text(ElementType type, const Where& where) {
  if (type == ElementType::variable_text) {
    where.fail("is text of variable length, which this program does not read");
  }
}

template <class T>
T read_attribute(const Handle& attribute, const Where& where) {
  const Handle type(where.ok(H5Aget_type(attribute.id()), "read the type"));
  const Handle space(where.ok(H5Aget_space(attribute.id()), "read the shape"));
  const Extents shape = space_extents(space, where);
  if constexpr (std::is_arithmetic_v<T>) {
    const TypeRow row = numeric_type<T>();
    if (classify(type) != row.type || !shape.empty()) {
      where.fail(fmt::format("is not a scalar {}", row.name));
    }
    T value{};
    where.ok(H5Aread(attribute.id(), row.in_memory, &value), "read the value");
    return value;
  } else {
    constexpr bool scalar = std::is_same_v<T, std::string>;
    refuse_variable_text(classify(type), where);
    // An attribute has less than 64 KiB.
    constexpr std::uint64_t most_bytes = 1U << 16U;
    const std::size_t bytes = H5Tget_size(type.id());
    const std::uint64_t count = element_count(shape).value_or(UINT64_MAX);
    if (classify(type) != ElementType::text || shape.size() != (scalar ? 0 : 1) || bytes == 0 ||
        bytes > most_bytes || count > most_bytes / bytes) {
      where.fail(scalar ? "is not a string" : "is not a list of strings");
    }
    std::string all(count * bytes, '\0');
    if (!all.empty()) where.ok(H5Aread(attribute.id(), type.id(), all.data()), "read it");
    std::vector<std::string> values = split(all, bytes);
    if constexpr (scalar) {
      return values.at(0);
    } else {
      return values;
    }
  }
}

/// Lets HDF5 use the image where it lies: H5LTopen_file_image, made for that, leaks (HDF5 1.10.8).
H5FD_file_image_callbacks_t borrowing(std::byte* image) {
  using Op = H5FD_file_image_op_t;
  return {.image_malloc = [](std::size_t, Op, void* data) { return data; },
          .image_memcpy = [](void* to, const void*, std::size_t, Op, void*) { return to; },
          .image_realloc = [](void*, std::size_t, Op, void*) -> void* { return nullptr; },
          .image_free = [](void*, Op, void*) -> herr_t { return 0; },
          .udata_copy = [](void* data) { return data; },
          .udata_free = [](void*) -> herr_t { return 0; },
          .udata = image};
}

/// Callback for H5Literate and H5Aiterate2: appends the name to a vector of strings.
template <class Info>
herr_t collect(hid_t /*object*/, const char* name, const Info* /*info*/, void* names) {
  static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

}  // namespace

Hdf5Reader::Hdf5Reader(std::span<const std::byte> image, std::string name)
    : name_(std::move(name)), image_bytes_(image.size()) {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  if (image.empty()) reading(name_, "/").fail("the file is empty");
  const Where where = reading(name_, "/");
  const Handle access(where.ok(H5Pcreate(H5P_FILE_ACCESS), "start"));
  where.ok(H5Pset_fapl_core(access.id(), image_increment, false), "start");
  where.ok(H5Pset_fclose_degree(access.id(), H5F_CLOSE_STRONG), "start");
  // Without a cache, HDF5 reads chunks that no filter changes where they lie, within the image.
  // With one, it would copy them first and trust the file about their sizes.
  where.ok(H5Pset_cache(access.id(), 0, 1, 0, 1), "start");
  // HDF5 gets a pointer that it may write to, but opens the file read-only and writes nothing.
  auto* const bytes = const_cast<std::byte*>(image.data());  // NOLINT(*-const-cast)
  H5FD_file_image_callbacks_t borrow = borrowing(bytes);
  where.ok(H5Pset_file_image_callbacks(access.id(), &borrow), "start");
  where.ok(H5Pset_file_image(access.id(), bytes, image.size()), "start");
  const std::string unique_name = fmt::format("icl-image-{}", access.id());
  file_ = Handle(
      where.ok(H5Fopen(unique_name.c_str(), H5F_ACC_RDONLY, access.id()), "open it as HDF5"));
}

bool Hdf5Reader::exists(const std::string& path) const {
  return find_object(file_, reading(name_, path)).id() >= 0;
}

std::vector<Child> Hdf5Reader::children(const std::string& group) const {
  const Where where = reading(name_, group);
  const Handle object = open_object(file_, where);
  if (kind_of(object) != NodeKind::group) where.fail("is not a group");
  std::vector<std::string> names;
  where.ok(
      H5Literate(object.id(), H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, collect<H5L_info_t>, &names),
      "list its members");
  std::sort(names.begin(), names.end());
  std::vector<Child> children;
  for (const std::string& name : names) {
    const std::string path = (group == "/" ? "" : group) + '/' + name;
    children.push_back({name, kind_of(open_object(file_, reading(name_, path)))});
  }
  return children;
}

std::vector<std::string> Hdf5Reader::attributes(const std::string& path) const {
  const Where where = reading(name_, path);
  const Handle object = open_object(file_, where);
  std::vector<std::string> names;
  where.ok(
      H5Aiterate2(object.id(), H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, collect<H5A_info_t>, &names),
      "list its attributes");
  std::sort(names.begin(), names.end());
  return names;
}

template <class T>
std::optional<T> Hdf5Reader::find_attribute(const std::string& path,
                                            const std::string& name) const {
  const Handle object = open_object(file_, reading(name_, path));
  const Where where = reading(name_, path + ": attribute " + name);
  if (where.ok(H5Aexists(object.id(), name.c_str()), "look it up") == 0) return std::nullopt;
  const Handle attribute(where.ok(H5Aopen(object.id(), name.c_str(), H5P_DEFAULT), "open it"));
  return read_attribute<T>(attribute, where);
}

template <class T>
T Hdf5Reader::attribute(const std::string& path, const std::string& name) const {
  std::optional<T> value = find_attribute<T>(path, name);
  if (!value) reading(name_, path).fail("has no attribute " + name);
  return *std::move(value);
}

std::optional<AttributeValue> Hdf5Reader::attribute_value(const std::string& path,
                                                          const std::string& name) const {
  const Where where = reading(name_, path + ": attribute " + name);
  const Handle object = open_object(file_, reading(name_, path));
  const Handle attribute(where.ok(H5Aopen(object.id(), name.c_str(), H5P_DEFAULT), "open it"));
  const Handle type(where.ok(H5Aget_type(attribute.id()), "see its type"));
  if (classify(type) == ElementType::variable_text) return std::nullopt;
  switch (H5Tget_class(type.id())) {
    case H5T_INTEGER:
      return read_attribute<std::int64_t>(attribute, where);
    case H5T_FLOAT:
      return read_attribute<double>(attribute, where);
    default:
      break;
  }
  const Handle space(where.ok(H5Aget_space(attribute.id()), "see its shape"));
  if (H5Sget_simple_extent_ndims(space.id()) == 0) {
    return read_attribute<std::string>(attribute, where);
  }
  return read_attribute<std::vector<std::string>>(attribute, where);
}

std::string Hdf5Reader::varying_text(const std::string& path, const std::string& name) const {
  const Where where = reading(name_, path + ": attribute " + name);
  const Handle object = open_object(file_, reading(name_, path));
  const Handle attribute(where.ok(H5Aopen(object.id(), name.c_str(), H5P_DEFAULT), "open it"));
  const Handle type(where.ok(H5Aget_type(attribute.id()), "read the type"));
  const Handle space(where.ok(H5Aget_space(attribute.id()), "read the shape"));
  if (classify(type) != ElementType::variable_text || !space_extents(space, where).empty()) {
    where.fail("is not a string of variable length");
  }
  char* string = nullptr;
  where.ok(H5Aread(attribute.id(), type.id(), &string), "read it");
  std::string value(string == nullptr ? "" : string);
  H5free_memory(string);
  return value;
}

Extents Hdf5Reader::shape(const std::string& dataset) const {
  return open_dataset(file_, reading(name_, dataset)).shape;
}

std::vector<std::string> Hdf5Reader::scales(const std::string& dataset) const {
  const Where where = reading(name_, dataset);
  const Dataset open = open_dataset(file_, where);
  const auto add = [](hid_t /*dataset*/, unsigned /*axis*/, hid_t scale, void* names) -> herr_t {
    constexpr std::size_t longest = 1024;
    std::array<char, longest> path{};
    H5Iget_name(scale, path.data(), path.size());
    auto& all = *static_cast<std::string*>(names);
    all += fmt::format("{}{}", all.empty() ? "" : "+", path.data());
    return 0;
  };
  std::vector<std::string> scales;
  for (unsigned axis = 0; axis < open.shape.size(); ++axis) {
    std::string names;
    where.ok(H5DSiterate_scales(open.handle.id(), axis, nullptr, add, &names), "list its scales");
    scales.push_back(names.empty() ? "none" : names);
  }
  return scales;
}

ElementType Hdf5Reader::type(const std::string& dataset) const {
  return open_dataset(file_, reading(name_, dataset)).type;
}

template <class T>
std::vector<T> Hdf5Reader::read(const std::string& dataset, const Extents& expected,
                                Precision precision) const {
  const Where where = reading(name_, dataset);
  const Dataset open = open_dataset(file_, where);
  if (open.shape != expected) {
    where.fail(fmt::format("has shape [{}], expected [{}]", fmt::join(open.shape, ", "),
                           fmt::join(expected, ", ")));
  }
  return read_values<T>(open, where, image_bytes_, precision);
}

template <class T>
std::vector<T> Hdf5Reader::read_at_most(const std::string& dataset, std::uint64_t max_elements,
                                        Precision precision) const {
  const Where where = reading(name_, dataset);
  const Dataset open = open_dataset(file_, where);
  if (element_count(open.shape).value_or(UINT64_MAX) > max_elements) {
    where.fail(fmt::format("has shape [{}], more than {} elements", fmt::join(open.shape, ", "),
                           max_elements));
  }
  return read_values<T>(open, where, image_bytes_, precision);
}

std::string Hdf5Reader::text(const std::string& dataset) const {
  const Where where = reading(name_, dataset);
  const Dataset open = open_dataset(file_, where);
  refuse_variable_text(open.type, where);
  if (open.type != ElementType::text || !open.shape.empty()) where.fail("is not a scalar text");
  check_storage(open, where, image_bytes_);
  const Handle type(where.ok(H5Dget_type(open.handle.id()), "read the type"));
  std::string all(H5Tget_size(type.id()), '\0');
  where.ok(H5Dread(open.handle.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, all.data()),
           "read it");
  return split(all, all.size()).at(0);
}

std::vector<Column> Hdf5Reader::table(const std::string& dataset) const {
  const Where where = reading(name_, dataset);
  return read_table(open_dataset(file_, where), where, image_bytes_);
}

#define ICL_ATTRIBUTE(T)                                                                          \
  template T Hdf5Reader::attribute<T>(const std::string&, const std::string&) const;              \
  template std::optional<T> Hdf5Reader::find_attribute<T>(const std::string&, const std::string&) \
      const
ICL_ATTRIBUTE(std::int64_t);
ICL_ATTRIBUTE(double);
ICL_ATTRIBUTE(std::string);
ICL_ATTRIBUTE(std::vector<std::string>);

#define ICL_ARRAY(T)                                                                         \
  template std::vector<T> Hdf5Reader::read<T>(const std::string&, const Extents&, Precision) \
      const;                                                                                 \
  template std::vector<T> Hdf5Reader::read_at_most<T>(const std::string&, std::uint64_t,     \
                                                      Precision) const
ICL_ARRAY(float);
ICL_ARRAY(double);
ICL_ARRAY(std::int8_t);
ICL_ARRAY(std::int32_t);
ICL_ARRAY(std::int64_t);

}  // namespace icl::store
