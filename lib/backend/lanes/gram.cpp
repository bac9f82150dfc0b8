// Which instruction set runs the Gram route.
#include "lib/backend/lanes/gram.hpp"

namespace attnspec {

std::unique_ptr<GramLanes> make_gram_avx512(MatrixShape shape);
std::unique_ptr<GramLanes> make_gram_avx2(MatrixShape shape);
std::unique_ptr<GramLanes> make_gram_portable(MatrixShape shape);

std::unique_ptr<GramLanes> make_gram_lanes(VectorSet set, MatrixShape shape) {
  switch (set) {
    case VectorSet::avx512: return make_gram_avx512(shape);
    case VectorSet::avx2: return make_gram_avx2(shape);
    default: return make_gram_portable(shape);
  }
}

}  // namespace attnspec
