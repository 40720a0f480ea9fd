// The tables that a command prints for people; declared in terminal.h. The sentences are core's own, the
// same as in the window.
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "app/commands/terminal.h"
#include "core/base/text.h"
#include "core/reading/analyze.h"
#include "core/report/report.h"

namespace deadscope {
namespace {

std::size_t width_of(const std::string& text) {  // code points: good enough for Greek and superscripts
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0u) != 0x80u; }));
}

using Row = std::vector<std::string>;

// Names come from files and may hold anything.
std::string shown(const std::string& text) {
    return printable(text, 4000);
}

std::size_t terminal_columns() {
    winsize size{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    return 140;  // a file or a pipe: as wide as the runs' table
}

// Words in lines of at most `room` code points; the lines after the first stand below it, `indent` spaces in.
std::string wrapped(const std::string& words, std::size_t room, std::size_t indent) {
    std::string text;
    std::size_t used = 0;
    for (std::size_t at = 0; at < words.size();) {
        const std::size_t end = std::min(words.find(' ', at), words.size());
        const std::string word = words.substr(at, end - at);
        if (used > 0 && used + 1 + width_of(word) > room) {
            text += "\n" + std::string(indent, ' ');
            used = 0;
        }
        text += (used > 0 ? " " : "") + word;
        used += width_of(word) + (used > 0 ? 1 : 0);
        at = end + 1;
    }
    return text;
}

// Columns two spaces apart; the first is left-aligned, the rest right-aligned, the last (if `prose`)
// left-aligned and wrapped to the terminal.
std::string table(std::vector<Row> rows, bool prose = false) {
    for (Row& row : rows)
        for (std::string& cell : row) cell = shown(cell);
    std::vector<std::size_t> widths;
    for (const Row& row : rows)
        for (std::size_t i = 0; i < row.size(); ++i) {
            if (i >= widths.size()) widths.push_back(0);
            widths[i] = std::max(widths[i], width_of(row[i]));
        }
    std::string text;
    for (const Row& row : rows) {
        std::string line = " ";
        for (std::size_t i = 0; i < row.size(); ++i) {
            if (prose && i + 1 == widths.size()) {
                const std::size_t indent = width_of(line) + 1, columns = terminal_columns();
                line += " " + wrapped(row[i], columns > indent + 40 ? columns - indent : 40, indent);
                continue;
            }
            const std::string pad(widths[i] - width_of(row[i]), ' ');
            line += i == 0 ? " " + row[i] + pad : " " + pad + row[i];
            line += " ";
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + "\n";
    }
    return text;
}

std::string optional_alignment(const std::optional<double>& value) {
    return value ? alignment_text(*value) : "null";
}

std::string title_of(const Run& run) {
    return std::string(init_name(run.init)) + (run.init_source.empty() ? "" : " (" + run.init_source + ")") +
           ", " + std::string(precision_name(run.precision));
}

std::string runs_table(const std::vector<Run>& runs) {
    std::vector<Row> rows{
        {"run", "alignment", "subspace", "λ_v", "noise floor", "λ_min", "λ_mean", "λ_max", "dead"}};
    for (const Run& run : runs)
        rows.push_back({title_of(run), optional_alignment(run.alignment.value),
                        optional_alignment(run.alignment.subspace), number_text(run.lambda_v),
                        number_text(run.floor.total()), number_text(run.lambda_min),
                        number_text(run.lambda_mean), number_text(run.lambda_max),
                        std::to_string(run.alignment.dead_directions)});
    return table(rows);
}

std::string blocks_table(const Run& run) {
    std::vector<Row> rows{{"after block", "σ_min", "σ_max", "σ_min centred", "ratio", ""}};
    for (const BlockReading& block : run.blocks) {
        const std::string name = block.index == 0 ? "entering" : std::to_string(block.index);
        rows.push_back({name, number_text(block.sigma_min), number_text(block.sigma_max),
                        number_text(block.sigma_min_centred), block.ratio ? number_text(*block.ratio) : "",
                        (block.flag ? "▼ " : "") + block.reason});
    }
    return table(rows, /*prose=*/true);
}

std::string warnings_text(const std::vector<std::string>& warnings) {
    std::string text;
    for (const std::string& warning : warnings) text += "  Note: " + shown(warning) + "\n";
    return text;
}

std::string model_line(const ModelFacts& model) {
    std::string text =
        shown(model.name) + ": " + (model.family.empty() ? "unknown family" : shown(model.family));
    if (model.d_model > 0) text += ", d " + std::to_string(model.d_model);
    if (model.layers > 0) text += ", " + std::to_string(model.layers) + " blocks";
    if (model.parameters > 0) text += ", " + count_text(model.parameters) + " parameters";
    text += ", " + model.dtype + ", " + bytes_text(model.bytes) + "\n";
    return text;
}

std::string number_or_nothing(const std::optional<double>& value) {
    return value ? number_text(*value) : "";
}

}  // namespace

std::string batch_summary(const std::vector<BatchRow>& all) {
    std::vector<Row> rows{{"model", "status", "alignment", "λ_v", "d", "N", "seconds", "reason"}};
    for (const BatchRow& row : all) {
        const bool read = !row.report.empty();
        char seconds[32];
        std::snprintf(seconds, sizeof seconds, "%.1f", row.seconds);
        rows.push_back({printable(row.model, 80), std::string(status_name(row.status)),
                        row.alignment ? alignment_text(*row.alignment) : "", number_or_nothing(row.lambda_v),
                        read ? std::to_string(row.d) : "", read ? std::to_string(row.tokens) : "", seconds,
                        printable(row.reason, 1000)});
    }
    return table(rows, /*prose=*/true);
}

std::string gamma_summary(const GammaReading& gamma) {
    std::string text = model_line(gamma.model) + shown(gamma_headline(gamma)) + "\n\n";
    std::vector<Row> rows{{"norm", "kind", "d", "min γ", "max γ", "mean γ", "‖γ‖", "zeros", "negative"}};
    for (std::size_t i = 0; i < gamma.norms.size(); ++i) {
        const NormReading& norm = gamma.norms[i];
        rows.push_back({norm.spec.name + (i == gamma.final_norm ? " (final)" : ""),
                        std::string(norm_kind_name(norm.spec.kind)), std::to_string(norm.spec.d),
                        number_text(norm.gamma.min), number_text(norm.gamma.max),
                        number_text(norm.gamma.mean), number_text(norm.gamma.l2),
                        std::to_string(norm.gamma.zeros), std::to_string(norm.gamma.negatives)});
    }
    return text + table(rows) + warnings_text(gamma.warnings);
}

std::string reading_summary(const Reading& reading, bool verbose) {
    std::string text = model_line(reading.gamma.model) + shown(headline(reading)) + "\n\n";
    std::vector<Row> rows;
    for (const Finding& finding : findings(reading))
        rows.push_back({finding.title, finding.value,
                        finding.lamp == Finding::Lamp::neutral ? "" : std::string(lamp_name(finding.lamp)),
                        finding.reason});
    text += table(rows, /*prose=*/true) + "\n" + runs_table(reading.runs) + "\n";
    for (const Run& run : reading.runs) {
        if (run.blocks.empty()) continue;  // activations of a file
        text += "  Residual stream, " + title_of(run) + ": " + shown(residual_headline(run)) + "\n" +
                blocks_table(run) + "\n";
    }
    text += "  " + reading.input.kind + ", " + std::to_string(reading.input.tokens) + " tokens in " +
            std::to_string(reading.input.sequences) + " sequences, seed " + std::to_string(reading.seed) +
            ", " + reading.device + "\n";
    text += warnings_text(reading.warnings);
    if (verbose) {
        for (const Run& run : reading.runs)
            text += "  " + title_of(run) + ": forward " + number_text(run.forward_s) + " s, spectra " +
                    number_text(run.spectra_s) + " s\n";
        text += "  peak memory " + bytes_text(reading.peak_rss_bytes) + "\n";
    }
    return text;
}

}  // namespace deadscope
