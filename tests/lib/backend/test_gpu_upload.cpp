// How numbers get to a card that is not one: in the fewest bytes that hold them, and as the same numbers.
#include <catch2/catch.hpp>

#include <bit>
#include <cmath>
#include <cstdint>

#include "lib/backend/gpu_kernels/widened.hpp"
#include "lib/backend/narrow_numbers.hpp"
#include "lib/core/half.hpp"
#include "tests/support/fake_gpu.hpp"
#include "tests/support/heads.hpp"
#include "tests/support/matrices.hpp"
#include "tests/support/tolerance.hpp"

using namespace attnspec;
using namespace attnspec::test;

namespace {

double bfloat16(double number) {  // cut, not rounded
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(static_cast<float>(number)) & 0xffff0000U);
}

}  // namespace

TEST_CASE("what a dump stored in fewer bytes crosses the bus in them, and is the same number there", "[gpu]") {
  const MatrixShape shape{16, 16};
  const auto rounded = [](auto keep) {
    auto matrices = matrices_of({16, 16}, 4);
    for (auto& matrix : matrices)
      for (double& entry : matrix) entry = keep(entry);
    return matrices;
  };
  struct Case {
    std::vector<std::vector<double>> matrices;
    std::size_t bytes;
  };
  const Case cases[] = {
      {rounded([](double entry) { return from_half(to_half(entry)); }), 2},
      {rounded([](double entry) { return bfloat16(entry * 0x1p-60); }), 2},  // below what float16 reaches
      {rounded([](double entry) { return static_cast<double>(static_cast<float>(entry)); }), 4},
      {rounded([](double entry) { return entry; }), 8}};
  for (const auto& [matrices, bytes] : cases) {
    CAPTURE(bytes, matrices[0][0]);
    const auto log = std::make_shared<FakeGpuLog>();

    const auto spectra = fake_backend(log)->singular_values(batch_of(shape, matrices));

    REQUIRE(log->uploaded == 4 * shape.elements() * bytes);
    const auto truth = make_reference()->singular_values(batch_of(shape, matrices));
    for (std::size_t b = 0; b < 4; ++b)
      REQUIRE(largest_difference(spectra[b].values, truth[b].values) <=
              sigma_tolerance("gram", shape, truth[b].values[0]));
  }
}

TEST_CASE("a batch of halves goes to the card as it is, and gives the bits of the same numbers in doubles", "[gpu]") {
  const MatrixShape shape{20, 33};
  auto matrices = matrices_of(shape, 3);
  MatrixBatch halves(shape, std::vector<MatrixId>(3), nullptr, BatchNumbers::halves);
  for (std::size_t b = 0; b < 3; ++b)
    for (std::size_t i = 0; i < shape.elements(); ++i)
      matrices[b][i] = from_half(halves.halves(b)[i] = to_half(b == 1 && i == 7 ? HUGE_VAL : matrices[b][i]));
  for (const GpuMethod method : {GpuMethod::gram, GpuMethod::direct}) {
    const auto log = std::make_shared<FakeGpuLog>();

    const auto spectra = fake_backend(log, method)->singular_values(halves);

    REQUIRE(
        values_of(spectra) ==
        values_of(fake_backend(std::make_shared<FakeGpuLog>(), method)->singular_values(batch_of(shape, matrices))));
    REQUIRE(spectra[1].status == SvdStatus::not_finite);
    REQUIRE(log->uploaded == 3 * shape.elements() * 2);
    REQUIRE(log->violations.empty());
  }
}

TEST_CASE("every number of sixteen bits comes back from the card's two bytes", "[gpu]") {
  for (const GpuNumber type : {GpuNumber::float16, GpuNumber::bfloat16})
    for (std::uint32_t bits = 0; bits < 0x10000U; ++bits) {
      const auto half = static_cast<std::uint16_t>(bits);
      const double number = type == GpuNumber::float16 ? from_half(half) : std::bit_cast<float>(bits << 16);
      if (!std::isfinite(number)) continue;
      std::uint16_t there = 0;

      REQUIRE(narrowed({&number, 1}, type, &there));

      REQUIRE(there == half);
      REQUIRE((type == GpuNumber::float16 ? gpu_kernels::float16_value(there) : gpu_kernels::bfloat16_value(there)) ==
              number);
    }
}

TEST_CASE("a number that sixteen bits do not hold is not squeezed into them", "[gpu]") {
  std::uint16_t there = 0;
  for (const double number : {0.1, 1 + 0x1p-11, 0x1p-25, 0x1.8p-24, 131072.0, 1e300, 1e-300})
    REQUIRE(!narrowed({&number, 1}, GpuNumber::float16, &there));
  for (const double number : {0.1, 1 + 0x1p-8, 0x1p-140, 1e300, 1e-300})
    REQUIRE(!narrowed({&number, 1}, GpuNumber::bfloat16, &there));
}

TEST_CASE("one number that single precision does not hold keeps its batch in double", "[gpu]") {
  const MatrixShape shape{40, 40};
  std::vector<double> odd(shape.elements(), 0.5);
  odd.back() = 0.1;
  const auto log = std::make_shared<FakeGpuLog>();

  const auto spectra = fake_backend(log, GpuMethod::direct)->singular_values(batch_of(shape, {odd, odd}));

  const auto truth = make_reference()->singular_values(batch_of(shape, {odd}));
  REQUIRE(largest_difference(spectra[1].values, truth[0].values) <= sigma_tolerance("direct", shape, 20));
}
