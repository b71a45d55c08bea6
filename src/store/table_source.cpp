#include "icl/store/table_source.hpp"

#include <algorithm>
#include <cstring>
#include <span>

#include "hdf5_calls.hpp"
#include "icl/store/chunks.hpp"
#include "icl/store/stored_table.hpp"

namespace icl::store {
namespace {

constexpr std::uint64_t slab_bytes = std::uint64_t{1} << 20U;  // of what is not in chunks
constexpr std::size_t most_listed = 20;

// ---- What the numbers are ----

Handle half_type() {
  Handle type(H5Tcopy(H5T_IEEE_F32LE));
  H5Tset_fields(type.id(), 15, 10, 5, 0, 10);
  H5Tset_size(type.id(), 2);
  H5Tset_ebias(type.id(), 15);
  return type;
}

bool is_ieee(hid_t type, hid_t little) {
  const Handle wanted(H5Tcopy(little));
  H5Tset_order(wanted.id(), H5Tget_order(type));
  return H5Tequal(type, wanted.id()) > 0;
}

/// An enumeration of FALSE = 0 and TRUE = 1 in one byte: h5py's bool.
bool is_boolean_enum(hid_t type) {
  if (H5Tget_size(type) != 1 || H5Tget_nmembers(type) != 2) return false;
  for (const auto& [name, expected] : {std::pair("FALSE", 0), std::pair("TRUE", 1)}) {
    std::uint8_t value = 0;
    if (H5Tenum_valueof(type, name, &value) < 0 || value != expected) return false;
  }
  return true;
}

NumberFormat format_of(hid_t type) {
  using Kind = NumberFormat::Kind;
  const std::size_t size = H5Tget_size(type);
  const bool big = H5Tget_order(type) == H5T_ORDER_BE;
  const auto format = [&](Kind kind) {
    return NumberFormat{kind, static_cast<std::uint8_t>(size), big};
  };
  const bool plain = H5Tget_precision(type) == 8 * size && H5Tget_offset(type) == 0;
  switch (H5Tget_class(type)) {
    case H5T_INTEGER: {
      const bool known = size == 1 || size == 2 || size == 4 || size == 8;
      if (!known || !plain) return {};
      return format(H5Tget_sign(type) == H5T_SGN_NONE ? Kind::unsigned_integer
                                                      : Kind::signed_integer);
    }
    case H5T_FLOAT: {
      const Handle half = half_type();
      const bool known = is_ieee(type, half.id()) || is_ieee(type, H5T_IEEE_F32LE) ||
                         is_ieee(type, H5T_IEEE_F64LE);
      return known ? format(Kind::real) : NumberFormat{};
    }
    case H5T_ENUM:
      return is_boolean_enum(type) ? format(Kind::boolean) : NumberFormat{};
    case H5T_BITFIELD:  // PyTables' bool
      return size == 1 && plain ? format(Kind::boolean) : NumberFormat{};
    default:
      return {};
  }
}

std::string type_text(hid_t type, NumberFormat format) {
  const std::size_t bits = 8 * H5Tget_size(type);
  const bool known = format.kind != NumberFormat::Kind::other;
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      return fmt::format("{}{}int{}", known ? "" : "padded ",
                         H5Tget_sign(type) == H5T_SGN_NONE ? "u" : "", bits);
    case H5T_FLOAT:
      return fmt::format("{}float{}", known ? "" : "non-IEEE ", bits);
    case H5T_STRING:
      return "text";
    case H5T_COMPOUND:
      return H5Tget_nmembers(type) == 2 && H5Tget_member_index(type, "r") >= 0 &&
                     H5Tget_member_index(type, "i") >= 0
                 ? "complex"
                 : "compound";
    case H5T_ENUM:
      return known ? "bool" : "enumeration";
    case H5T_BITFIELD:
      return known ? "bool" : "bitfield";
    default:
      return "neither number nor text";
  }
}

// ---- Where they lie ----

/// "; / holds images, train/": what lies where a dataset was looked for.
std::string listing(const Handle& file, const std::string& name, const std::string& dataset) {
  const std::string parent = dataset.substr(0, std::max<std::size_t>(dataset.rfind('/'), 1));
  Handle group = find_object(file, reading(name, parent));
  const std::string shown = group.id() >= 0 ? parent : "/";
  if (group.id() < 0) group = Handle(H5Oopen(file.id(), "/", H5P_DEFAULT));
  std::vector<std::string> names;
  const auto collect = [](hid_t at, const char* member, const H5L_info_t* link,
                          void* all) -> herr_t {
    const bool is_group = link->type == H5L_TYPE_HARD &&
                          kind_of(Handle(H5Oopen(at, member, H5P_DEFAULT))) == NodeKind::group;
    static_cast<std::vector<std::string>*>(all)->emplace_back(std::string(member) +
                                                              (is_group ? "/" : ""));
    return 0;
  };
  if (kind_of(group) != NodeKind::group ||
      H5Literate(group.id(), H5_INDEX_NAME, H5_ITER_INC, nullptr, collect, &names) < 0) {
    return "";
  }
  if (names.empty()) return fmt::format("; {} is empty", shown);
  if (names.size() > most_listed) return fmt::format("; {} holds {} others", shown, names.size());
  return fmt::format("; {} holds {}", shown, fmt::join(names, ", "));
}

void describe_filters(const Handle& properties, const Where& where, TableHead& head) {
  const int count = where.ok(H5Pget_nfilters(properties.id()), "read its filters");
  if (std::cmp_greater(count, head.filter.size())) {
    where.fail(fmt::format("goes through {} filters", count));
  }
  for (int i = 0; i < count; ++i) {
    std::array<unsigned, 8> values{};
    std::size_t found = values.size();
    const H5Z_filter_t filter =
        where.ok(H5Pget_filter2(properties.id(), static_cast<unsigned>(i), nullptr, &found,
                                values.data(), 0, nullptr, nullptr),
                 "read its filters");
    if (filter < H5Z_FILTER_DEFLATE || filter > H5Z_FILTER_FLETCHER32) {
      where.fail(fmt::format(
          "is compressed by {}, which this program does not undo: write it anew with gzip or with "
          "no compression (in h5py: create_dataset(..., compression=\"gzip\"); where h5repack has "
          "that filter: h5repack -f GZIP=4 OLD.h5 NEW.h5)",
          filter_name(static_cast<std::uint64_t>(filter))));
    }
    head.filter.at(static_cast<std::size_t>(i)) = {
        static_cast<FilterKind>(filter), filter == H5Z_FILTER_SHUFFLE && found > 0 ? values[0] : 0};
  }
  head.filters = static_cast<std::uint32_t>(count);
}

void describe_chunks(const Dataset& dataset, const Handle& properties, const Where& where,
                     TableHead& head) {
  std::array<hsize_t, TableHead::most_axes> lengths{};
  where.ok(H5Pget_chunk(properties.id(), static_cast<int>(head.rank), lengths.data()),
           "read the size of its chunks");
  std::ranges::copy(lengths, head.block.begin());
  head.whole_blocks = 1;
  unsigned options = 0;
  where.ok(H5Pget_chunk_opts(properties.id(), &options), "read the options of its chunks");
  head.plain_edges = (options & H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS) != 0 ? 1 : 0;
  describe_filters(properties, where, head);
  head.stored_bytes = H5Dget_storage_size(dataset.handle.id());
}

/// Blocks of whole rows, of about slab_bytes.
void describe_slabs(const Dataset& dataset, TableHead& head) {
  head.block = head.shape;
  head.stored_bytes = H5Dget_storage_size(dataset.handle.id());
  std::uint64_t row_bytes = head.element_bytes;
  for (std::size_t i = 1; i < head.rank; ++i) {
    if (__builtin_mul_overflow(row_bytes, head.shape.at(i), &row_bytes)) return;
  }
  if (head.rank > 0 && row_bytes > 0) {
    head.block[0] = std::clamp<std::uint64_t>(slab_bytes / row_bytes, 1,
                                              std::max<std::uint64_t>(head.shape[0], 1));
  }
}

TableHead describe(const Dataset& dataset, const Handle& properties, const Where& where) {
  TableHead head;
  head.found = 1;
  head.rank = static_cast<std::uint32_t>(dataset.shape.size());
  std::ranges::copy(dataset.shape, head.shape.begin());
  const Handle type(where.ok(H5Dget_type(dataset.handle.id()), "read the type"));
  head.element_bytes = H5Tget_size(type.id());
  head.format = format_of(type.id());
  const std::string text = type_text(type.id(), head.format);
  std::copy_n(text.begin(), std::min(text.size(), head.type.size() - 1), head.type.begin());
  const H5D_layout_t layout = H5Pget_layout(properties.id());
  const bool inside = layout == H5D_COMPACT || layout == H5D_CONTIGUOUS || layout == H5D_CHUNKED;
  if (!inside || H5Pget_external_count(properties.id()) != 0) {
    where.fail("is stored outside of the file");
  }
  if (layout == H5D_CHUNKED) {
    describe_chunks(dataset, properties, where, head);
  } else {
    describe_slabs(dataset, head);
  }
  return head;
}

// ---- Sending ----

/// A block with its mask in front.
std::vector<std::byte> message_of(std::uint64_t bytes, const Where& where) {
  if (bytes > UINT32_MAX) where.fail(fmt::format("has a block of {} bytes", bytes));
  return std::vector<std::byte>(sizeof(std::uint32_t) + bytes);
}

void send_chunk(const Dataset& dataset, const Extents& origin, const Where& where,
                const Isolated::Send& send) {
  const std::vector<hsize_t> at(origin.begin(), origin.end());
  hsize_t bytes = 0;
  const bool there =
      H5Dget_chunk_storage_size(dataset.handle.id(), at.data(), &bytes) >= 0 && bytes > 0;
  if (!there) {
    where.fail(fmt::format("was never written from [{}] on: there is no chunk of it",
                           fmt::join(origin, ", ")));
  }
  std::vector<std::byte> message = message_of(bytes, where);
  std::uint32_t mask = 0;
  where.ok(H5Dread_chunk(dataset.handle.id(), H5P_DEFAULT, at.data(), &mask,
                         message.data() + sizeof mask),
           "read a chunk");
  std::memcpy(message.data(), &mask, sizeof mask);
  send(message);
}

void send_slab(const Dataset& dataset, const Handle& type, const TableHead& head,
               const Extents& origin, const Where& where, const Isolated::Send& send) {
  std::vector<hsize_t> start(origin.begin(), origin.end());
  std::vector<hsize_t> count;
  std::uint64_t bytes = head.element_bytes;
  for (std::size_t i = 0; i < head.rank; ++i) {
    count.push_back(std::min(head.block.at(i), head.shape.at(i) - origin[i]));
    if (__builtin_mul_overflow(bytes, count.back(), &bytes)) where.fail("is too large");
  }
  const Handle from(where.ok(H5Dget_space(dataset.handle.id()), "read the shape"));
  where.ok(
      H5Sselect_hyperslab(from.id(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr),
      "select a part");
  const Handle to(where.ok(H5Screate_simple(static_cast<int>(head.rank), count.data(), nullptr),
                           "make the shape"));
  std::vector<std::byte> message = message_of(bytes, where);
  where.ok(H5Dread(dataset.handle.id(), type.id(), to.id(), from.id(), H5P_DEFAULT,
                   message.data() + sizeof(std::uint32_t)),
           "read the values");
  send(message);
}

void send_table(const Handle& file, const std::string& name, const TableRequest& request,
                const Isolated::Send& send) {
  const Where where = reading(name, request.dataset);
  const auto send_head = [&](const TableHead& head) { send(std::as_bytes(std::span(&head, 1))); };
  if (find_object(file, where).id() < 0) {
    if (request.may_be_missing) return send_head({});
    where.fail("is missing" + listing(file, name, request.dataset));
  }
  const Dataset dataset = open_dataset(file, where);
  const Handle properties(where.ok(H5Dget_create_plist(dataset.handle.id()), "read the layout"));
  const TableHead head = describe(dataset, properties, where);
  send_head(head);
  if (head.rank == 0 || std::ranges::find(dataset.shape, 0U) != dataset.shape.end()) return;
  const Extents block(head.block.begin(), head.block.begin() + head.rank);
  if (std::ranges::find(block, 0U) != block.end()) where.fail("has chunks of no size");
  const Handle type(where.ok(H5Dget_type(dataset.handle.id()), "read the type"));
  for_each_block(dataset.shape, block, [&](const Extents& origin) {
    if (head.whole_blocks != 0) return send_chunk(dataset, origin, where, send);
    send_slab(dataset, type, head, origin, where, send);
  });
}

}  // namespace

Hdf5Handle open_file(const std::filesystem::path& path) {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  const Where where = reading(path.string(), "/");
  const Handle access(where.ok(H5Pcreate(H5P_FILE_ACCESS), "start"));
  where.ok(H5Pset_fapl_sec2(access.id()), "start");
  // Network file systems may have no locks, and what is read here is not written by us.
  where.ok(H5Pset_file_locking(access.id(), false, true), "start");
  where.ok(H5Pset_cache(access.id(), 0, 1, 0, 1), "start");
  return Handle(where.ok(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.id()), "open it as HDF5"));
}

void send_tables(const Hdf5Handle& file, const std::string& name,
                 const std::vector<TableRequest>& requests, const Isolated::Send& send) {
  for (const TableRequest& request : requests) send_table(file, name, request, send);
}

}  // namespace icl::store
