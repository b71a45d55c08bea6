#include "icl/io/hdf5.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <hdf5.h>
#include <hdf5_hl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "icl/core/error.hpp"

namespace icl::io {

static_assert(std::is_same_v<hid_t, std::int64_t>);

std::string hdf5_version() {
  unsigned major = 0;
  unsigned minor = 0;
  unsigned release = 0;
  H5get_libversion(&major, &minor, &release);
  return fmt::format("{}.{}.{}", major, minor, release);
}

Hdf5Handle::~Hdf5Handle() {
  if (id_ >= 0) H5Idec_ref(id_);
}

namespace {

using Handle = Hdf5Handle;

constexpr std::size_t image_increment = 1U << 20U;  // bytes by which an image in RAM grows

/// What HDF5's error stack says went wrong at its innermost level, as " (HDF5: ...)", or nothing.
std::string hdf5_reason() {
  std::string reason;
  const auto keep = [](unsigned level, const H5E_error2_t* error, void* out) -> herr_t {
    if (level == 0) *static_cast<std::string*>(out) = fmt::format(" (HDF5: {})", error->desc);
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep, &reason);
  return reason;
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

Where building(const std::string& path) { return {ExitCode::internal, "new HDF5 file", path}; }

Where reading(const std::string& file, const std::string& path) {
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
std::array<TypeRow, 5> numeric_types() {
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

ElementType classify(const Handle& type) {
  for (const TypeRow& row : numeric_types()) {
    if (H5Tequal(type.id(), row.on_disk) > 0) return row.type;
  }
  return H5Tis_variable_str(type.id()) > 0 ? ElementType::text : ElementType::other;
}

std::string_view type_name(ElementType type) {
  for (const TypeRow& row : numeric_types()) {
    if (row.type == type) return row.name;
  }
  return type == ElementType::text ? "text" : "another type";
}

Handle text_type() {
  Handle type(H5Tcopy(H5T_C_S1));
  building("/").ok(H5Tset_size(type.id(), H5T_VARIABLE), "make the string type");
  building("/").ok(H5Tset_cset(type.id(), H5T_CSET_UTF8), "make the string type");
  return type;
}

/// The number of elements, or nullopt if that overflows.
std::optional<std::uint64_t> element_count(const Extents& shape) {
  std::uint64_t count = 1;
  for (const std::uint64_t length : shape) {
    if (__builtin_mul_overflow(count, length, &count)) return std::nullopt;
  }
  return count;
}

Handle make_space(const Extents& shape, const Where& where) {
  const std::vector<hsize_t> lengths(shape.begin(), shape.end());
  const int rank = static_cast<int>(shape.size());
  const hid_t space =
      rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(rank, lengths.data(), nullptr);
  return Handle(where.ok(space, "make the shape"));
}

Extents space_extents(const Handle& space, const Where& where) {
  const int rank = where.ok(H5Sget_simple_extent_ndims(space.id()), "read the shape");
  std::vector<hsize_t> lengths(static_cast<std::size_t>(rank));
  if (rank > 0) H5Sget_simple_extent_dims(space.id(), lengths.data(), nullptr);
  return {lengths.begin(), lengths.end()};
}

// ---- Objects ----

/// The object at a path, reached by hard links only; an empty handle if there is none.
Handle find_object(const Handle& file, const Where& where) {
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

Handle open_object(const Handle& file, const Where& where) {
  Handle object = find_object(file, where);
  if (object.id() < 0) where.fail("is missing");
  return object;
}

NodeKind kind_of(const Handle& object) {
  const H5I_type_t type = H5Iget_type(object.id());
  if (type == H5I_GROUP) return NodeKind::group;
  return type == H5I_DATASET ? NodeKind::dataset : NodeKind::other;
}

struct Dataset {
  Handle handle;
  Extents shape;
  ElementType type;
};

Dataset open_dataset(const Handle& file, const Where& where) {
  Handle handle = open_object(file, where);
  if (kind_of(handle) != NodeKind::dataset) where.fail("is not a dataset");
  const Handle type(where.ok(H5Dget_type(handle.id()), "read the type"));
  const Handle space(where.ok(H5Dget_space(handle.id()), "read the shape"));
  return {std::move(handle), space_extents(space, where), classify(type)};
}

// ---- Building ----

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

void write_dataset(const Handle& file, const Where& where, const Extents& shape, hid_t on_disk,
                   hid_t in_memory, const void* values) {
  const std::string& path = where.path;
  if (find_object(file, where).id() >= 0) where.fail("exists already");
  make_group(file, building(path.substr(0, std::max<std::size_t>(path.rfind('/'), 1))));
  const Handle properties = untimed(H5P_DATASET_CREATE, where);
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

// ---- Reading ----

/// Checks that the values of a dataset lie in the image, all of them, and nowhere else.
void check_storage(const Dataset& dataset, const Where& where, std::uint64_t image_bytes) {
  const Handle properties(where.ok(H5Dget_create_plist(dataset.handle.id()), "read the layout"));
  if (H5Pget_layout(properties.id()) != H5D_CONTIGUOUS ||
      H5Pget_external_count(properties.id()) != 0) {
    where.fail("is not stored as one block of the file");
  }
  const Handle type(where.ok(H5Dget_type(dataset.handle.id()), "read the type"));
  const std::uint64_t element_bytes = std::max<std::size_t>(H5Tget_size(type.id()), 1);
  const std::uint64_t stored = H5Dget_storage_size(dataset.handle.id());
  const std::optional<std::uint64_t> count = element_count(dataset.shape);
  if (!count || stored > image_bytes || stored / element_bytes != *count) {
    where.fail(fmt::format("has shape [{}], but {} bytes of it are in the file",
                           fmt::join(dataset.shape, ", "), stored));
  }
}

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

/// Takes over strings that HDF5 allocated; it gives a null pointer for an empty one.
std::vector<std::string> adopt(std::span<char* const> strings) {
  std::vector<std::string> adopted;
  for (char* const string : strings) {
    adopted.emplace_back(string == nullptr ? "" : string);
    H5free_memory(string);
  }
  return adopted;
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
    // A string takes 16 bytes of an attribute, which has less than 64 KiB.
    if (classify(type) != ElementType::text || shape.size() != (scalar ? 0 : 1) ||
        element_count(shape) >= std::uint64_t{4096}) {
      where.fail(scalar ? "is not a string" : "is not a list of strings");
    }
    std::vector<char*> strings(*element_count(shape));
    if (!strings.empty()) where.ok(H5Aread(attribute.id(), type.id(), strings.data()), "read it");
    std::vector<std::string> values = adopt(strings);
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

Hdf5Writer::Hdf5Writer() {
  const Where where = building("/");
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  const Handle access(where.ok(H5Pcreate(H5P_FILE_ACCESS), "start"));
  where.ok(H5Pset_fapl_core(access.id(), image_increment, false), "start");
  // H5Fget_file_image is broken for the formats that a later lower bound allows (HDF5 1.10.8).
  where.ok(H5Pset_libver_bounds(access.id(), H5F_LIBVER_EARLIEST, H5F_LIBVER_V18), "start");
  const Handle creation = untimed(H5P_FILE_CREATE, where);
  where.ok(H5Pset_userblock(creation.id(), user_block_bytes), "start");
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
      const char* const string = c_string(v, where);
      const Handle type = text_type();
      write_attribute(object, where, name, {}, type.id(), type.id(), &string);
    } else {
      std::vector<const char*> strings;
      strings.reserve(v.size());
      for (const std::string& string : v) strings.push_back(c_string(string, where));
      const Handle type = text_type();
      write_attribute(object, where, name, {strings.size()}, type.id(), type.id(), strings.data());
    }
  };
  std::visit(write, value);
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

void Hdf5Writer::text(const std::string& path, const std::string& value) {
  const Where where = building(path);
  const char* const string = c_string(value, where);
  const Handle type = text_type();
  write_dataset(file_, where, {}, type.id(), type.id(), &string);
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
  where.ok(H5Fflush(file.id(), H5F_SCOPE_GLOBAL), "finish");
  const ssize_t size = where.ok(H5Fget_file_image(file.id(), nullptr, 0), "measure the image");
  // HDF5 1.10.8 leaves the user block out of the image.
  std::vector<std::byte> image(user_block_bytes + static_cast<std::size_t>(size));
  std::byte* const data = image.data() + user_block_bytes;
  where.ok(H5Fget_file_image(file.id(), data, static_cast<std::size_t>(size)), "copy the image");
  constexpr std::string_view signature = "\x89HDF\r\n\x1a\n";
  if (std::memcmp(data, signature.data(), signature.size()) != 0) {
    where.fail("its image does not begin where expected: is this another version of HDF5?");
  }
  return image;
}

Hdf5Reader::Hdf5Reader(std::span<const std::byte> image, std::string name)
    : name_(std::move(name)), image_bytes_(image.size()) {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  if (image.empty()) reading(name_, "/").fail("the file is empty");
  const Where where = reading(name_, "/");
  const Handle access(where.ok(H5Pcreate(H5P_FILE_ACCESS), "start"));
  where.ok(H5Pset_fapl_core(access.id(), image_increment, false), "start");
  // HDF5 gets a pointer that it may write to, but opens the file read-only and writes nothing.
  auto* const bytes = const_cast<std::byte*>(image.data());
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

AttributeValue Hdf5Reader::attribute_value(const std::string& path,
                                           const std::string& name) const {
  const Where where = reading(name_, path + ": attribute " + name);
  const Handle object = open_object(file_, reading(name_, path));
  const Handle attribute(where.ok(H5Aopen(object.id(), name.c_str(), H5P_DEFAULT), "open it"));
  const Handle type(where.ok(H5Aget_type(attribute.id()), "see its type"));
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

Extents Hdf5Reader::shape(const std::string& dataset) const {
  return open_dataset(file_, reading(name_, dataset)).shape;
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
  if (open.type != ElementType::text || !open.shape.empty()) where.fail("is not a scalar text");
  const Handle type = text_type();
  char* string = nullptr;
  where.ok(H5Dread(open.handle.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, &string), "read it");
  return adopt({&string, 1}).front();
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

}  // namespace icl::io
