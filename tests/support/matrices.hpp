// Matrices for tests: attention with a known spectrum, and attention as models make it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/core/matrix_batch.hpp"
#include "lib/core/spectrum.hpp"

namespace attnspec::test {

/// Softmax of i.i.d. normal logits with standard deviation `sd`; any shape.
std::vector<double> random_attention(MatrixShape shape, double sd, std::uint64_t seed);

/// `count` of them, seeds from 0, sd 2.
std::vector<std::vector<double>> matrices_of(MatrixShape shape, std::size_t count);

/// A matrix of the named family: softmax, causal, uniform, one_hot, blocks, rank_three, identity, subnormal, huge,
/// zero, sink, local, noise.
std::vector<double> family(const std::string& name, MatrixShape shape, std::uint64_t seed);
const std::vector<std::string>& family_names();

/// A batch that holds these matrices; heads count up from 0.
MatrixBatch batch_of(MatrixShape shape, const std::vector<std::vector<double>>& matrices);

/// Matrices as half precision holds them: as such, and as doubles.
struct HalfPrecision {
  MatrixBatch halves, doubles;
};
HalfPrecision in_half_precision(MatrixShape shape, const std::vector<std::vector<double>>& matrices);

std::vector<std::vector<double>> values_of(const std::vector<Spectrum>& spectra);

double frobenius_squared(const std::vector<double>& matrix);

}  // namespace attnspec::test
