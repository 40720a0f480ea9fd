// PCRE2 with its limits set: a pattern from a file may ask for exponential work. See regex.h.
#define PCRE2_CODE_UNIT_WIDTH 8
#include "core/text/regex.h"

#include <pcre2.h>

#include <array>
#include <utility>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/text/pattern_dialect.h"
#include "core/text/unicode.h"

namespace deadscope {
namespace {

constexpr std::uint32_t step_limit = 20'000'000;                       // of one match
constexpr std::uint32_t heap_limit_kib = 256 * 1024;                   // of one match, by the interpreter
constexpr std::size_t stack_start = 64 << 10, stack_limit = 64 << 20;  // bytes, of the compiled matcher
constexpr std::size_t longest_pattern = 1 << 16;

template <auto release>
struct Release {
    template <class T>
    void operator()(T* object) const {
        release(object);
    }
};

// One thread's working memory for matches. Thread rule: of one thread.
struct Workspace {
    std::unique_ptr<pcre2_match_data, Release<pcre2_match_data_free>> match{
        pcre2_match_data_create(1, nullptr)};
    std::unique_ptr<pcre2_match_context, Release<pcre2_match_context_free>> context{
        pcre2_match_context_create(nullptr)};
    std::unique_ptr<pcre2_jit_stack, Release<pcre2_jit_stack_free>> stack{
        pcre2_jit_stack_create(stack_start, stack_limit, nullptr)};

    Workspace() {
        if (!match || !context) throw Error::resource("there is no memory for matching a pattern");
        pcre2_set_match_limit(context.get(), step_limit);
        pcre2_set_heap_limit(context.get(), heap_limit_kib);
        if (stack) pcre2_jit_stack_assign(context.get(), nullptr, stack.get());
    }
};

Workspace& workspace() {
    thread_local Workspace one;
    return one;
}

std::string pcre_message(int code) {
    std::array<PCRE2_UCHAR, 160> text{};
    pcre2_get_error_message(code, text.data(), text.size());
    return reinterpret_cast<const char*>(text.data());
}

}  // namespace

struct Regex::Compiled {
    std::unique_ptr<pcre2_code, Release<pcre2_code_free>> code;
    std::string pattern;
    PatternSource source;
};

Regex::~Regex() = default;
Regex::Regex(Regex&&) noexcept = default;

Regex::Regex(std::string_view pattern, Kind kind, PatternSource source)
    : compiled_(std::make_unique<Compiled>()) {
    compiled_->pattern = printable(pattern, 120);
    compiled_->source = std::move(source);
    const auto refuse = [&](const std::string& why) {
        throw Error::input(
            "A pattern of the tokenizer cannot be used: " + why,
            {.file = compiled_->source.file, .key = compiled_->source.key, .found = compiled_->pattern});
    };
    if (pattern.size() > longest_pattern) refuse("it is too long");
    std::string translated(pattern);
    std::uint32_t options = PCRE2_UTF | PCRE2_LITERAL;
    if (kind == Kind::oniguruma) {
        try {
            translated = from_oniguruma(pattern);
        } catch (const DialectError& error) {
            refuse(error.what);
        }
        options = PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C;
    }
    const std::unique_ptr<pcre2_compile_context, Release<pcre2_compile_context_free>> context(
        pcre2_compile_context_create(nullptr));
    if (!context) throw Error::resource("there is no memory for a pattern");
    pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
    pcre2_set_parens_nest_limit(context.get(), 100);
    int code = 0;
    PCRE2_SIZE offset = 0;
    compiled_->code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                                        options, &code, &offset, context.get()));
    if (!compiled_->code) refuse(pcre_message(code));
    // Where the compiled matcher cannot be had, the interpreter gives the same matches.
    (void)pcre2_jit_compile(compiled_->code.get(), PCRE2_JIT_COMPLETE);
}

Cuts Regex::cuts(std::string_view text) const {
    Cuts cuts;
    if (text.empty()) return cuts;
    Workspace& work = workspace();
    const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
    std::size_t from = 0, covered = 0;
    bool matched = false;  // something ended at `covered`
    while (from <= text.size()) {
        const int result = pcre2_match(compiled_->code.get(), subject, text.size(), from, PCRE2_NO_UTF_CHECK,
                                       work.match.get(), work.context.get());
        if (result == PCRE2_ERROR_NOMATCH) break;
        if (result < 0)
            throw Error::input("A pattern of the tokenizer takes too long on this text",
                               {.file = compiled_->source.file,
                                .key = compiled_->source.key,
                                .found = compiled_->pattern + ": " + pcre_message(result)});
        const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(work.match.get());
        const std::size_t first = ends[0], last = ends[1];
        // An empty match right behind the last one is none; a match that \K or a lookahead turned round
        // neither.
        if (last < first || first < covered || (first == last && matched && last == covered)) {
            if (from >= text.size()) break;
            from += character_at(text, from).length;
            continue;
        }
        if (first > covered) cuts.push_back({covered, first, false});
        cuts.push_back({first, last, true});
        from = covered = last;
        matched = true;
    }
    if (covered != text.size()) cuts.push_back({covered, text.size(), false});
    return cuts;
}

}  // namespace deadscope
