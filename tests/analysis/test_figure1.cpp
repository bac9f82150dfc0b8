// Figure 1: the data hold the summary's numbers, and gnuplot draws every panel that can come up.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "analysis/writers/figure1.hpp"
#include "lib/core/error.hpp"
#include "tests/support/drawing.hpp"

using namespace attnspec;
using namespace attnspec::test;

namespace {

HeadSummary head_with_curve(std::size_t layer, std::size_t head, const std::vector<double>& curve, std::size_t index) {
  HeadSummary row;
  row.layer = layer;
  row.head = head;
  row.n = curve.size();
  row.shape = {row.n, row.n};
  row.samples = 10;
  row.index = index;
  for (const double share : curve) {
    row.cumulative.push_back({share, 0});
    row.energy.push_back({std::sqrt(share), 0});
  }
  row.cumulative_at_index = row.cumulative[index - 1];
  row.energy_at_index = row.energy[index - 1];
  return row;
}

/// 1 - (1 - j/n)^p, steeper in higher layers.
DumpSummary dump_of(const std::string& model, std::size_t layers, std::size_t heads, std::size_t n) {
  DumpSummary dump{"dumps/some.h5", model, layers, heads, {}};
  for (std::size_t layer = 0; layer < layers; ++layer) {
    for (std::size_t head = 0; head < heads; ++head) {
      const double power = 3 + 0.3 * static_cast<double>(layer) + 0.1 * static_cast<double>(head % 7);
      std::vector<double> curve;
      for (std::size_t j = 1; j <= n; ++j)
        curve.push_back(1 - std::pow(1 - static_cast<double>(j) / static_cast<double>(n), power));
      dump.rows.push_back(head_with_curve(layer, head, curve, std::max<std::size_t>(n / 4, 1)));
    }
  }
  return dump;
}

void skip(HeadSummary& row) {
  row.skipped = row.samples;
  row.samples = 0;
  row.cumulative.clear();
  row.energy.clear();
}

/// The rows of numbers, without comments, blank lines and the line of column names.
std::vector<std::vector<double>> numbers_in(const std::string& table) {
  std::vector<std::vector<double>> rows;
  std::istringstream lines(table);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#' || line[0] == 'p') continue;
    std::istringstream cells(line);
    rows.emplace_back();
    for (double cell = 0; cells >> cell;) rows.back().push_back(cell);
  }
  return rows;
}

std::map<std::string, std::vector<DumpSummary>> every_case() {
  const std::string long_name =
      "/home/user/models/sentence-transformers--paraphrase-multilingual-mpnet-base-v2-finetuned-on-something";
  DumpSummary gaps = dump_of("gaps", 6, 6, 32);
  skip(gaps.rows[3]);
  std::erase_if(gaps.rows, [](const HeadSummary& row) { return row.layer == 2 || row.layer == 3; });
  DumpSummary none = dump_of("none", 2, 2, 8);
  for (HeadSummary& row : none.rows) skip(row);
  DumpSummary two_lengths = dump_of("two lengths", 2, 2, 8);
  const DumpSummary longer = dump_of("", 1, 1, 16);
  two_lengths.rows.push_back(longer.rows[0]);
  return {{"base", {dump_of("roberta-base", 6, 12, 512)}},
          {"large", {dump_of("roberta-large", 24, 16, 512)}},
          {"huge", {dump_of("huge", 48, 32, 1100)}},
          {"two", {dump_of("roberta-base", 12, 12, 512), dump_of("roberta-large", 24, 16, 512)}},
          {"long names", {dump_of(long_name, 2, 2, 16), dump_of(long_name, 2, 2, 16), dump_of("", 2, 2, 16)}},
          {"one head", {dump_of("one", 1, 1, 4)}},
          {"n = 1", {dump_of("one", 1, 1, 1)}},
          {"gaps", {gaps}},
          {"nothing usable", {none, DumpSummary{"d", "empty", 0, 0, {}}}},
          {"a second row of panels", {gaps, none, two_lengths, dump_of("fourth", 3, 2, 8)}}};
}

}  // namespace

TEST_CASE("a layer's curve is the mean over its heads, each head counting the same", "[figure1]") {
  DumpSummary dump{"a.h5", "m", 2, 2, {}};
  dump.rows = {head_with_curve(0, 0, {0.5, 0.75, 0.875, 1}, 2), head_with_curve(0, 1, {0.25, 0.5, 0.75, 1}, 2),
               head_with_curve(5, 0, {0.125, 0.25, 0.5, 1}, 2)};
  dump.rows[0].samples = 1000;

  const auto rows = numbers_in(figure1_layers({dump}, Weight::sigma).data.text);

  const std::vector<std::vector<double>> wanted = {{1, 0, 1, 0.375}, {1, 0, 2, 0.625}, {1, 0, 3, 0.8125}, {1, 0, 4, 1},
                                                   {1, 5, 1, 0.125}, {1, 5, 2, 0.25},  {1, 5, 3, 0.5},    {1, 5, 4, 1}};
  REQUIRE(rows == wanted);
}

TEST_CASE("two shapes of one n enter a head's mean by their samples", "[figure1]") {
  DumpSummary dump{"a.h5", "m", 1, 1, {}};
  dump.rows = {head_with_curve(0, 0, {0.5, 1}, 1), head_with_curve(0, 0, {0.75, 1}, 1)};
  dump.rows[0].samples = 3;
  dump.rows[1].samples = 1;
  dump.rows[1].shape = {2, 7};

  const auto curve = numbers_in(figure1_layers({dump}, Weight::sigma).data.text);
  const auto cells = numbers_in(figure1_heatmap({dump}, Weight::sigma).data.text);

  REQUIRE(curve == std::vector<std::vector<double>>{{1, 0, 1, 0.5625}, {1, 0, 2, 1}});
  REQUIRE(cells == std::vector<std::vector<double>>{{1, 0, 0, 0, 0, 0.5625}});
}

TEST_CASE("the heatmap's data hold the share at the index of every head, bit by bit", "[figure1]") {
  const DumpSummary dump = dump_of("m", 4, 3, 100);

  const auto sigma = numbers_in(figure1_heatmap({dump}, Weight::sigma).data.text);
  const auto energy = numbers_in(figure1_heatmap({dump}, Weight::energy).data.text);

  REQUIRE(sigma.size() == dump.rows.size());
  for (std::size_t i = 0; i < sigma.size(); ++i) {
    REQUIRE(sigma[i][1] == static_cast<double>(dump.rows[i].layer));
    REQUIRE(sigma[i][2] == static_cast<double>(dump.rows[i].head));
    REQUIRE(sigma[i][5] == dump.rows[i].cumulative_at_index.mean);
    REQUIRE(energy[i][5] == dump.rows[i].energy_at_index.mean);
  }
}

TEST_CASE("a head without a result has no number and is named as missing", "[figure1]") {
  DumpSummary dump = dump_of("m", 2, 2, 8);
  skip(dump.rows[1]);

  const Figure figure = figure1_heatmap({dump}, Weight::sigma);

  REQUIRE(numbers_in(figure.data.text).size() == 3);
  REQUIRE(figure.data.text.find("# panel 1 layer 0 head 1: no result\n") != std::string::npos);
  REQUIRE(figure.script.text.find("hatched: no result") != std::string::npos);
}

TEST_CASE("layers that are not contiguous keep their numbers", "[figure1]") {
  DumpSummary dump = dump_of("m", 8, 2, 8);
  std::erase_if(dump.rows, [](const HeadSummary& row) { return row.layer != 3 && row.layer != 7; });

  const Figure figure = figure1_heatmap({dump}, Weight::sigma);

  REQUIRE(figure.script.text.find("set ytics ('3' 0, '7' 1)") != std::string::npos);
  REQUIRE(figure.script.text.find("hatched") == std::string::npos);
}

TEST_CASE("only the commonest n is drawn, and the title says so", "[figure1]") {
  DumpSummary dump = dump_of("m", 2, 2, 8);
  for (const std::size_t n : {16, 17}) dump.rows.push_back(dump_of("", 1, 1, n).rows[0]);

  const Figure figure = figure1_layers({dump}, Weight::sigma);

  REQUIRE(numbers_in(figure.data.text).size() == 2 * 8);
  REQUIRE(figure.script.text.find("n = 8 (most common of 3 lengths)") != std::string::npos);
}

TEST_CASE("Figure 1 without a dump is our own mistake", "[figure1]") {
  REQUIRE_THROWS_AS(figure1_layers({}, Weight::sigma), Error);
  REQUIRE_THROWS_AS(figure1_heatmap({}, Weight::sigma), Error);
}

TEST_CASE("gnuplot draws every case in every format without a word", "[figure1]") {
  if (!has_gnuplot()) return;
  for (const auto& [name, dumps] : every_case()) {
    for (const Weight weight : {Weight::sigma, Weight::energy}) {
      for (const Figure& figure : {figure1_layers(dumps, weight), figure1_heatmap(dumps, weight)}) {
        INFO(name);
        require_drawn(figure);
      }
    }
  }
}

TEST_CASE("only the formats that were asked for are drawn, unknown ones fail", "[figure1]") {
  if (!has_gnuplot()) return;
  const DrawingFolder folder;
  const Figure figure = figure1_layers({dump_of("m", 2, 2, 8)}, Weight::sigma);

  const int code = folder.draw(figure, "svg");
  const int unknown = folder.draw(figure, "gif");

  REQUIRE(code == 0);
  REQUIRE(unknown > 0);
  REQUIRE(folder.has("figure1_layers.svg"));
  REQUIRE(folder.files() == 3);
}

TEST_CASE("a hostile model name draws as text and runs nothing", "[figure1]") {
  if (!has_gnuplot()) return;
  for (const std::string& name : hostile_names()) {
    for (const bool in_dump : {false, true}) {
      DumpSummary dump = dump_of(in_dump ? "" : name, 2, 2, 8);
      if (in_dump) dump.dump = name;
      for (const Figure& figure : {figure1_layers({dump}, Weight::sigma), figure1_heatmap({dump}, Weight::sigma)}) {
        const DrawingFolder folder;
        INFO(name);

        REQUIRE(folder.draw(figure, "svg png") == 0);

        REQUIRE(folder.has(figure.name + ".svg"));
        REQUIRE(folder.files() == 4);
      }
    }
  }
}

TEST_CASE("a long name is shortened in its middle and keeps its end", "[figure1]") {
  const DumpSummary dump = dump_of("/home/user/models/" + std::string(200, 'x') + "-finetuned", 2, 2, 8);

  const std::string script = figure1_layers({dump}, Weight::sigma).script.text;

  const std::size_t begin = script.find("title_1 = '"), end = script.find("' .", begin);
  const std::string title = script.substr(begin, end - begin);
  REQUIRE(title.size() < 70);
  REQUIRE(title.find("…") != std::string::npos);
  REQUIRE(title.ends_with("-finetuned"));
}

TEST_CASE("the same summary gives the same svg and png, byte by byte", "[figure1]") {
  if (!has_gnuplot()) return;
  std::vector<std::string> pictures;
  for (int time = 0; time < 2; ++time) {
    const DrawingFolder folder;
    REQUIRE(folder.draw(figure1_layers({dump_of("m", 3, 2, 16)}, Weight::sigma), "svg png") == 0);
    pictures.push_back(folder.bytes_of("figure1_layers.svg") + folder.bytes_of("figure1_layers.png"));
  }

  const bool same = pictures[0] == pictures[1];
  REQUIRE(same);
}
