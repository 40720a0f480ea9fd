// See sentencepiece_file.h. The library trusts the model's character map, so that is checked before it sees
// it.
#include "core/text/sentencepiece_file.h"

#include <sentencepiece_processor.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "core/base/error.h"
#include "core/base/mapped_file.h"
#include "core/base/text.h"
#include "core/text/charsmap.h"
#include "core/text/pipeline.h"
#include "core/text/tokenizer_config.h"

namespace deadscope {
namespace {

constexpr std::uint64_t file_limit = 64u << 20;  // bytes; the largest published are 5 MB

// One field of a message in protobuf's wire format.
struct Field {
    std::uint64_t number = 0;
    std::string_view bytes;  // of fields with a length; empty for numbers
};

// Calls visit(field) for each field of the message; false where it is cut short or malformed.
template <class Visit>
bool for_each_field(std::string_view message, const Visit& visit) {
    const auto number = [&]() -> std::optional<std::uint64_t> {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64 && !message.empty(); shift += 7) {
            const auto byte = static_cast<unsigned char>(message[0]);
            message.remove_prefix(1);
            value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
            if (byte < 0x80) return value;
        }
        return std::nullopt;
    };
    while (!message.empty()) {
        const auto key = number();
        if (!key) return false;
        Field field{.number = *key >> 3, .bytes = {}};
        const std::uint64_t type = *key & 7;
        std::uint64_t length = type == 1 ? 8 : type == 5 ? 4 : 0;
        if (type == 0 || type == 2) {
            const auto value = number();
            if (!value) return false;
            if (type == 2) length = *value;
        } else if (type != 1 && type != 5) {
            return false;
        }
        if (length > message.size()) return false;
        if (type == 2) field.bytes = message.substr(0, length);
        message.remove_prefix(length);
        visit(field);
    }
    return true;
}

// ModelProto: 3 is the normalizer, 5 the denormalizer; in either, 2 is the character map.
void check_charsmaps(std::string_view model, const std::string& path) {
    const auto check_map = [&](const Field& field) {
        if (field.number == 2) (void)Charsmap(field.bytes, {.file = path, .key = "normalizer_spec"});
    };
    bool fine = true;
    fine &= for_each_field(model, [&](const Field& field) {
        if (field.number == 3 || field.number == 5) fine &= for_each_field(field.bytes, check_map);
    });
    if (!fine) throw Error::input("The file is not a SentencePiece model", {.file = path});
}

using Processor = sentencepiece::SentencePieceProcessor;

std::shared_ptr<const Processor> load(const std::string& path) {
    const std::string bytes = read_text_file(path, file_limit);
    check_charsmaps(bytes, path);
    auto processor = std::make_shared<Processor>();
    const auto status = processor->LoadFromSerializedProto(bytes);
    if (!status.ok())
        throw Error::input("The file is not a SentencePiece model",
                           {.file = path, .found = printable(status.error_message(), 120)});
    return processor;
}

// How the model's own ids become the checkpoint's.
struct IdShift {
    std::int32_t by = 0;
    std::int32_t from = 0;      // the first of the model's ids that is moved
    std::int32_t unknown = -1;  // instead of the model's own
    std::int32_t of(std::int32_t id, std::int32_t model_unknown) const {
        if (id == model_unknown && unknown >= 0) return unknown;
        return id >= from ? id + by : id;
    }
};

class SentencePieceModel final : public TokenModel {
public:
    SentencePieceModel(std::shared_ptr<const Processor> processor, IdShift shift, std::string file)
        : processor_(std::move(processor)), shift_(shift), file_(std::move(file)) {}

    void encode(std::string_view word, std::vector<std::int32_t>& out) const override {
        std::vector<int> ids;
        const auto status = processor_->Encode(absl::string_view(word.data(), word.size()), &ids);
        if (!status.ok())
            throw Error::input("The text cannot be cut into tokens",
                               {.file = file_, .found = printable(status.error_message(), 120)});
        for (const int id : ids) out.push_back(shift_.of(id, processor_->unk_id()));
    }

    std::optional<std::int32_t> find(std::string_view token) const override {
        const int id = processor_->PieceToId(absl::string_view(token.data(), token.size()));
        const int unknown = processor_->unk_id();
        if (id == unknown && (unknown < 0 || processor_->IdToPiece(id) != token)) return std::nullopt;
        return shift_.of(id, unknown);
    }
    std::size_t size() const override {
        return static_cast<std::size_t>(processor_->GetPieceSize() + shift_.by);
    }

private:
    std::shared_ptr<const Processor> processor_;
    IdShift shift_;
    std::string file_;
};

// What a family puts round the library's tokens.
struct Wrapping {
    IdShift shift;
    std::string first, last;                                  // tokens
    std::vector<std::pair<std::string, std::int32_t>> fixed;  // tokens with ids of fairseq's own
    bool mask_at_end = false;
};

bool is_one_of(const std::string& word, std::initializer_list<std::string_view> words) {
    return std::ranges::find(words, word) != words.end();
}

Wrapping wrapping_of(const TokenizerConfig& config) {
    const std::string& family = config.family();
    Wrapping w;
    if (is_one_of(family, {"t5", "mt5", "umt5", "longt5", "switchtransformers"})) {
        w.last = config.special_or("eos_token", "</s>");
    } else if (is_one_of(family, {"xlmroberta", "xlmrobertaxl", "mbart", "xglm"})) {
        w.shift = {.by = 1, .from = 3, .unknown = 3};
        w.fixed = {{"<s>", 0}, {"<pad>", 1}, {"</s>", 2}, {"<unk>", 3}};
        w.mask_at_end = true;
        w.first = family == "xglm" ? "</s>" : "<s>";
        w.last = family == "xglm" ? "" : "</s>";
    } else if (family == "camembert") {
        w.shift = {.by = 4, .from = 1, .unknown = 3};
        w.fixed = {{"<pad>", 1}, {"<unk>", 3}, {"<s>", 5}, {"</s>", 6}};
        w.mask_at_end = true;
        w.first = "<s>";
        w.last = "</s>";
    } else if (is_one_of(family, {"albert", "debertav2", "bigbird", "rembert", "fnet"})) {
        w.first = config.special_or("cls_token", "[CLS]");
        w.last = config.special_or("sep_token", "[SEP]");
    } else {
        if (config.flag("add_bos_token").value_or(true)) w.first = config.special_or("bos_token", "<s>");
        if (config.flag("add_eos_token").value_or(false)) w.last = config.special_or("eos_token", "</s>");
    }
    return w;
}

AddedToken named(std::string content, bool lstrip = false) {
    return {.content = std::move(content), .lstrip = lstrip, .normalized = false, .special = true};
}

void add_tokens(Pipeline::Parts& parts, const Processor& processor, const Wrapping& wrapping,
                const TokenizerConfig& config) {
    const bool moved = !wrapping.fixed.empty();
    for (int id = 0; id < processor.GetPieceSize(); ++id) {
        // The library finds user-defined pieces by itself; control tokens in the text are ours to find.
        const bool wanted = processor.IsControl(id) || processor.IsUnknown(id);
        if (wanted && !moved) parts.added.add(named(processor.IdToPiece(id)), static_cast<std::int32_t>(id));
    }
    for (const auto& [token, id] : wrapping.fixed) parts.added.add(named(token), id);
    if (wrapping.mask_at_end)
        parts.added.add(named(config.special_or("mask_token", "<mask>"), /*lstrip=*/true),
                        static_cast<std::int32_t>(parts.model->size()));
    for (const auto& [id, token] : config.added()) parts.added.add(token, id);
    for (const AddedToken& token : config.all_special())
        if (!parts.added.find(token.content)) parts.added.add(token, *parts.model);
    parts.added.build({});
}

// T5 keeps a hundred more tokens behind its pieces, the last of them first.
void add_sentinels(Pipeline::Parts& parts, const TokenizerConfig& config, int pieces) {
    if (!is_one_of(config.family(), {"t5", "longt5", "switchtransformers"})) return;
    if (parts.added.find("<extra_id_0>") || parts.model->find("<extra_id_0>")) return;
    constexpr std::int32_t count = 100;
    for (std::int32_t i = 0; i < count; ++i)
        parts.added.add(named("<extra_id_" + std::to_string(i) + ">"), pieces + count - 1 - i);
    parts.added.build({});
}

}  // namespace

std::unique_ptr<Tokenizer> open_sentencepiece(const Checkpoint& checkpoint, const std::string& path) {
    const TokenizerConfig config(checkpoint);
    const Wrapping wrapping = wrapping_of(config);
    const auto processor = load(path);
    Pipeline::Parts parts;
    parts.source = path;
    parts.model = std::make_unique<SentencePieceModel>(processor, wrapping.shift, path);
    add_tokens(parts, *processor, wrapping, config);
    add_sentinels(parts, config, processor->GetPieceSize());
    SequenceTemplate one;
    const auto id = [&](const std::string& token) -> std::optional<std::int32_t> {
        if (token.empty()) return std::nullopt;
        const auto added = parts.added.find(token);
        return added ? added : parts.model->find(token);
    };
    if (const auto first = id(wrapping.first))
        one.parts.insert(one.parts.begin(), {.sequence = false, .ids = {*first}});
    if (const auto last = id(wrapping.last)) one.parts.push_back({.sequence = false, .ids = {*last}});
    parts.templates = {one};
    return std::make_unique<Pipeline>(std::move(parts));
}

}  // namespace deadscope
