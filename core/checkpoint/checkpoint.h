// A checkpoint: a configuration and named tensors, opened without reading the tensors. Formats live one
// to a file beside this one, behind WeightsFile; what the tensors mean is core/model's concern.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace deadscope {

// Storage types of the safetensors specification, and PyTorch's complex128. Complex numbers and those below
// 8 bits may stand in a file and are an error only when such a tensor is read.
enum class DType {
    f64,
    f32,
    f16,
    bf16,
    i64,
    i32,
    i16,
    i8,
    u64,
    u32,
    u16,
    u8,
    boolean,
    f8_e4m3,
    f8_e5m2,
    f8_e8m0,
    f8_e4m3fnuz,
    f8_e5m2fnuz,
    c64,
    c128,
    f6_e2m3,
    f6_e3m2,
    f4,
    // GGML's, in blocks that share their scales (quantised.h); those of the last two rows are not decoded.
    q4_0,
    q4_1,
    q5_0,
    q5_1,
    q8_0,
    q2_k,
    q3_k,
    q4_k,
    q5_k,
    q6_k,
    iq4_nl,
    iq4_xs,
    mxfp4,
    nvfp4,
    tq1_0,
    tq2_0,
    q8_1,
    q8_k,
    iq2_xxs,
    iq2_xs,
    iq2_s,
    iq3_xxs,
    iq3_s,
    iq1_s,
    iq1_m,
    q1_0,
    q2_0,
    ggml_other  // a kind that this version has not heard of
};
std::string_view dtype_name(DType dtype);  // the format's own word: "F32", "BF16", "I64", ...
std::size_t dtype_bits(DType dtype);       // of one element; 0 for those in blocks
bool is_floating(DType dtype);             // F64, F32, F16, BF16
bool is_quantised(DType dtype);            // GGML's blocks
bool is_readable(DType dtype);
bool is_computable(
    DType dtype);  // holds real numbers that can be read: floating, F8, or quantised and decoded

struct TensorInfo {
    std::string name;
    DType dtype = DType::f32;
    std::vector<std::int64_t> shape;  // row-major, outermost first; empty for a scalar
    std::uint64_t elements = 0;       // product of shape, checked for overflow
    std::uint64_t offset = 0;         // bytes from the start of its file
    std::uint64_t bytes = 0;
    std::size_t file = 0;  // index into Checkpoint::files()
};
std::string shape_text(std::span<const std::int64_t> shape);  // "[128, 64]"

// Elements [first, first + count) in row-major order.
struct ElementRange {
    std::uint64_t first = 0;
    std::uint64_t count = 0;
};

// `rows` pieces of `width` elements, each `stride` elements behind the one before; width <= stride.
struct StridedRange {
    std::uint64_t first = 0, width = 0, stride = 0, rows = 0;
    // From the first element to behind the last.
    std::uint64_t extent() const { return rows == 0 ? 0 : (rows - 1) * stride + width; }
};

// A tokenizer that a weights file carries inside itself (GGUF), in that format's own words: what the strings
// mean is core/text's concern. Ids are -1 where the file names none.
struct EmbeddedTokenizer {
    std::string model;                // tokenizer.ggml.model: "llama", "gpt2", "bert", "t5", ...
    std::string pre;                  // tokenizer.ggml.pre: "llama-bpe", "gpt-2", "default", ...
    std::vector<std::string> tokens;  // [vocabulary]
    std::vector<float> scores;        // [vocabulary] or empty
    std::vector<std::int32_t>
        types;  // [vocabulary] or empty: 1 normal, 2 unknown, 3 control, 4 user, 5 unused, 6 byte
    std::vector<std::string> merges;  // "left right"
    std::int32_t bos = -1, eos = -1, unknown = -1, separator = -1, padding = -1, classify = -1, mask = -1;
    std::optional<bool> add_bos, add_eos, add_separator, add_space_prefix, remove_extra_whitespaces;
    std::vector<std::byte> precompiled_charsmap;
};

// One opened file of weights. Reading touches only the pages of the range asked for.
// Thread rule: immutable after construction; read() may be called from any thread.
class WeightsFile {
public:
    virtual ~WeightsFile() = default;
    virtual const std::string& path() const = 0;
    virtual std::uint64_t size() const = 0;                      // bytes
    virtual const std::vector<TensorInfo>& tensors() const = 0;  // in file order
    // Converts to float or double (rounding to nearest even where it narrows). out.size() == range.count.
    // Errors: a file that shrank since it was opened (Error::input naming file and tensor).
    virtual void read(const TensorInfo& tensor, ElementRange range, std::span<float> out) const = 0;
    virtual void read(const TensorInfo& tensor, ElementRange range, std::span<double> out) const = 0;
    // The same of many pieces at once: piece i goes to out + i · out_stride.
    virtual void read_rows(const TensorInfo& tensor, const StridedRange& range, float* out,
                           std::size_t out_stride) const;
    virtual void read_rows(const TensorInfo& tensor, const StridedRange& range, double* out,
                           std::size_t out_stride) const;
    // Whether stored() gives this tensor's bytes, which then are what its dtype says.
    virtual bool gives_stored(const TensorInfo&) const { return false; }
    // The bytes of whole rows (along the last axis). Errors: as read().
    virtual void stored(const TensorInfo&, ElementRange, std::span<std::byte>) const {}
    // Hints: these elements will be read soon, or have been and will not be again soon.
    virtual void prefetch(const TensorInfo&, ElementRange) const {}
    virtual void release(const TensorInfo&, ElementRange) const {}
    // Sentences about what was read so far, is not as the file itself says, and is no reason to refuse it.
    virtual std::vector<std::string> warnings() const { return {}; }
    // Where the format carries one (GGUF). Read anew at every call: a vocabulary is megabytes.
    virtual std::optional<EmbeddedTokenizer> tokenizer() const { return std::nullopt; }
    // Where the format carries the model's description (GGUF): the configuration in config.json's words, with
    // "model_type", and "gguf": true beside it. Null otherwise.
    virtual std::shared_ptr<const nlohmann::json> configuration() const { return nullptr; }
};

// Thread rule: immutable after open(); all members may be called from any thread.
class Checkpoint {
public:
    Checkpoint(std::string name, std::string source, std::shared_ptr<const nlohmann::json> config,
               std::vector<std::unique_ptr<WeightsFile>> files);
    ~Checkpoint();
    Checkpoint(Checkpoint&&) noexcept;

    const std::string& name() const { return name_; }  // short, for labels: folder name, "zoo:gpt-layernorm"
    const std::string& source() const { return source_; }  // path or zoo name as opened, with the step
    const nlohmann::json& config() const;                  // config.json; a null value when there is none
    const std::string& config_path() const { return config_path_; }
    void set_config_path(std::string path) { config_path_ = std::move(path); }
    // Where the files beside the weights lie (tokenizer.json, preprocessor_config.json); empty: nowhere.
    const std::string& folder() const { return folder_; }
    void set_folder(std::string folder) { folder_ = std::move(folder); }
    // Which of several models in it is meant, "vision" of MODEL#vision; empty: the default (plan.h, towers).
    const std::string& tower() const { return tower_; }
    void set_tower(const std::string& tower) {  // which the names show from then on
        tower_ = tower;
        name_ += "#" + tower;
        source_ += "#" + tower;
    }
    const std::vector<std::unique_ptr<WeightsFile>>& files() const { return files_; }

    const std::vector<TensorInfo>& tensors() const { return tensors_; }  // over all files
    const TensorInfo* find(std::string_view name) const;                 // nullptr where absent
    const std::string& file_of(const TensorInfo& tensor) const;          // path, for messages
    std::uint64_t bytes() const;                                         // of all weights files
    std::uint64_t parameters() const;  // elements of floating and quantised tensors
    std::string dtype() const;         // the commonest floating or quantised dtype, "F16"

    void read(const TensorInfo& tensor, ElementRange range, std::span<float> out) const;
    void read(const TensorInfo& tensor, ElementRange range, std::span<double> out) const;
    void read_rows(const TensorInfo& tensor, const StridedRange& range, float* out,
                   std::size_t out_stride) const;
    void read_rows(const TensorInfo& tensor, const StridedRange& range, double* out,
                   std::size_t out_stride) const;
    bool gives_stored(const TensorInfo& tensor) const;
    void stored(const TensorInfo& tensor, ElementRange range, std::span<std::byte> out) const;
    void prefetch(const TensorInfo& tensor, ElementRange range) const;  // as WeightsFile's
    void release(const TensorInfo& tensor, ElementRange range) const;
    std::vector<double> read_all(const TensorInfo& tensor) const;  // small tensors: γ, β
    std::vector<std::string> warnings() const;                     // of all files, as WeightsFile's

private:
    std::string name_, source_, config_path_, folder_, tower_;
    std::shared_ptr<const nlohmann::json> config_;
    std::vector<std::unique_ptr<WeightsFile>> files_;
    std::vector<TensorInfo> tensors_;
    std::vector<std::size_t> by_name_;  // indices of tensors_, sorted by name
};

// MODEL of interface.md: a folder (config.json beside weights, single or sharded), one weights file
// (.safetensors, .bin, .pt, .gguf, an .index.json; config.json beside it), or "zoo:NAME[@STEP]". A hub id
// that is in the local hub cache. Behind it "#TOWER" where the checkpoint holds several models. Errors:
// Error::input naming file and key for anything malformed (interface.md, untrusted input).
Checkpoint open_checkpoint(const std::string& model);

// The built-in models (assets/models/zoo.json).
struct ZooModel {
    std::string name;        // without "zoo:"
    std::int64_t place = 0;  // in the order in which they tell their story
    std::string description;
    std::string input;                         // "bytes" (token id = byte) or "pixels"
    std::vector<std::int64_t> steps;           // snapshots, ascending; the last is the default
    std::optional<std::size_t> planted_index;  // index into the report's blocks, for gpt-planted
};
const std::vector<ZooModel>& zoo_models();

// Where the model is one snapshot of a series that holds step 0, the MODEL string of step 0 (math.md §5).
std::optional<std::string> initial_snapshot_of(const std::string& model);

}  // namespace deadscope
