// The table of backends.
#include "lib/backend/registry.hpp"

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "lib/backend/cuda_library.hpp"
#include "lib/backend/gpu_backend.hpp"
#include "lib/backend/gpu_routes.hpp"
#include "lib/backend/lanes/direct32.hpp"
#include "lib/backend/openblas_library.hpp"
#include "lib/backend/reference_backend.hpp"
#include "lib/core/error.hpp"

namespace attnspec {
namespace {

std::unique_ptr<Backend> make_on_cpu(CpuMethod method, unsigned threads) {
  return std::unique_ptr<Backend>(openblas_library().make(method, threads));
}

std::unique_ptr<Backend> make_direct(const BackendRequest& request, std::string&) {
  return make_on_cpu(CpuMethod::direct, request.threads);
}

std::unique_ptr<Backend> make_direct32(const BackendRequest& request, std::string&) {
  return make_on_cpu(CpuMethod::direct32, request.threads);
}

std::unique_ptr<Backend> make_gram(const BackendRequest& request, std::string&) {
  return make_on_cpu(CpuMethod::gram, request.threads);
}

std::unique_ptr<Backend> make_reference(const BackendRequest&, std::string&) { return make_reference_backend(); }

std::string text_of(const GpuFacts& card) {
  return card.name + ", " + card.libraries + ", driver for CUDA " + card.driver;
}

std::unique_ptr<Backend> make_on_gpu(GpuMethod method, const BackendRequest& request, std::string& card) {
  std::string reason;
  std::unique_ptr<GpuDevice> device = open_cuda_device(reason);
  if (!device) throw Error(ErrorKind::unsupported, "--device cuda: " + reason);
  card = text_of(device->facts());
  std::unique_ptr<Backend> host =
      openblas_library().make != nullptr ? make_on_cpu(CpuMethod::gram, request.threads) : make_reference_backend();
  return make_gpu_backend(
      std::move(device), std::move(host),
      {method, request.device_bytes, request.threads, parse_route(std::getenv("ATTNSPEC_GPU_ROUTE"))});
}

std::unique_ptr<Backend> make_gpu_gram(const BackendRequest& request, std::string& card) {
  return make_on_gpu(GpuMethod::gram, request, card);
}

std::unique_ptr<Backend> make_gpu_direct(const BackendRequest& request, std::string& card) {
  return make_on_gpu(GpuMethod::direct, request, card);
}

std::string openblas_reason() {
  const OpenBlasLibrary& library = openblas_library();
  return library.make != nullptr ? "" : "libattnspec-openblas.so can not be loaded: " + library.facts.failure;
}

std::string no_reason() { return ""; }

std::string cuda_reason() {
  static const std::string found = [] {  // opening a card takes a while
    std::string reason;
    open_cuda_device(reason);
    return reason;
  }();
  return found;
}

struct Row {
  const char* device;
  const char* method;
  const char* description;
  std::string (*reason)();  ///< why it can not work here; empty where it can
  std::unique_ptr<Backend> (*make)(const BackendRequest&, std::string& card);
};

// The first usable row of a device is what `auto` takes; on the CPU direct32 where storage cost more than it does.
constexpr Row table[] = {
    {"cpu", "gram", "OpenBLAS: eigenvalues of the Gram matrix, fp64 (dsyrk + dsyevd); curves within 2e-6",
     openblas_reason, make_gram},
    {"cpu", "direct", "LAPACKE: singular values, fp64 (dgesdd); every value to rounding, twice the time",
     openblas_reason, make_direct},
    {"cpu", "direct32",
     "our own kernels: singular values in the lanes of vectors, fp32 then fp64; curves within 1e-6, a third of the "
     "time",
     openblas_reason, make_direct32},
    {"cpu", "reference", "Eigen: singular values, fp64, one thread; the oracle, slow", no_reason, make_reference},
    {"cuda", "gram", "cuBLAS and our own kernels: eigenvalues of the Gram matrix, fp64; curves within 2e-6",
     cuda_reason, make_gpu_gram},
    {"cuda", "direct", "cuSOLVER: singular values, fp64 (Xgesvd); every value to rounding, hundreds of times slower",
     cuda_reason, make_gpu_direct},
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

std::optional<GpuFacts> gpu_facts() {
  std::string reason;
  const std::unique_ptr<GpuDevice> device = open_cuda_device(reason);
  return device ? std::optional(device->facts()) : std::nullopt;
}

BlasFacts blas_facts() { return openblas_library().facts; }

Feeding feeding_of(const BackendRequest& request, unsigned threads) {
  constexpr std::size_t fills_a_card = 1024;
  if (request.device == "cuda") return {fills_a_card, 2, false};
  if (request.method == "reference") return {0, 2, false};
  return {request.method == "direct" ? 0 : lanes_full, threads + 1, true};
}

ChosenBackend make_backend(const BackendRequest& request) {
  check_names(request);
  const std::string device = request.device == "auto" ? "cpu" : request.device;
  std::string reasons;
  const bool by_lanes = device == "cpu" && request.method == "auto" && request.half_precision;
  for (const Row& row : table) {
    if (by_lanes && row.method != std::string_view("direct32") && openblas_reason().empty()) continue;
    if (row.device != device || (request.method != "auto" && row.method != request.method)) continue;
    const std::string reason = row.reason();
    if (!reason.empty()) {
      if (reasons.find(reason) == std::string::npos)  // rows of one device lack the same
        reasons += (reasons.empty() ? "" : "; ") + std::string(row.method) + ": " + reason;
      continue;
    }
    std::string choice;
    if (request.method == "auto")
      choice = "device " + device + ", method " + std::string(row.method) +
               (by_lanes ? ", since half precision has cost more than it does" : "") +
               (reasons.empty() ? "" : ", because not " + reasons);
    if (!choice.empty() && request.device == "auto" && has_nvidia_driver())
      choice += "; an NVIDIA GPU is here too, --device cuda takes it";
    BackendRequest resolved = request;
    resolved.threads = std::max(1U, request.threads);
    ChosenBackend chosen{nullptr, row.device, row.method, "", choice};
    chosen.backend = row.make(resolved, chosen.card);
    return chosen;
  }
  if (reasons.empty()) reasons = "there is no method " + request.method + " on " + device;
  throw Error(ErrorKind::unsupported, "--device " + device + " --method " + request.method +
                                          " can not work here: " + reasons + ". `attnspec backends` shows what can");
}

}  // namespace attnspec
