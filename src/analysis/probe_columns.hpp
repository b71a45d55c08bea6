#pragma once

#include <array>
#include <cstdint>

#include "icl/analysis/probe_record.hpp"

/// What a probe file has for each circuit and as settings, as tables: writing, reading and
/// comparing go through them.
namespace icl::analysis {

using curvature::CircuitCurvature;
using curvature::Vector;

inline constexpr const char* lanczos_source =
    "Lanczos process with full reorthogonalisation, Golub & Van Loan, Matrix Computations, 10.3; "
    "products by central differences of gradients in double, with the ReLUs held";
inline constexpr const char* fisher_source =
    "true Fisher matrix = Gauss-Newton matrix: Martens 2020 (arXiv 1412.1193), Kunstner et al. "
    "2019 "
    "(arXiv 1905.12558)";
inline constexpr const char* coefficient_source = "Lau et al. 2023 (arXiv 2308.12108)";

/// A number of a circuit at a step.
struct Scalar {
  const char* name;
  const char* units;
  const char* long_name;
  const char* formula;
  const char* source;
  double& (*of)(CircuitCurvature&);
};
inline constexpr auto scalars = std::to_array<Scalar>({
    {"hessian_trace", "nat", "trace of the Hessian", "tr F + mean over z of z^T (H - F) z",
     "Hutchinson 1990, on what is no part of F",
     [](CircuitCurvature& c) -> double& { return c.hessian_trace.value; }},
    {"hessian_trace_error", "nat", "standard error of the trace of the Hessian",
     "standard deviation over the vectors z / sqrt(their number)", "Hutchinson 1990",
     [](CircuitCurvature& c) -> double& { return c.hessian_trace.error; }},
    {"hessian_least", "nat", "least Ritz value of the Hessian", "no less than its least eigenvalue",
     lanczos_source, [](CircuitCurvature& c) -> double& { return c.hessian.least; }},
    {"fisher_trace", "nat", "trace of the Fisher matrix", "mean of p (1 - p) |dz/dw|^2",
     fisher_source, [](CircuitCurvature& c) -> double& { return c.fisher_trace; }},
    {"gradient_norm", "nat", "norm of the gradient", "|dL/dw|", "by definition",
     [](CircuitCurvature& c) -> double& { return c.gradient_norm; }},
    {"noise_trace", "nat^2", "trace of the covariance of the gradients of single sequences",
     "n/(n - 1) (mean of |dl/dw|^2 - |dL/dw|^2); over B it is the variance of a batch's gradient",
     "by definition", [](CircuitCurvature& c) -> double& { return c.noise_trace; }},
});

/// Numbers of a circuit at a step, one for each eigenvalue.
struct List {
  const char* name;
  const char* long_name;
  const char* formula;
  const char* source;
  Vector& (*of)(CircuitCurvature&);
};
inline constexpr auto lists = std::to_array<List>({
    {"hessian_eigenvalue", "largest eigenvalues of the Hessian", "H x = lambda x", lanczos_source,
     [](CircuitCurvature& c) -> Vector& { return c.hessian.top; }},
    {"hessian_eigenvalue_error", "bound on their errors", "|H x - lambda x|", lanczos_source,
     [](CircuitCurvature& c) -> Vector& { return c.hessian.error; }},
    {"fisher_eigenvalue", "largest eigenvalues of the Fisher matrix", "F x = lambda x",
     fisher_source, [](CircuitCurvature& c) -> Vector& { return c.fisher.top; }},
    {"fisher_eigenvalue_error", "bound on their errors", "|F x - lambda x|", lanczos_source,
     [](CircuitCurvature& c) -> Vector& { return c.fisher.error; }},
});

/// A whole number among the settings: how it is called, in which group, and where it lies. One that
/// the request has no part for has no place.
struct Setting {
  const char* group;
  const char* name;
  const char* words;
  std::int64_t* (*of)(ProbeRequest&);
};
inline constexpr auto settings = std::to_array<Setting>({
    {"/", "batches", "number of batches", [](ProbeRequest& r) { return &r.batches; }},
    {"/", "batch_size", "size of a batch", [](ProbeRequest& r) { return &r.batch_size; }},
    {"/curvature", "eigenvalues", "number of eigenvalues",
     [](ProbeRequest& r) { return r.curvature ? &r.curvature->eigenvalues : nullptr; }},
    {"/curvature", "trace_samples", "number of vectors for the trace",
     [](ProbeRequest& r) { return r.curvature ? &r.curvature->trace_samples : nullptr; }},
    {"/curvature", "most_products", "largest number of products for the eigenvalues",
     [](ProbeRequest& r) { return r.curvature ? &r.curvature->most : nullptr; }},
    {"/llc", "burn_in", "burn-in of the chains",
     [](ProbeRequest& r) { return r.coefficient ? &r.coefficient->burn_in : nullptr; }},
    {"/llc", "draws", "number of draws of a chain",
     [](ProbeRequest& r) { return r.coefficient ? &r.coefficient->draws : nullptr; }},
    {"/llc", "chains", "number of chains",
     [](ProbeRequest& r) { return r.coefficient ? &r.coefficient->chains : nullptr; }},
});

}  // namespace icl::analysis
