// The report's keys are interface.md's; what is added to them stands beside, never instead.
#include "core/report/report.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/base/text.h"
#include "core/base/version.h"
#include "core/reading/analyze.h"

namespace deadscope {

namespace {

using Json = nlohmann::ordered_json;

Json number(double value) {
    return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Json number(const std::optional<double>& value) {
    return value ? number(*value) : Json(nullptr);
}

Json text(const std::string& value) {
    return to_utf8(value);
}

Json texts(const std::vector<std::string>& values) {
    Json out = Json::array();
    for (const std::string& value : values) out.push_back(text(value));
    return out;
}

Json kind_or_null(NormKind kind) {
    return kind == NormKind::unknown ? Json(nullptr) : Json(std::string(norm_kind_name(kind)));
}

Json model(const ModelFacts& facts) {
    return {{"name", text(facts.name)},
            {"source", text(facts.source)},
            {"architecture", text(facts.architecture)},
            {"family", text(facts.family)},
            {"tower", facts.tower.empty() ? Json(nullptr) : text(facts.tower)},
            {"d_model", facts.d_model},
            {"layers", facts.layers},
            {"vocabulary", facts.vocabulary},
            {"context", facts.context},
            {"parameters", facts.parameters},
            {"dtype", text(facts.dtype)},
            {"norm_position", facts.norm_position.empty() ? Json(nullptr) : text(facts.norm_position)}};
}

Json summary(const NormStatistics& statistics) {
    return {{"min", number(statistics.min)},   {"max", number(statistics.max)},
            {"mean", number(statistics.mean)}, {"l2", number(statistics.l2)},
            {"zeros", statistics.zeros},       {"negatives", statistics.negatives}};
}

Json norm(const NormReading& reading, bool values) {
    const NormSpec& spec = reading.spec;
    Json out{{"name", text(spec.name)},
             {"block", spec.block ? Json(*spec.block) : Json(nullptr)},
             {"role", std::string(norm_role_name(spec.role))},
             {"kind", std::string(norm_kind_name(spec.kind))},
             {"eps", number(spec.eps)},
             {"d", spec.d},
             {"gamma", summary(reading.gamma)},
             {"beta", reading.beta ? summary(*reading.beta) : Json(nullptr)}};
    if (values) {
        out["values"] = json_numbers(reading.parameters.gamma);
        out["beta_values"] = reading.beta ? json_numbers(reading.parameters.beta) : Json(nullptr);
    }
    return out;
}

Json norms(const GammaReading& gamma, bool values) {
    Json out = Json::array();
    for (const NormReading& reading : gamma.norms) out.push_back(norm(reading, values));
    return out;
}

Json prediction(const KernelPrediction& predicted) {
    Json out{{"kernel_dimension", predicted.dimension}, {"v", json_numbers(predicted.v)}};
    if (predicted.dimension > 1) {
        out["kernel"] = Json::array();
        for (const auto& direction : predicted.basis) out["kernel"].push_back(json_numbers(direction));
    }
    out["gamma_zeros"] = predicted.zeros;
    out["gamma_tiny"] = predicted.tiny;
    return out;
}

Json block(const BlockReading& reading) {
    Json overlaps = Json::object();
    for (const auto& overlap : reading.overlap_norms) overlaps[to_utf8(overlap.norm)] = number(overlap.value);
    return {{"index", reading.index},
            {"sigma_min", number(reading.sigma_min)},
            {"sigma_max", number(reading.sigma_max)},
            {"sigma_min_centred", number(reading.sigma_min_centred)},
            {"sigma_max_centred", number(reading.sigma_max_centred)},
            {"ratio", number(reading.ratio)},
            {"flag", reading.flag},
            {"reason", reading.reason.empty() ? Json(nullptr) : text(reading.reason)},
            {"floor", number(reading.floor)},
            {"rank_deficient", reading.rank_deficient},
            {"overlap_previous", number(reading.overlap_previous)},
            {"overlap_uniform", number(reading.overlap_uniform)},
            {"overlap_norms", std::move(overlaps)},
            {"largest_channels", reading.largest_channels}};
}

Json blocks(const Run& run) {
    Json out = Json::array();
    for (const BlockReading& reading : run.blocks) out.push_back(block(reading));
    return out;
}

const char* verdict_name(Verdict verdict) {
    switch (verdict) {
        case Verdict::kernel:
            return "kernel";
        case Verdict::no_kernel:
            return "no kernel";
        case Verdict::undecided:
            break;
    }
    return "undecided";
}

Json run(const Run& reading) {
    const Alignment& alignment = reading.alignment;
    return {{"init", std::string(init_name(reading.init))},
            {"init_source", reading.init_source},
            {"precision", std::string(precision_name(reading.precision))},
            {"tokens", reading.tokens},
            {"verdict", verdict_name(verdict(reading))},
            {"alignment", number(alignment.value)},
            {"alignment_subspace", number(alignment.subspace)},
            {"well_determined", alignment.well_determined},
            {"dead_directions", alignment.dead_directions},
            {"at_noise_floor", alignment.at_noise_floor},
            {"baselines",
             {{"random", number(alignment.random_baseline)},
              {"uniform", number(alignment.uniform_baseline)},
              {"permuted", number(alignment.permuted_baseline)}}},
            {"lambda_v", number(reading.lambda_v)},
            {"lambda_min", number(reading.lambda_min)},
            {"lambda_max", number(reading.lambda_max)},
            {"lambda_mean", number(reading.lambda_mean)},
            {"noise_floor", number(reading.floor.total())},
            {"noise_floor_parts",
             {{"output_rounding", number(reading.floor.output_rounding)},
              {"mean_rounding", number(reading.floor.mean_rounding)}}},
            {"mean_over_spread", number(reading.mean_over_spread)},
            {"gap", number(alignment.gap)},
            {"prediction", prediction(reading.prediction)},
            {"final",
             {{"singular_values", json_numbers(reading.singular_values)},
              {"bottom", json_numbers(reading.bottom)}}},
            {"blocks", blocks(reading)},
            {"headlines",
             {{"eigenvalues", eigenvalue_headline(reading)},
              {"alignment", alignment_headline(reading)},
              {"residual", residual_headline(reading)}}},
            {"timing", {{"forward_s", number(reading.forward_s)}, {"spectra_s", number(reading.spectra_s)}}}};
}

Json norm_kinds(const Reading& reading) {
    const GammaReading& gamma = reading.gamma;
    const NormSpec* last = gamma.norms.empty() ? nullptr : &gamma.norms[gamma.final_norm].spec;
    const NormKind declared = last ? last->kind : NormKind::unknown;
    // Not classified from the parameters by this version; null says so.
    const NormKind measured =
        reading.runs.empty() ? NormKind::unknown : norm_from_activations(reading.runs.front());
    return {{"kind", std::string(norm_kind_name(declared == NormKind::unknown ? measured : declared))},
            {"declared", kind_or_null(declared)},
            {"from_parameters", nullptr},
            {"from_activations", kind_or_null(measured)},
            {"final", last ? text(last->name) : Json(nullptr)}};
}

Json card(const Reading& reading) {
    Json out = Json::array();
    for (const Finding& finding : findings(reading))
        out.push_back({{"title", finding.title},
                       {"value", finding.value},
                       {"lamp", lamp_name(finding.lamp)},
                       {"reason", text(finding.reason)}});
    return out;
}

Json timing(const Reading& reading) {
    double forward = reading.unmeasured ? reading.unmeasured->forward_s : 0.0, spectra = 0.0;
    std::uint64_t bytes = reading.unmeasured ? reading.unmeasured->bytes_read : 0;
    for (const Run& one : reading.runs) {
        forward += one.forward_s;
        spectra += one.spectra_s;
        bytes += one.bytes_read;
    }
    return {{"load_s", number(reading.load_s)},
            {"forward_s", number(forward)},
            {"spectra_s", number(spectra)},
            {"peak_rss_bytes", reading.peak_rss_bytes},
            {"bytes_read", bytes}};
}

}  // namespace

Json report_json(const Reading& reading) {
    Json precision = nullptr;
    if (reading.unmeasured) precision = std::string(precision_name(reading.unmeasured->precision));
    if (!reading.runs.empty()) precision = std::string(precision_name(reading.runs.front().precision));
    Json out{{"schema", "deadscope.report/1"},
             {"program",
              {{"name", "deadscope"},
               {"version", version},
               {"backend", reading.backend},
               {"device", text(reading.device)},
               {"threads", reading.threads},
               {"ranks", reading.ranks},
               {"precision", std::move(precision)},
               {"seed", reading.seed},
               {"tau", reading.residual.tau},
               {"dead_relative", reading.alignment.dead_relative}}},
             {"model", model(reading.gamma.model)},
             {"input",
              {{"kind", reading.input.kind},
               {"tokens", reading.input.tokens},
               {"sequences", reading.input.sequences},
               {"digest", reading.input.digest}}},
             {"headline", text(headline(reading))},
             {"findings", card(reading)},
             {"norms", norms(reading.gamma, false)},
             {"norm", norm_kinds(reading)},
             {"prediction", prediction(reading.gamma.prediction)},
             {"runs", Json::array()}};
    for (const Run& one : reading.runs) out["runs"].push_back(run(one));
    for (const char* key : {"alignment", "lambda_v", "lambda_min", "lambda_max"})
        out[key] = reading.runs.empty() ? Json(nullptr) : out["runs"][0][key];
    const Json nothing{{"singular_values", Json::array()}, {"bottom", Json::array()}};
    out["final"] = reading.runs.empty() ? nothing : out["runs"][0]["final"];
    out["blocks"] = reading.runs.empty() ? Json::array() : out["runs"][0]["blocks"];
    out["warnings"] = texts(reading.warnings);
    out["timing"] = timing(reading);
    return out;
}

Json gamma_json(const GammaReading& gamma) {
    const NormSpec* last = gamma.norms.empty() ? nullptr : &gamma.norms[gamma.final_norm].spec;
    return {{"schema", "deadscope.gamma/1"},
            {"model", model(gamma.model)},
            {"final", last ? text(last->name) : Json(nullptr)},
            {"norms", norms(gamma, true)},
            {"prediction", prediction(gamma.prediction)},
            {"warnings", texts(gamma.warnings)}};
}

}  // namespace deadscope
