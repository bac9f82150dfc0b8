// The table of backends.
#include "lib/backend/registry.hpp"

#include <algorithm>

#include "lib/backend/openblas_library.hpp"
#include "lib/backend/reference_backend.hpp"
#include "lib/core/error.hpp"

namespace attnspec {
namespace {

std::unique_ptr<Backend> make_direct(unsigned threads) {
  return std::unique_ptr<Backend>(openblas_library().make(CpuMethod::direct, threads));
}

std::unique_ptr<Backend> make_gram(unsigned threads) {
  return std::unique_ptr<Backend>(openblas_library().make(CpuMethod::gram, threads));
}

std::unique_ptr<Backend> make_reference(unsigned) { return make_reference_backend(); }

std::string openblas_reason() {
  const OpenBlasLibrary& library = openblas_library();
  return library.make != nullptr ? "" : "libattnspec-openblas.so can not be loaded: " + library.facts.failure;
}

std::string no_reason() { return ""; }

std::string cuda_reason() { return "this build has no GPU backend (libattnspec-cuda.so does not exist yet)"; }

struct Row {
  const char* device;
  const char* method;
  const char* description;
  std::string (*reason)();  ///< why it can not work here; empty where it can
  std::unique_ptr<Backend> (*make)(unsigned threads);
};

// The first usable row of a device is what `auto` takes.
constexpr Row table[] = {
    {"cpu", "gram", "OpenBLAS: eigenvalues of the Gram matrix, fp64 (dsyrk + dsyevd); curves within 2e-6",
     openblas_reason, make_gram},
    {"cpu", "direct", "LAPACKE: singular values, fp64 (dgesdd); every value to rounding, twice the time",
     openblas_reason, make_direct},
    {"cpu", "reference", "Eigen: singular values, fp64, one thread; the oracle, slow", no_reason, make_reference},
    {"cuda", "gram", "cuSOLVER on an NVIDIA GPU", cuda_reason, nullptr},
};

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

void check_names(const BackendRequest& request) {
  if (request.device != "auto" && request.device != "cpu" && request.device != "cuda")
    throw Error(ErrorKind::usage, "--device " + request.device + ": expected auto, cpu or cuda");
  std::vector<std::string> methods{"auto"};
  for (const Row& row : table)
    if (std::find(methods.begin(), methods.end(), row.method) == methods.end()) methods.emplace_back(row.method);
  if (std::find(methods.begin(), methods.end(), request.method) == methods.end())
    throw Error(ErrorKind::usage, "--method " + request.method + ": expected one of " + join(methods));
}

}  // namespace

std::vector<BackendEntry> list_backends() {
  std::vector<BackendEntry> entries;
  for (const Row& row : table) {
    const std::string reason = row.reason();
    entries.push_back({row.device, row.method, row.description, reason.empty(), reason});
  }
  return entries;
}

BlasFacts blas_facts() { return openblas_library().facts; }

ChosenBackend make_backend(const BackendRequest& request) {
  check_names(request);
  const std::string device = request.device == "auto" ? "cpu" : request.device;
  std::string reasons;
  for (const Row& row : table) {
    if (row.device != device || (request.method != "auto" && row.method != request.method)) continue;
    const std::string reason = row.reason();
    if (!reason.empty()) {
      reasons += (reasons.empty() ? "" : "; ") + std::string(row.method) + ": " + reason;
      continue;
    }
    std::string choice;
    if (request.method == "auto")
      choice = "device " + device + ", method " + std::string(row.method) +
               (reasons.empty() ? "" : ", because not " + reasons);
    return {row.make(std::max(1U, request.threads)), row.device, row.method, choice};
  }
  if (reasons.empty()) reasons = "there is no method " + request.method + " on " + device;
  throw Error(ErrorKind::unsupported, "--device " + device + " --method " + request.method +
                                          " can not work here: " + reasons + ". `attnspec backends` shows what can");
}

}  // namespace attnspec
