#include "icl/store/group_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace icl::store {

GroupWriter::GroupWriter(Hdf5Writer& file, std::string path) : file_(file), path_(std::move(path)) {
  file_.group(path_);
}

void GroupWriter::axis(const std::string& name, const std::vector<std::int64_t>& values) {
  add_axis(name, values.size(), std::span(values));
}

void GroupWriter::axis(const std::string& name, const std::vector<double>& values) {
  add_axis(name, values.size(), std::span(values));
}

void GroupWriter::add_axis(const std::string& name, std::size_t length, const ArrayView& values) {
  if (std::ranges::find(axes_, name) != axes_.end()) return;
  axes_.push_back(name);
  file_.dataset(at(name), {length}, values);
  file_.scale(at(name), name);
}

void GroupWriter::axis(const std::string& name, std::int64_t length) {
  std::vector<std::int64_t> index(static_cast<std::size_t>(length));
  std::iota(index.begin(), index.end(), 0);
  axis(name, index);
}

void GroupWriter::dataset(const std::string& name, const std::vector<std::string>& axes,
                          const Extents& shape, const ArrayView& values, const Caption& caption) {
  file_.dataset(at(name), shape, values);
  describe(name, axes, caption);
}

void GroupWriter::packed_dataset(const std::string& name, const std::vector<std::string>& axes,
                                 const Extents& shape, const std::vector<double>& values,
                                 const Caption& caption) {
  file_.packed_dataset(at(name), shape, values);
  describe(name, axes, caption);
}

void GroupWriter::describe(const std::string& name, const std::vector<std::string>& axes,
                           const Caption& caption) {
  for (std::size_t i = 0; i < axes.size(); ++i) file_.attach_scale(at(name), i, at(axes[i]));
  this->caption(name, caption);
}

void GroupWriter::caption(const std::string& dataset, const Caption& caption) {
  dataset_attribute(dataset, "units", caption.units);
  dataset_attribute(dataset, "long_name", caption.long_name);
  if (!caption.description.empty()) {
    dataset_attribute(dataset, "description", caption.description);
  }
}

void GroupWriter::attribute(const std::string& name, const AttributeValue& value) {
  file_.attribute(path_, name, value);
}

void GroupWriter::dataset_attribute(const std::string& dataset, const std::string& name,
                                    const AttributeValue& value) {
  file_.attribute(at(dataset), name, value);
}

void GroupWriter::plot(const std::string& signal, const std::vector<std::string>& axes,
                       const std::string& title, const std::vector<std::string>& others) {
  attribute("NX_class", std::string("NXdata"));
  attribute("signal", signal);
  if (!others.empty()) attribute("auxiliary_signals", others);
  attribute("axes", axes);
  file_.varying_text(path_, "title", title);
}

std::string attribute_text(const std::string& text) {
  constexpr std::size_t most_bytes = std::size_t{32} << 10U;
  if (text.size() <= most_bytes) return text;
  std::size_t end = most_bytes;
  // Not within a character of UTF-8, whose bytes after the first are 10xxxxxx.
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return fmt::format("{} ... (cut here: {} bytes in all)", text.substr(0, end), text.size());
}

}  // namespace icl::store
