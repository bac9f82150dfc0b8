// Field after field.
#include "tools/spectrum_record.hpp"

#include "lib/core/record.hpp"

namespace attnspec {

std::string pack(const MeasuredSpectrum& measured) {
  const Spectrum& spectrum = measured.spectrum;
  RecordWriter out;
  out.put(spectrum.id)
      .put(measured.shape)
      .put(spectrum.status)
      .put(spectrum.error_bound)
      .put(spectrum.method)
      .put(measured.storage_error)
      .put(measured.finding)
      .put(spectrum.values);
  return out.take();
}

MeasuredSpectrum unpack_spectrum(const std::string& bytes) {
  MeasuredSpectrum measured;
  Spectrum& spectrum = measured.spectrum;
  RecordReader in(bytes);
  in.take(spectrum.id);
  in.take(measured.shape);
  in.take(spectrum.status);
  in.take(spectrum.error_bound);
  in.take(spectrum.method);
  in.take(measured.storage_error);
  in.take(measured.finding);
  in.take(spectrum.values);
  return measured;
}

}  // namespace attnspec
