// Field after field, a word at both ends.
#include "lib/dump/catalog_wire.hpp"

#include <type_traits>
#include <utility>
#include <variant>

#include "lib/core/plain_text.hpp"
#include "lib/core/record.hpp"

namespace attnspec {
namespace {

constexpr std::uint64_t table_mark = 0x315f474f4c415441ULL, refusal_mark = 0x315f4c4153554645ULL,
                        end_mark = 0x444e455f474f4cULL;

/// Every field of an entry in its order; one list for writing and reading.
template <class Entry, class Visitor>
void visit_fields(Entry& entry, Visitor visit) {
  visit(entry.path);
  visit(entry.encoding.type);
  visit(entry.encoding.big_endian);
  visit(entry.encoding.unit);
  visit(entry.type_name);
  visit(entry.shape);
  visit(entry.chunk);
  visit(entry.pipeline);
  visit(entry.filters);
  visit(entry.offset);
  visit(entry.chunks);
  visit(entry.inlined);
  visit(entry.fill);
  visit(entry.numbers);
  visit(entry.attributes);
  visit(entry.refusal);
}
constexpr std::size_t least_entry = 16 * sizeof(std::uint64_t);  // its lists and texts may all be empty

template <class Field>
void put(RecordWriter& to, const Field& field) {
  to.put(field);
}
void put(RecordWriter& to, bool field) { to.put(std::uint64_t{field}); }
void put(RecordWriter& to, StoredType type) { to.put(static_cast<std::uint64_t>(type)); }

void put(RecordWriter& to, const std::vector<std::string>& texts) {
  to.put(std::uint64_t{texts.size()});
  for (const std::string& text : texts) to.put(text);
}

void put(RecordWriter& to, const Attributes& attributes) {
  to.put(std::uint64_t{attributes.size()});
  for (const auto& [name, value] : attributes) {
    to.put(name).put(std::uint64_t{value.index()});
    std::visit([&to](const auto& values) { put(to, values); }, value);
  }
}

template <class Field>
void take(RecordReader& from, Field& field) {
  from.take(field);
}
void take(RecordReader& from, bool& field) { field = from.number() != 0; }

void take(RecordReader& from, StoredType& type) {
  const std::uint64_t number = from.number();
  if (number > static_cast<std::uint64_t>(StoredType::other)) RecordReader::fail();
  type = static_cast<StoredType>(number);
}

void take(RecordReader& from, std::vector<std::string>& texts) {
  texts.resize(from.count(sizeof(std::uint64_t)));
  for (std::string& text : texts) from.take(text);
}

void take(RecordReader& from, Attributes& attributes) {
  for (std::size_t left = from.count(3 * sizeof(std::uint64_t)); left > 0; --left) {
    std::string name;
    from.take(name);
    AttributeValue& value = attributes[name];
    if (from.number() != 0) value = std::vector<std::string>();
    std::visit([&from](auto& values) { take(from, values); }, value);
    if (std::visit([](const auto& values) { return values.empty(); }, value)) RecordReader::fail();
  }
}

CatalogEntry take_entry(RecordReader& from) {
  CatalogEntry entry;
  visit_fields(entry, [&from](auto& field) { take(from, field); });
  for (std::string* text : {&entry.path, &entry.type_name, &entry.filters, &entry.refusal}) *text = on_one_line(*text);
  if (!entry.path.starts_with('/')) RecordReader::fail();
  for (const Filter filter : entry.pipeline)
    if (filter > Filter::lzf) RecordReader::fail();
  return entry;
}

void take_end(RecordReader& from) {
  if (from.number() != end_mark || !from.at_end()) RecordReader::fail();
}

}  // namespace

std::string wire_of(const Catalog& catalog) {
  RecordWriter to;
  to.put(table_mark);
  put(to, catalog.attributes);
  to.put(std::uint64_t{catalog.datasets.size()});
  for (const CatalogEntry& entry : catalog.datasets) visit_fields(entry, [&to](const auto& field) { put(to, field); });
  put(to, catalog.refused_links);
  return to.put(end_mark).take();
}

std::string wire_of(ErrorKind kind, const std::string& refusal) {
  return RecordWriter().put(refusal_mark).put(static_cast<std::uint64_t>(kind)).put(refusal).put(end_mark).take();
}

void take_wire(std::string_view bytes, Catalog& catalog) {
  RecordReader from(bytes);
  const std::uint64_t mark = from.number();
  if (mark == refusal_mark) {
    const std::uint64_t kind = from.number();
    std::string refusal;
    from.take(refusal);
    take_end(from);
    throw Error(kind == static_cast<std::uint64_t>(ErrorKind::limit) ? ErrorKind::limit : ErrorKind::input, refusal);
  }
  if (mark != table_mark) RecordReader::fail();
  take(from, catalog.attributes);
  const std::size_t datasets = from.count(least_entry);
  if (datasets > most_objects) RecordReader::fail();
  for (std::size_t left = datasets; left > 0; --left) catalog.datasets.push_back(take_entry(from));
  take(from, catalog.refused_links);
  for (std::string& link : catalog.refused_links) link = on_one_line(link);
  take_end(from);
}

}  // namespace attnspec
