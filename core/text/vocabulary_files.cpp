// What transformers' fast tokenizers make of the same files, family by family. See vocabulary_files.h.
#include "core/text/vocabulary_files.h"

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/mapped_file.h"
#include "core/base/text.h"
#include "core/text/bpe.h"
#include "core/text/gguf_pre.h"
#include "core/text/pipeline.h"
#include "core/text/tokenizer_config.h"
#include "core/text/unicode.h"
#include "core/text/word_piece.h"

namespace deadscope {
namespace {

constexpr std::uint64_t file_limit = 128u << 20;  // bytes
constexpr std::size_t most_tokens = 1u << 24;

const char* const clip_pattern =
    R"(<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+)";

bool is_one_of(const std::string& word, std::initializer_list<std::string_view> words) {
    return std::ranges::find(words, word) != words.end();
}

std::vector<std::string> lines_of(const std::string& path) {
    const std::string text = read_text_file(path, file_limit);
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t end = std::min(text.find('\n', i), text.size());
        std::string_view line = std::string_view(text).substr(i, end - i);
        if (line.ends_with('\r')) line.remove_suffix(1);
        lines.emplace_back(line);
        i = end + 1;
        if (lines.size() > most_tokens) throw Error::input("The file has too many lines", {.file = path});
    }
    return lines;
}

Vocabulary read_vocab_json(const std::string& path) {
    const nlohmann::json value = parse_json(read_text_file(path, file_limit), {.file = path});
    const JsonObject object(value, path);
    Vocabulary out;
    for (const auto& [token, id] : value.get_ref<const nlohmann::json::object_t&>()) {
        if (!id.is_number_integer() || id.get<std::int64_t>() < 0 ||
            id.get<std::int64_t>() > std::numeric_limits<std::int32_t>::max())
            object.wrong(token, "a token id");
        out.emplace(token, id.get<std::int32_t>());
    }
    return out;
}

std::vector<std::pair<std::string, std::string>> read_merges(const std::string& path) {
    std::vector<std::pair<std::string, std::string>> out;
    for (const std::string& line : lines_of(path)) {
        if (line.starts_with("#version") || line.empty()) continue;
        const std::size_t space = line.find(' ');
        if (space == std::string::npos || space == 0 || space + 1 == line.size())
            throw Error::input("A line of the merges is not a pair of tokens",
                               {.file = path, .found = printable(line, 60)});
        out.emplace_back(line.substr(0, space), line.substr(space + 1));
    }
    return out;
}

// Special tokens and those that were added, with the model's ids where it has them.
void add_tokens(Pipeline::Parts& parts, const TokenizerConfig& config, std::vector<AddedToken> special) {
    for (const auto& [id, token] : config.added()) parts.added.add(token, id);
    for (AddedToken& token : config.all_special()) {
        std::erase_if(special, [&](const AddedToken& one) { return one.content == token.content; });
        special.push_back(std::move(token));
    }
    for (const AddedToken& token : special)
        if (!parts.added.find(token.content)) parts.added.add(token, *parts.model);
    parts.added.build(parts.normalizer);
}

AddedToken named(std::string content) {
    return {.content = std::move(content), .normalized = false, .special = true};
}

// The tokens round a sequence, by their names; those that the vocabulary lacks are left out.
std::vector<SequenceTemplate> around(const Pipeline::Parts& parts, const std::string& first,
                                     const std::string& last) {
    SequenceTemplate one;
    const auto id = [&](const std::string& token) {
        const auto added = parts.added.find(token);
        return added ? added : parts.model->find(token);
    };
    if (const auto before = id(first); !first.empty() && before)
        one.parts.insert(one.parts.begin(), {.sequence = false, .ids = {*before}});
    if (const auto behind = id(last); !last.empty() && behind)
        one.parts.push_back({.sequence = false, .ids = {*behind}});
    return {one};
}

PreTokenizer with_prefix_space(PreTokenizer next) {
    return [next = std::move(next)](Pieces& pieces) {
        for (Piece& piece : pieces)
            if (!piece.id && !piece.text.starts_with(' ')) piece.text.insert(0, " ");
        next(pieces);
    };
}

std::vector<Regex> patterns_of(const std::vector<std::string>& patterns, const std::string& file) {
    std::vector<Regex> out;
    for (const std::string& pattern : patterns)
        out.emplace_back(pattern, Regex::Kind::oniguruma, PatternSource{.file = file, .key = {}});
    return out;
}

// Words by CLIP's pattern, what lies between them gone; its lower case and its end-of-word mark.
void clip_words(Pipeline::Parts& parts, BpeSettings& bpe) {
    parts.normalizer = [](Piece& piece) {
        std::string text = normal_form(piece.text, NormalForm::nfc), out;
        for (const Cut& cut : cuts_where(text, is_white_space)) {
            if (!cut.match) {
                out += text.substr(cut.first, cut.last - cut.first);
            } else if (!out.ends_with(' ')) {
                out += ' ';
            }
        }
        piece.text = lower_case(out);
    };
    const auto pattern = std::make_shared<const Regex>(clip_pattern, Regex::Kind::oniguruma, PatternSource{});
    PreTokenizer bytes = byte_level_words(patterns_of({gpt2_pattern}, parts.source));
    parts.pre_tokenizer = [pattern, bytes = std::move(bytes)](Pieces& pieces) {
        replace_pieces(pieces, [&](const Piece& piece, Pieces& out) {
            add_parts(piece, apply(SplitBehaviour::removed, inverted(pattern->cuts(piece.text))), out);
        });
        bytes(pieces);
    };
    bpe.word_suffix = "</w>";
}

void byte_words(Pipeline::Parts& parts, const TokenizerConfig& config) {
    const std::string& family = config.family();
    std::string kind = "gpt-2";
    if (family.starts_with("qwen2") || family.starts_with("qwen3")) kind = "qwen2";
    if (is_one_of(family, {"gptneox", "olmo"})) kind = "gpt-neox";
    if (is_one_of(family, {"starcoder2", "gptbigcode", "smollm", "cohere"})) kind = "starcoder";
    const GgufWords words = gguf_words(kind, parts.source);
    if (words.nfc) parts.normalizer = [](Piece& p) { p.text = normal_form(p.text, NormalForm::nfc); };
    parts.pre_tokenizer = byte_level_words(patterns_of(words.patterns, parts.source));
    if (config.flag("add_prefix_space").value_or(false))
        parts.pre_tokenizer = with_prefix_space(std::move(parts.pre_tokenizer));
}

bool is_roberta_like(const std::string& family) {
    return is_one_of(family,
                     {"roberta", "bart", "longformer", "led", "blenderbot", "xlmrobertaxl", "data2vectext"});
}

}  // namespace

std::unique_ptr<Tokenizer> open_vocab_and_merges(const Checkpoint& checkpoint, const std::string& vocabulary,
                                                 const std::string& merges) {
    const TokenizerConfig config(checkpoint);
    const std::string& family = config.family();
    Pipeline::Parts parts;
    parts.source = vocabulary;
    const bool clip = is_one_of(family, {"clip", "clipseg", "cliptextmodel"});
    BpeSettings bpe{.vocabulary = read_vocab_json(vocabulary),
                    .merges = read_merges(merges),
                    .unknown = std::nullopt,
                    .file = merges,
                    .key = "line"};
    if (clip) {
        clip_words(parts, bpe);
        bpe.unknown = config.special_or("unk_token", "<|endoftext|>");
    } else {
        byte_words(parts, config);
    }
    parts.model = make_bpe(std::move(bpe));
    std::string first, last;
    std::vector<AddedToken> special;
    if (is_roberta_like(family) || is_one_of(family, {"deberta", "mpnet"})) {
        const bool brackets = family == "deberta";
        first = config.special_or("cls_token", brackets ? "[CLS]" : "<s>");
        last = config.special_or("sep_token", brackets ? "[SEP]" : "</s>");
        for (const char* token : {brackets ? "[UNK]" : "<unk>", brackets ? "[PAD]" : "<pad>"})
            special.push_back(named(token));
        special.push_back(named(config.special_or("mask_token", brackets ? "[MASK]" : "<mask>")));
    } else if (clip) {
        first = config.special_or("bos_token", "<|startoftext|>");
        last = config.special_or("eos_token", "<|endoftext|>");
    } else {
        const std::string text_end = "<|endoftext|>", bos = config.special_or("bos_token", text_end);
        // OPT's file says so in newer checkpoints; its model has never gone without.
        if (config.flag("add_bos_token").value_or(family == "opt")) first = bos;
        if (config.flag("add_eos_token").value_or(false)) last = config.special_or("eos_token", text_end);
        special.push_back(named(bos));
    }
    for (const std::string& token : {first, last})
        if (!token.empty()) special.push_back(named(token));
    add_tokens(parts, config, std::move(special));
    parts.templates = around(parts, first, last);
    return std::make_unique<Pipeline>(std::move(parts));
}

namespace {

Vocabulary read_vocab_txt(const std::string& path) {
    Vocabulary out;
    std::int32_t id = 0;
    for (const std::string& line : lines_of(path)) out.insert_or_assign(line, id++);
    if (out.empty()) throw Error::input("The vocabulary is empty", {.file = path});
    return out;
}

// As Python's str.split() has it: the four separators of ASCII are space too.
bool is_space(char32_t code) {
    return is_white_space(code) || (code >= 0x1C && code <= 0x1F);
}

// Every token of the vocabulary is found as it stands, so that letters need no spaces between them.
std::unique_ptr<Tokenizer> letters(const TokenizerConfig& config, const std::string& path) {
    Pipeline::Parts parts;
    parts.source = path;
    Vocabulary vocabulary = read_vocab_txt(path);
    for (const auto& [token, id] : vocabulary)
        parts.added.add({.content = token, .normalized = false, .special = false}, id);
    WordPieceSettings words{.vocabulary = std::move(vocabulary), .file = path};
    words.unknown = config.special_or("unk_token", "<unk>");
    parts.model = make_word_level(std::move(words));
    parts.pre_tokenizer = [](Pieces& pieces) {
        replace_pieces(pieces, [](const Piece& piece, Pieces& out) {
            add_parts(piece, apply(SplitBehaviour::removed, cuts_where(piece.text, is_space)), out);
        });
    };
    parts.added.build({});
    parts.templates =
        around(parts, config.special_or("cls_token", "<cls>"), config.special_or("eos_token", "<eos>"));
    return std::make_unique<Pipeline>(std::move(parts));
}

}  // namespace

std::unique_ptr<Tokenizer> open_vocab_txt(const Checkpoint& checkpoint, const std::string& path) {
    const TokenizerConfig config(checkpoint);
    if (config.family() == "esm") return letters(config, path);
    Pipeline::Parts parts;
    parts.source = path;
    const bool lower = config.flag("do_lower_case").value_or(true);
    parts.normalizer =
        bert_normalizer({.handle_chinese_chars = config.flag("tokenize_chinese_chars").value_or(true),
                         .strip_accents = config.flag("strip_accents").value_or(lower),
                         .lowercase = lower});
    parts.pre_tokenizer = bert_words();
    const bool angles = config.family() == "mpnet";
    WordPieceSettings words{.vocabulary = read_vocab_txt(path), .file = path};
    words.unknown = config.special_or("unk_token", "[UNK]");
    const std::string first = config.special_or("cls_token", angles ? "<s>" : "[CLS]");
    const std::string last = config.special_or("sep_token", angles ? "</s>" : "[SEP]");
    std::vector<AddedToken> special{
        named(words.unknown), named(last), named(config.special_or("pad_token", angles ? "<pad>" : "[PAD]")),
        named(first), named(config.special_or("mask_token", angles ? "<mask>" : "[MASK]"))};
    // A vocabulary may lack the usual ones; it gets no ids that the model has no rows for.
    std::erase_if(special,
                  [&](const AddedToken& token) { return !words.vocabulary.contains(token.content); });
    parts.model = make_word_piece(std::move(words));
    add_tokens(parts, config, std::move(special));
    parts.templates = around(parts, first, last);
    return std::make_unique<Pipeline>(std::move(parts));
}

}  // namespace deadscope
