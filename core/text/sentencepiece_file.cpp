// See sentencepiece_file.h.
#include "core/text/sentencepiece_file.h"

#include <dlfcn.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "core/base/error.h"
#include "core/base/module.h"
#include "core/base/text.h"
#include "core/base/version.h"
#include "core/text/bigrams.h"
#include "core/text/charsmap.h"
#include "core/text/pipeline.h"
#include "core/text/sentencepiece/entry.h"
#include "core/text/sentencepiece_model.h"
#include "core/text/tokenizer_config.h"
#include "core/text/unigram.h"

namespace deadscope {
namespace {

using nlohmann::json;

bool is_one_of(const std::string& word, std::initializer_list<std::string_view> words) {
    return std::ranges::find(words, word) != words.end();
}

AddedToken named(std::string content) {
    return {.content = std::move(content), .normalized = false, .special = true};
}

// Components in tokenizer.json's words.
Normalizer normalizer_of(const json& value, const std::string& path) {
    return read_normalizer(JsonObject(value, path));
}
PreTokenizer pre_tokenizer_of(const json& value, const std::string& path) {
    return read_pre_tokenizer(JsonObject(value, path));
}
json metaspace(const char* scheme, bool split) {
    return {{"type", "Metaspace"}, {"replacement", "\u2581"}, {"prepend_scheme", scheme}, {"split", split}};
}
json replacing(const char* kind, const char* pattern, const char* content) {
    return {{"type", "Replace"}, {"pattern", {{kind, pattern}}}, {"content", content}};
}

// Errors: Error::resource where the module is missing or another version's.
std::unique_ptr<sentencepiece_module::Processor> make_processor() {
    constexpr const char* file_name = "deadscope_sentencepiece.so";
    const Module module = open_module(file_name);
    const auto make = reinterpret_cast<sentencepiece_module::Make*>(
        module.handle != nullptr ? dlsym(module.handle, sentencepiece_module::make_name) : nullptr);
    std::unique_ptr<sentencepiece_module::Processor> processor(make != nullptr ? make(version) : nullptr);
    if (processor) return processor;
    std::string found = module.handle != nullptr ? "a module of another version" : printable(module.why, 200);
    throw Error::resource(
        "This tokenizer needs SentencePiece, which is not to be had",
        {.key = file_name,
         .expected = "a module of deadscope " + std::string(version) + " beside the program",
         .found = found.empty() ? "no such file" : std::move(found),
         .hint = "install libsentencepiece, or give token ids with --tokens"});
}

// Thread rule: as TokenModel.
class LibraryModel final : public TokenModel {
public:
    explicit LibraryModel(const SentencePieceModel& model, std::string file)
        : processor_(make_processor()), file_(std::move(file)) {
        if (const auto refusal = processor_->load(model.bytes))
            throw Error::input("The file is not a SentencePiece model",
                               {.file = file_, .found = printable(*refusal, 120)});
    }
    void encode(std::string_view word, std::vector<std::int32_t>& out) const override {
        std::vector<int> ids;
        if (const auto refusal = processor_->encode(word, ids))
            throw Error::input("The text cannot be cut into tokens",
                               {.file = file_, .found = printable(*refusal, 120)});
        out.insert(out.end(), ids.begin(), ids.end());
    }
    std::optional<std::int32_t> find(std::string_view token) const override {
        return processor_->find(token);
    }
    std::size_t size() const override { return processor_->size(); }

private:
    std::unique_ptr<sentencepiece_module::Processor> processor_;
    std::string file_;
};

// Thread rule: one thread.
class Builder {
public:
    Builder(const Checkpoint& checkpoint, const std::string& path)
        : config_(checkpoint), path_(path), model_(read_sentencepiece_model(path)) {
        parts_.source = path;
    }

    std::unique_ptr<Tokenizer> build() {
        const std::string& family = config_.family();
        const bool unigram = model_.kind == SentencePieceModel::Kind::unigram;
        const bool bpe = model_.kind == SentencePieceModel::Kind::bpe;
        if (unigram && is_one_of(family, {"t5", "mt5", "umt5", "longt5", "switchtransformers"})) {
            t5();
        } else if (unigram && is_one_of(family, {"xlmroberta", "xlmrobertaxl", "mbart", "xglm"})) {
            fairseq();
        } else if (unigram && family == "camembert") {
            camembert();
        } else if (unigram && family == "albert") {
            albert();
        } else if (unigram && family == "debertav2") {
            deberta();
        } else if (bpe && model_.byte_fallback) {
            llama(family.starts_with("gemma"));
        } else {
            library();
        }
        add_tokens();
        parts_.templates = {round()};
        return std::make_unique<Pipeline>(std::move(parts_));
    }

private:
    // Words at white space, each with the mark before it.
    void marked_words() {
        parts_.pre_tokenizer =
            pre_tokenizer_of({{"type", "Sequence"},
                              {"pretokenizers", {{{"type", "WhitespaceSplit"}}, metaspace("always", true)}}},
                             path_);
    }
    Normalizer precompiled() const {
        const auto map = std::make_shared<const Charsmap>(model_.charsmap,
                                                          PatternSource{.file = path_, .key = "charsmap"});
        return [map](Piece& piece) { piece.text = map->normalize_graphemes(piece.text); };
    }
    std::size_t unknown() const {
        const auto found = std::ranges::find(model_.types, static_cast<int>(SentencePieceModel::unknown));
        return found == model_.types.end() ? 0 : static_cast<std::size_t>(found - model_.types.begin());
    }
    void unigram(std::vector<std::pair<std::string, double>> pieces, std::size_t unknown_index) {
        parts_.model = make_unigram({.pieces = std::move(pieces), .unknown = unknown_index, .file = path_});
    }
    // `first` and then the model's own pieces from `from` on, and the mask.
    void moved(std::vector<std::string> first, std::size_t from) {
        std::vector<std::pair<std::string, double>> pieces;
        for (std::string& token : first) pieces.emplace_back(std::move(token), 0.0);
        pieces.insert(
            pieces.end(),
            model_.pieces.begin() + static_cast<std::ptrdiff_t>(std::min(from, model_.pieces.size())),
            model_.pieces.end());
        pieces.emplace_back(config_.special_or("mask_token", "<mask>"), 0.0);
        unigram(std::move(pieces), 3);
        parts_.normalizer = precompiled();
        marked_words();
        first_ = "<s>";
        last_ = "</s>";
        special_ = {"<s>", "<pad>", "</s>", "<unk>", config_.special_or("mask_token", "<mask>")};
    }

    void t5() {
        auto pieces = model_.pieces;
        constexpr int sentinels = 100;  // behind the pieces, the last of them first
        const bool has_them =
            std::ranges::any_of(pieces, [](const auto& p) { return p.first == "<extra_id_0>"; });
        for (int i = sentinels - 1; !has_them && i >= 0; --i)
            pieces.emplace_back("<extra_id_" + std::to_string(i) + ">", 0.0);
        for (int i = 0; i < sentinels; ++i) special_.push_back("<extra_id_" + std::to_string(i) + ">");
        unigram(std::move(pieces), unknown());
        parts_.normalizer = precompiled();
        marked_words();
        last_ = config_.special_or("eos_token", "</s>");
        special_.insert(special_.end(), {"<pad>", "</s>", "<unk>"});
    }

    void fairseq() {
        moved({"<s>", "<pad>", "</s>", "<unk>"}, 3);
        if (config_.family() != "xglm") return;
        first_ = "</s>";
        last_ = "";
    }

    void camembert() { moved({"<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED"}, 1); }

    void albert() {
        std::vector<Normalizer> steps{normalizer_of(replacing("String", "``", "\""), path_),
                                      normalizer_of(replacing("String", "''", "\""), path_)};
        if (!config_.flag("keep_accents").value_or(false)) {
            steps.push_back(normalizer_of({{"type", "NFKD"}}, path_));
            steps.push_back(normalizer_of({{"type", "StripAccents"}}, path_));
        }
        if (config_.flag("do_lower_case").value_or(true))
            steps.push_back(normalizer_of({{"type", "Lowercase"}}, path_));
        steps.push_back(precompiled());
        parts_.normalizer = [steps = std::move(steps)](Piece& piece) {
            for (const Normalizer& step : steps) step(piece);
        };
        unigram(model_.pieces, unknown());
        marked_words();
        brackets();
    }

    void deberta() {
        json steps = json::array();
        if (config_.flag("do_lower_case").value_or(false)) steps.push_back({{"type", "Lowercase"}});
        steps.push_back(replacing("Regex", "\\s{2,}|[\\n\\r\\t]", " "));
        steps.push_back({{"type", "NFC"}});
        steps.push_back({{"type", "Strip"}, {"strip_left", false}, {"strip_right", true}});
        parts_.normalizer = normalizer_of({{"type", "Sequence"}, {"normalizers", steps}}, path_);
        json words = json::array();
        if (config_.flag("split_by_punct").value_or(false))
            words.push_back({{"type", "Punctuation"}, {"behavior", "Isolated"}});
        words.push_back(metaspace("always", true));
        parts_.pre_tokenizer = pre_tokenizer_of({{"type", "Sequence"}, {"pretokenizers", words}}, path_);
        unigram(model_.pieces, unknown());
        brackets();
        // Its mask stands behind the model's pieces.
        const std::string mask = config_.special_or("mask_token", "[MASK]");
        if (!parts_.model->find(mask)) parts_.added.add(named(mask), *parts_.model);
    }

    void brackets() {
        first_ = config_.special_or("cls_token", "[CLS]");
        last_ = config_.special_or("sep_token", "[SEP]");
        special_ = {
            first_, last_, "<pad>", "[PAD]", "<unk>", "[UNK]", config_.special_or("mask_token", "[MASK]")};
    }

    void llama(bool gemma) {
        if (gemma || !config_.flag("add_prefix_space").value_or(true)) {
            parts_.pre_tokenizer = pre_tokenizer_of(metaspace("never", false), path_);
        } else {
            const bool legacy = config_.flag("legacy").value_or(false);
            parts_.pre_tokenizer = pre_tokenizer_of(metaspace(legacy ? "always" : "first", false), path_);
        }
        std::vector<std::string> tokens;
        std::vector<float> scores;
        for (const auto& [token, score] : model_.pieces) {
            tokens.push_back(token);
            scores.push_back(static_cast<float>(score));
        }
        parts_.model = make_bigrams({.tokens = std::move(tokens),
                                     .scores = std::move(scores),
                                     .types = model_.types,
                                     .unknown = static_cast<std::int32_t>(unknown()),
                                     .file = path_});
        control_tokens();
        begin_and_end(gemma ? "<bos>" : "<s>");
    }

    void library() {
        parts_.model = std::make_unique<LibraryModel>(model_, path_);
        control_tokens();
        if (is_one_of(config_.family(), {"bigbird", "rembert", "fnet"})) {
            brackets();
        } else {
            begin_and_end("<s>");
        }
    }

    void begin_and_end(const char* begin) {
        if (config_.flag("add_bos_token").value_or(true)) first_ = config_.special_or("bos_token", begin);
        if (config_.flag("add_eos_token").value_or(false)) last_ = config_.special_or("eos_token", "</s>");
    }

    // What the model has as control, unknown or user-defined pieces is found in the text as it stands.
    void control_tokens() {
        for (std::size_t i = 0; i < model_.pieces.size(); ++i)
            if (model_.types[i] == SentencePieceModel::control ||
                model_.types[i] == SentencePieceModel::unknown ||
                model_.types[i] == SentencePieceModel::user_defined)
                parts_.added.add(named(model_.pieces[i].first), static_cast<std::int32_t>(i));
    }

    void add_tokens() {
        for (const std::string& token : special_)
            if (const auto id = parts_.model->find(token)) parts_.added.add(named(token), *id);
        for (const auto& [id, token] : config_.added()) parts_.added.add(token, id);
        for (const AddedToken& token : config_.all_special())
            if (!parts_.added.find(token.content)) parts_.added.add(token, *parts_.model);
        parts_.added.build(parts_.normalizer);
    }

    SequenceTemplate round() const {
        SequenceTemplate one;
        const auto id = [&](const std::string& token) -> std::optional<std::int32_t> {
            if (token.empty()) return std::nullopt;
            const auto added = parts_.added.find(token);
            return added ? added : parts_.model->find(token);
        };
        if (const auto first = id(first_))
            one.parts.insert(one.parts.begin(), {.sequence = false, .ids = {*first}});
        if (const auto last = id(last_)) one.parts.push_back({.sequence = false, .ids = {*last}});
        return one;
    }

    TokenizerConfig config_;
    std::string path_;
    SentencePieceModel model_;
    Pipeline::Parts parts_;
    std::string first_, last_;          // tokens round a sequence; empty: none
    std::vector<std::string> special_;  // tokens that are special where the model has them
};

}  // namespace

std::unique_ptr<Tokenizer> open_sentencepiece(const Checkpoint& checkpoint, const std::string& path) {
    return Builder(checkpoint, path).build();
}

}  // namespace deadscope
