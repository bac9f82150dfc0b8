// OpenBLAS runs with the kernel that the CPU deserves, unless the user has said otherwise.
#include <catch2/catch.hpp>

#include <cstdlib>

#include "lib/backend/openblas_kernel.hpp"
#include "lib/backend/registry.hpp"

using namespace attnspec;

TEST_CASE("a CPU with AVX2 or AVX-512 never runs on SSE kernels") {
  const CpuFeatures features = cpu_features();
  const BlasFacts blas = blas_facts();

  REQUIRE(blas.loaded);
  CAPTURE(blas.kernel, blas.kernel_choice);
  if (std::getenv("OPENBLAS_CORETYPE") == nullptr && (features.avx2_fma || features.avx512))
    REQUIRE_FALSE(is_sse_kernel(blas.kernel));
}

TEST_CASE("the kernel follows the CPU's features, and the user's word wins") {
  REQUIRE(choose_kernel({true, true, true, false}, "").core_type == "Cooperlake");
  REQUIRE(choose_kernel({true, true, false, false}, "").core_type == "SkylakeX");
  REQUIRE(choose_kernel({true, false, false, false}, "").core_type == "Haswell");
  REQUIRE(choose_kernel({true, false, false, true}, "").core_type == "Zen");
  REQUIRE(choose_kernel({}, "").core_type.empty());
  REQUIRE(choose_kernel({true, true, true, false}, "Prescott").core_type == "Prescott");
  REQUIRE(choose_kernel({true, true, true, false}, "Prescott").reason == "OPENBLAS_CORETYPE is set");
}

TEST_CASE("loading OpenBLAS leaves the environment as it was") {
  const char* before = std::getenv("OPENBLAS_CORETYPE");

  blas_facts();

  const char* after = std::getenv("OPENBLAS_CORETYPE");
  REQUIRE((before == nullptr) == (after == nullptr));
  REQUIRE(std::getenv("OPENBLAS_NUM_THREADS") == nullptr);
}

TEST_CASE("the names of SSE kernels are known as such, the others are not") {
  for (const char* kernel : {"Prescott", "Nehalem", "Penryn", "Core2"}) REQUIRE(is_sse_kernel(kernel));
  for (const char* kernel : {"Haswell", "Zen", "SkylakeX", "Cooperlake", "Sandybridge"})
    REQUIRE_FALSE(is_sse_kernel(kernel));
}

TEST_CASE("requests that can not be met say why") {
  REQUIRE_THROWS_WITH(make_backend({"cuda", "reference", 1}),
                      Catch::Contains("no method reference on cuda") && Catch::Contains("attnspec backends"));
  REQUIRE_THROWS_WITH(make_backend({"cpu", "nonsense", 1}),
                      Catch::Contains("expected one of auto, gram, direct, direct32, reference"));
  REQUIRE_THROWS_WITH(make_backend({"tpu", "auto", 1}), Catch::Contains("expected auto, cpu or cuda"));
  REQUIRE(make_backend({"auto", "auto", 1}).method == "gram");
}
