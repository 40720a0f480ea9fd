// Tokens: table rows, positions, types and the projection to the stream's width. Of a table only the rows
// that occur are read.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "core/base/error.h"
#include "core/forward/embedding_parts.h"

namespace deadscope {
namespace {

using Place = TokenInputSpec::ProjectionPlace;

std::size_t size(std::int64_t value) {
    return static_cast<std::size_t>(value);
}

// Row of the position table for every token, [tokens]: counted in its sequence from the offset, or as RoBERTa
// does (plan.h). Rotary models have no table, and no bound to a sequence's length here.
std::vector<std::int32_t> position_rows(const Pass& pass, const TokenInputSpec& spec) {
    const std::size_t rows = spec.positions ? size(spec.positions.shape[0])
                                            : std::numeric_limits<std::int32_t>::max(),
                      offset = size(spec.position_offset);
    const bool padded = spec.padding_token >= 0;
    const std::size_t first = offset + (padded ? 1 : 0), most = rows - std::min(rows, first);
    std::vector<std::int32_t> result;
    result.reserve(pass.input.tokens());
    for (std::size_t s = 0; s < pass.input.layout.sequences(); ++s) {
        std::size_t position = 0;
        for (std::size_t t = pass.input.layout.starts[s]; t < pass.input.layout.starts[s + 1]; ++t) {
            const bool padding = padded && pass.input.ids[t] == spec.padding_token;
            result.push_back(static_cast<std::int32_t>(padding ? offset : first + position++));
        }
        if (position <= most && offset < rows) continue;
        throw Error::input("a sequence is longer than the model's positions",
                           {.key = "sequence " + std::to_string(s),
                            .expected = "at most " + std::to_string(most) + " tokens",
                            .found = std::to_string(position)});
    }
    return result;
}

// What each token's table row is multiplied by, [tokens] (plan.h, TokenDropoutSpec).
std::vector<double> dropout_factors(const ModelInput& input, const TokenDropoutSpec& spec) {
    std::vector<double> factors(input.tokens());
    for (std::size_t s = 0; s < input.layout.sequences(); ++s) {
        const auto first = static_cast<std::ptrdiff_t>(input.layout.starts[s]);
        const auto last = static_cast<std::ptrdiff_t>(input.layout.starts[s + 1]);
        const auto masks = std::count(input.ids.begin() + first, input.ids.begin() + last, spec.mask_token);
        const double kept = 1.0 - static_cast<double>(masks) / static_cast<double>(last - first);
        const double factor = (1.0 - spec.train_ratio) / kept;
        for (std::ptrdiff_t t = first; t < last; ++t) {
            const bool mask = input.ids[static_cast<std::size_t>(t)] == spec.mask_token;
            factors[static_cast<std::size_t>(t)] = mask ? 0.0 : factor;
        }
    }
    return factors;
}

struct TokenTables {
    DistinctIds distinct;
    std::vector<double> factors;          // [tokens] or empty
    std::vector<std::int32_t> positions;  // [tokens], rows of `position`
    Matrix token;                         // [distinct ids, e]
    Matrix type;                          // [1, e] or empty
    Matrix position;                      // [rows used, e or d] or empty
    LoadedLinear projection;
    LoadedNorm norm;  // only the one before a projection; the other is embedding.cpp's
};

// Rows [base, base + to.rows) (plan.h, TokenInputSpec).
void write_sinusoids(Pass& pass, const TokenInputSpec& spec, std::size_t base, Matrix& to) {
    const std::size_t half = to.cols / 2;
    std::vector<double> rows(to.rows * to.cols, 0.0);
    for (std::size_t r = 0; r < to.rows; ++r) {
        if (static_cast<std::int64_t>(base + r) == spec.sinusoid_zero) continue;
        for (std::size_t i = 0; i < half; ++i) {
            const double angle = static_cast<double>(base + r) *
                                 std::exp(-std::log(10000.0) * static_cast<double>(i) / spec.sinusoids);
            rows[r * to.cols + i] = std::sin(angle);
            rows[r * to.cols + half + i] = std::cos(angle);
        }
    }
    pass.backend.write(to, std::span<const double>(rows));
}

bool load_positions(Pass& pass, const TokenInputSpec& spec, std::size_t width, TokenTables& tables) {
    tables.positions = position_rows(pass, spec);
    const auto [least, most] = std::minmax_element(tables.positions.begin(), tables.positions.end());
    const std::int32_t base = *least;
    tables.position = pass.backend.allocate(size(*most - base) + 1, width);
    for (std::int32_t& row : tables.positions) row -= base;
    if (!spec.positions) {
        write_sinusoids(pass, spec, size(base), tables.position);
        return pass.meter.step("weights", 0.3);
    }
    return pass.load(
        spec.positions, [=](std::size_t i) { return (size(base) + i) * width; }, tables.position, 0.3);
}

bool load_tables(Pass& pass, const TokenInputSpec& spec, std::size_t e, std::size_t d, TokenTables& tables) {
    tables.distinct = distinct_ids(pass, size(spec.tokens.shape[0]));
    if (spec.dropout) tables.factors = dropout_factors(pass.input, *spec.dropout);
    tables.token = pass.backend.allocate(tables.distinct.ids.size(), e);
    const auto first = [&](std::size_t i) { return size(tables.distinct.ids[i]) * e; };
    if (!pass.load(spec.tokens, first, tables.token, 0.1)) return false;
    if (spec.token_types && !pass.load(spec.token_types, 1, e, tables.type, 0.2)) return false;
    if (!pass.load(spec.projection, tables.projection, 0.25)) return false;
    if (spec.projection && spec.projection_place == Place::after_norm) pass.load(spec.norm, tables.norm);
    const std::size_t width = spec.projection && spec.projection_place == Place::before_positions ? d : e;
    return (!spec.positions && spec.sinusoids == 0.0) || load_positions(pass, spec, width, tables);
}

// rows [count, e] = the scaled table rows of tokens [first, first + count).
void gather_tokens(Pass& pass, const TokenInputSpec& spec, const TokenTables& tables, std::size_t first,
                   Matrix rows) {
    const auto ids = std::span(tables.distinct.place).subspan(first, rows.rows);
    pass.backend.fill_zero(rows);
    if (tables.factors.empty()) return pass.backend.gather_add(tables.token, ids, spec.scale, rows);
    const auto factors = std::span(tables.factors).subspan(first, rows.rows);
    for (std::size_t begin = 0; begin < rows.rows;) {  // runs of one factor
        std::size_t end = begin + 1;
        while (end < rows.rows && factors[end] == factors[begin]) ++end;
        Matrix part = rows.row_range(begin, end - begin);
        if (factors[begin] != 0.0)
            pass.backend.gather_add(tables.token, ids.subspan(begin, end - begin),
                                    spec.scale * factors[begin], part);
        begin = end;
    }
}

bool embed_piece(Pass& pass, const TokenInputSpec& spec, const TokenTables& tables, std::size_t first,
                 Matrix& slot, Matrix out) {
    Matrix rows = spec.projection ? pass.reserve(slot, out.rows, tables.token.cols) : out;
    const auto project = [&](Place place) {
        if (!spec.projection || spec.projection_place != place) return true;
        if (!pass.linear(rows, tables.projection, out, 0.7)) return false;
        rows = out;
        return true;
    };
    gather_tokens(pass, spec, tables, first, rows);
    if (spec.token_types) pass.backend.add_row(tables.type, rows);
    if (!project(Place::before_positions)) return false;
    if (!tables.position.empty())
        pass.backend.gather_add(tables.position, std::span(tables.positions).subspan(first, out.rows), 1.0,
                                rows);
    if (!project(Place::before_norm)) return false;
    if (tables.norm) pass.norm(rows, tables.norm, rows);
    return project(Place::after_norm) && pass.meter.step("forward", 0.8);
}

}  // namespace

DistinctIds distinct_ids(const Pass& pass, std::size_t vocabulary) {
    const std::vector<std::int32_t>& all = pass.input.ids;
    DistinctIds result;
    std::vector<std::int32_t> place(vocabulary, -1);
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (all[i] < 0 || size(all[i]) >= vocabulary) {
            throw Error::input("a token id is outside the vocabulary",
                               {.key = "token " + std::to_string(i),
                                .expected = "0 to " + std::to_string(vocabulary - 1),
                                .found = std::to_string(all[i])});
        }
        place[size(all[i])] = 0;
    }
    for (std::size_t id = 0; id < vocabulary; ++id) {
        if (place[id] < 0) continue;
        place[id] = static_cast<std::int32_t>(result.ids.size());
        result.ids.push_back(static_cast<std::int32_t>(id));
    }
    result.place.reserve(all.size());
    for (const std::int32_t id : all) result.place.push_back(place[size(id)]);
    return result;
}

bool embed_tokens(Pass& pass, const TokenInputSpec& spec, Matrix& x) {
    TokenTables tables;
    const std::size_t e = spec.projection ? size(spec.projection.in) : x.cols;
    if (!load_tables(pass, spec, e, x.cols, tables)) return false;
    Matrix slot;  // [chunk, e]
    for (std::size_t first = 0; first < x.rows; first += pass.chunk_tokens()) {
        const std::size_t count = std::min(pass.chunk_tokens(), x.rows - first);
        if (!embed_piece(pass, spec, tables, first, slot, x.row_range(first, count))) return false;
    }
    return true;
}

}  // namespace deadscope
