// Writes a canonical dump, one matrix at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "lib/core/export.hpp"
#include "lib/core/matrix_batch.hpp"
#include "lib/dump/attention.hpp"
#include "lib/dump/stored_type.hpp"

namespace attnspec {

struct DumpHeader {
  std::string model;
  std::size_t samples = 1, layers = 1, heads = 1, n = 0;
  std::size_t head_dim = 0;  ///< > 0: the dump holds Q and K in place of P
  AttentionRule rule;
  StoredType type = StoredType::float16;  ///< float16, float32 or float64
  bool deflate = false;
};

class ATTNSPEC_API DumpWriter {
 public:
  /// Throws Error(output) where the file can not be made.
  DumpWriter(const std::string& file, const DumpHeader& header);
  ~DumpWriter();

  /// attention [n, n] of one head.
  void write_attention(const MatrixId& id, std::span<const double> attention);
  /// query and key [n, head_dim] of one head.
  void write_query_key(const MatrixId& id, std::span<const double> query, std::span<const double> key);
  /// Marks the dump complete and gives the file its name. Without it nothing stays. Throws Error(output).
  void finish();

 private:
  struct Open;
  std::unique_ptr<Open> open_;
};

}  // namespace attnspec
