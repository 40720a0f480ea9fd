// See sentencepiece_model.h.
#include "core/text/sentencepiece_model.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "core/base/error.h"
#include "core/base/mapped_file.h"
#include "core/base/text.h"
#include "core/text/charsmap.h"

namespace deadscope {
namespace {

constexpr std::uint64_t file_limit = 64u << 20;  // bytes; the largest published are 5 MB

// One field of a message.
struct Field {
    std::uint64_t number = 0;
    std::uint64_t value = 0;  // of a number
    std::string_view bytes;   // of what has a length, and of fixed numbers
};

class Message {
public:
    explicit Message(std::string_view bytes) : rest_(bytes) {}

    // Nothing at the end, or where the message is malformed: then broken().
    std::optional<Field> next() {
        if (rest_.empty() || broken_) return std::nullopt;
        const auto key = number();
        Field field{.number = key.value_or(0) >> 3, .value = 0, .bytes = {}};
        std::uint64_t length = 0;
        switch (key.value_or(7) & 7) {
            case 0:
                field.value = number().value_or(0);
                break;
            case 1:
                length = 8;
                break;
            case 2:
                length = number().value_or(0);
                break;
            case 5:
                length = 4;
                break;
            default:
                broken_ = true;
        }
        broken_ |= length > rest_.size();
        if (broken_) return std::nullopt;
        field.bytes = rest_.substr(0, length);
        rest_.remove_prefix(length);
        return field;
    }
    bool broken() const { return broken_; }

private:
    std::optional<std::uint64_t> number() {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
            const auto byte = static_cast<unsigned char>(rest_[0]);
            rest_.remove_prefix(1);
            value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
            if (byte < 0x80) return value;
        }
        broken_ = true;
        return std::nullopt;
    }

    std::string_view rest_;
    bool broken_ = false;
};

class Reader {
public:
    explicit Reader(std::string path) : path_(std::move(path)) {}

    SentencePieceModel read() {
        out_.bytes = read_text_file(path_, file_limit);
        Message model(out_.bytes);
        while (const auto field = model.next()) {
            if (field->number == 1) piece(field->bytes);
            if (field->number == 2) trainer(field->bytes);
            if (field->number == 3) out_.charsmap = charsmap(field->bytes);
            if (field->number == 5) (void)charsmap(field->bytes);
        }
        if (model.broken() || out_.pieces.empty()) refuse();
        return std::move(out_);
    }

private:
    [[noreturn]] void refuse() const {
        throw Error::input("The file is not a SentencePiece model", {.file = path_});
    }

    void piece(std::string_view bytes) {
        std::string text;
        float score = 0.0f;
        int type = SentencePieceModel::normal;
        Message message(bytes);
        while (const auto field = message.next()) {
            if (field->number == 1) text = field->bytes;
            if (field->number == 2 && field->bytes.size() == sizeof score)
                std::memcpy(&score, field->bytes.data(), sizeof score);
            if (field->number == 3) type = static_cast<int>(field->value & 0xF);
        }
        if (message.broken() || !std::isfinite(score)) refuse();
        out_.pieces.emplace_back(to_utf8(text), static_cast<double>(score));
        out_.types.push_back(type);
    }

    void trainer(std::string_view bytes) {
        Message message(bytes);
        while (const auto field = message.next()) {
            if (field->number == 3 && field->value >= 1 && field->value <= 4)
                out_.kind = static_cast<SentencePieceModel::Kind>(field->value);
            if (field->number == 35) out_.byte_fallback = field->value != 0;
        }
        if (message.broken()) refuse();
    }

    std::string charsmap(std::string_view bytes) {
        std::string map;
        Message message(bytes);
        while (const auto field = message.next())
            if (field->number == 2) map = field->bytes;
        if (message.broken()) refuse();
        (void)Charsmap(map, {.file = path_, .key = "normalizer_spec.precompiled_charsmap"});
        return map;
    }

    std::string path_;
    SentencePieceModel out_;
};

}  // namespace

SentencePieceModel read_sentencepiece_model(const std::string& path) {
    return Reader(path).read();
}

}  // namespace deadscope
