#include "icl/curvature/circuits.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

#include "icl/core/simd.hpp"

namespace icl::curvature {
namespace {

enum class Role : std::uint8_t { norm, query_key, value, mlp };

struct Part {
  Tile where;
  Role role;
};

/// The parts of a tensor that begins at `first` in w.
std::vector<Part> parts_of(const NamedTensor& tensor, std::int64_t first) {
  const std::string_view name = tensor.name;
  if (name.ends_with("qkv.weight")) {  // rows W_q, W_k, W_v
    const std::int64_t one = tensor.size / 3;
    return {{{first, 2 * one}, Role::query_key}, {{first + 2 * one, one}, Role::value}};
  }
  Role role = Role::norm;
  if (name == "beta") role = Role::query_key;
  if (name == "w" || name == "value.weight" || name.ends_with("attn.output.weight"))
    role = Role::value;
  if (name.starts_with("mlp.") || name.find(".mlp.") != std::string_view::npos) role = Role::mlp;
  return {{{first, tensor.size}, role}};
}

template <class Visit>
void for_each_part(const Circuit& circuit, const Visit& visit) {
  std::int64_t done = 0;
  for (const Tile& part : circuit.parts) {
    visit(part, done);
    done += part.count;
  }
}

}  // namespace

std::int64_t Circuit::size() const {
  std::int64_t count = 0;
  for (const Tile& part : parts) count += part.count;
  return count;
}

std::vector<Circuit> circuits_of(std::span<const NamedTensor> tensors) {
  Circuit all{"all", {}};
  Circuit attention{"attention", {}};
  Circuit query_key{"query_key", {}};
  Circuit value{"value", {}};
  Circuit mlp{"mlp", {}};
  std::int64_t first = 0;
  for (const NamedTensor& tensor : tensors) {
    for (const Part& part : parts_of(tensor, first)) {
      if (!tensor.trained) continue;
      all.parts.push_back(part.where);
      if (part.role == Role::mlp) mlp.parts.push_back(part.where);
      if (part.role != Role::mlp) attention.parts.push_back(part.where);
      if (part.role == Role::query_key) query_key.parts.push_back(part.where);
      if (part.role == Role::value) value.parts.push_back(part.where);
    }
    first += tensor.size;
  }
  std::vector<Circuit> circuits;
  for (Circuit* circuit : {&all, &attention, &query_key, &value, &mlp}) {
    if (!circuit->parts.empty()) circuits.push_back(std::move(*circuit));
  }
  return circuits;
}

Vector gather(const Circuit& circuit, std::span<const double> whole) {
  Vector part(static_cast<std::size_t>(circuit.size()));
  for_each_part(circuit, [&](Tile tile, std::int64_t done) {
    std::copy_n(whole.data() + tile.first, tile.count, part.data() + done);
  });
  return part;
}

void scatter(const Circuit& circuit, std::span<const double> part, std::span<double> whole) {
  std::ranges::fill(whole, 0.0);
  for_each_part(circuit, [&](Tile tile, std::int64_t done) {
    std::copy_n(part.data() + done, tile.count, whole.data() + tile.first);
  });
}

double dot_within(const Circuit& circuit, std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (const Tile& part : circuit.parts) {
    sum += simd::dot(a.data() + part.first, b.data() + part.first, part.count);
  }
  return sum;
}

Product block_of(const Product& whole, const Circuit& circuit, std::int64_t d) {
  return [&whole, &circuit, v = Vector(static_cast<std::size_t>(d)),
          image = Vector(static_cast<std::size_t>(d))](std::span<const double> in,
                                                       std::span<double> out) mutable {
    scatter(circuit, in, v);
    whole(v, image);
    std::ranges::copy(gather(circuit, image), out.begin());
  };
}

}  // namespace icl::curvature
