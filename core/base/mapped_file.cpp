// POSIX mapping, and the guard that turns the SIGBUS of a file that shrank into an error.
#include "core/base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csetjmp>
#include <csignal>
#include <cstring>
#include <mutex>
#include <utility>

#include "core/base/error.h"

namespace deadscope {
namespace {

// The region that this thread is reading now, and where to go when it is gone. A handler is process-wide,
// the region is the thread's own, so a fault of anybody else's reaches the handler that stood before.
struct Guard {
    sigjmp_buf back;
    std::uintptr_t begin = 0, end = 0;
};
thread_local Guard* active_guard = nullptr;
struct sigaction previous_action;

void on_bus_error(int number, siginfo_t* info, void* machine_context) {
    const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
    if (Guard* guard = active_guard; guard != nullptr && address >= guard->begin && address < guard->end) {
        siglongjmp(guard->back, 1);
    }
    if ((previous_action.sa_flags & SA_SIGINFO) != 0) {
        previous_action.sa_sigaction(number, info, machine_context);
    } else if (previous_action.sa_handler != SIG_DFL && previous_action.sa_handler != SIG_IGN) {
        previous_action.sa_handler(number);
    } else {
        sigaction(SIGBUS, &previous_action, nullptr);  // the access is repeated and ends as it would have
    }
}

void install_handler() {
    static std::once_flag once;
    std::call_once(once, [] {
        struct sigaction action {};
        action.sa_sigaction = on_bus_error;
        action.sa_flags = SA_SIGINFO | SA_NODEFER;
        sigemptyset(&action.sa_mask);
        sigaction(SIGBUS, &action, &previous_action);
    });
}

// False where the region could not be read. Nothing here needs unwinding when the jump comes back.
[[gnu::noinline]] bool call_guarded(std::span<const std::byte> region,
                                    void (*body)(void*, std::span<const std::byte>), void* context) {
    Guard guard;
    guard.begin = reinterpret_cast<std::uintptr_t>(region.data()) & ~std::uintptr_t{4095};
    guard.end = reinterpret_cast<std::uintptr_t>(region.data()) + region.size();
    Guard* const outer = active_guard;
    if (sigsetjmp(guard.back, 0) != 0) {  // the handler blocks no signal, so there is no mask to restore
        active_guard = outer;
        return false;
    }
    active_guard = &guard;
    body(context, region);
    active_guard = outer;
    return true;
}

// What is small is read instead of touched: the first touch of a page maps sixteen of them and costs more
// than the copy, and a file's norms lie far from each other.
constexpr std::uint64_t small_visit = 16 * 1024;  // bytes

// False where the bytes are not to be had.
bool call_with_copy(int descriptor, std::uint64_t offset, std::uint64_t count,
                    void (*body)(void*, std::span<const std::byte>), void* context) {
    alignas(64) std::array<std::byte, small_visit> bytes;
    for (std::uint64_t done = 0; done < count;) {
        const ssize_t now =
            pread(descriptor, bytes.data() + done, count - done, static_cast<off_t>(offset + done));
        if (now < 0 && errno == EINTR) continue;
        if (now <= 0) return false;
        done += static_cast<std::uint64_t>(now);
    }
    body(context, std::span(bytes).first(count));
    return true;
}

[[noreturn]] void refuse(const std::string& path, const struct stat& status) {
    const char* kind = S_ISDIR(status.st_mode)    ? "a folder"
                       : S_ISFIFO(status.st_mode) ? "a pipe"
                       : S_ISSOCK(status.st_mode) ? "a socket"
                                                  : "a device";
    throw Error::input("This is not a regular file, and only regular files are read",
                       {.file = path, .expected = "a regular file", .found = kind});
}

[[noreturn]] void cannot(const char* what, const std::string& path, int code) {
    const ErrorDetails details{.file = path, .found = std::strerror(code)};
    if (code == ENOENT || code == ENOTDIR) throw Error::input("The file does not exist", {.file = path});
    if (code == ENOMEM || code == EMFILE || code == ENFILE) throw Error::resource(what, details);
    throw Error::input(what, details);
}

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::open(const std::string& path) {
    struct stat status {};
    if (path.find('\0') != std::string::npos) cannot("The file cannot be opened", path, ENOENT);
    if (stat(path.c_str(), &status) != 0) cannot("The file cannot be opened", path, errno);
    if (!S_ISREG(status.st_mode)) refuse(path, status);
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) cannot("The file cannot be opened", path, errno);
    // Owns the descriptor from here on, so that every throw below closes it.
    std::shared_ptr<MappedFile> file(new MappedFile(path, {}, descriptor));
    if (fstat(descriptor, &status) != 0) cannot("The file cannot be opened", path, errno);
    if (!S_ISREG(status.st_mode)) refuse(path, status);
    const auto size = static_cast<std::size_t>(status.st_size);
    if (size == 0) return file;
    // Shared and read-only: a private mapping of a large file counts against the commit limit (safetensors
    // #528).
    void* const mapping = mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor, 0);
    if (mapping == MAP_FAILED) cannot("The file cannot be mapped", path, errno);
    file->bytes_ = {static_cast<const std::byte*>(mapping), size};
    install_handler();
    return file;
}

std::shared_ptr<const MappedFile> MappedFile::borrow(std::string path, std::span<const std::byte> bytes) {
    return std::shared_ptr<MappedFile>(new MappedFile(std::move(path), bytes, -1));
}

std::shared_ptr<const MappedFile> MappedFile::lazy(std::string path, std::uint64_t size,
                                                   std::shared_ptr<RangeLoader> loader) {
    std::shared_ptr<MappedFile> file(new MappedFile(std::move(path), {}, -1));
    file->loader_ = std::move(loader);
    if (size == 0) return file;
    // Without reserve: terabytes of address space cost nothing until a page is written.
    void* const mapping =
        mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapping == MAP_FAILED) cannot("There is no room to map the file", file->path_, errno);
    file->bytes_ = {static_cast<const std::byte*>(mapping), size};
    return file;
}

MappedFile::~MappedFile() {
    if (descriptor_ < 0 && !loader_) return;
    if (!bytes_.empty()) munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
    if (descriptor_ >= 0) close(descriptor_);
}

namespace {

// The memory of a lazy file is its own and writable, though readers see it as const.
std::span<std::byte> writable(std::span<const std::byte> bytes) {
    return {const_cast<std::byte*>(bytes.data()), bytes.size()};
}

}  // namespace

void MappedFile::prefetch(std::span<const FileRange> ranges) const {
    if (!loader_) return;
    for (const FileRange& range : ranges) {
        if (range.offset > size() || range.count > size() - range.offset) return;  // visit() says so
    }
    loader_->prefetch(writable(bytes_), ranges);
}

void MappedFile::visit_erased(std::uint64_t offset, std::uint64_t count, std::string_view key, Erased body,
                              void* context) const {
    if (offset > size() || count > size() - offset) {
        throw Error::input("The file ends before what is to be read from it",
                           {.file = path_,
                            .key = std::string(key),
                            .offset = offset,
                            .expected = std::to_string(count) + " bytes here",
                            .found = "a file of " + std::to_string(size())});
    }
    const auto region = bytes_.subspan(offset, count);
    if (loader_ && count > 0) loader_->ensure(writable(bytes_), {offset, count});
    if (descriptor_ < 0) return body(context, region);
    const bool whole = count <= small_visit ? call_with_copy(descriptor_, offset, count, body, context)
                                            : call_guarded(region, body, context);
    // Within the last page that is left, a shrunken file reads as zeros without a signal: ask for its size.
    struct stat status {};
    const bool same =
        fstat(descriptor_, &status) == 0 && static_cast<std::uint64_t>(status.st_size) >= size();
    if (whole && same) return;
    throw Error::input("The file became shorter while it was open",
                       {.file = path_,
                        .key = std::string(key),
                        .expected = std::to_string(size()) + " bytes",
                        .found = std::to_string(status.st_size),
                        .hint = "Open it again when nothing writes to it."});
}

void MappedFile::advise(FileRange range, int advice) const {
    if (descriptor_ < 0 || range.offset >= size()) return;
    static const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    const std::uint64_t first = range.offset / page * page;
    const std::uint64_t last = range.offset + std::min(range.count, size() - range.offset);
    madvise(const_cast<std::byte*>(bytes_.data()) + first, last - first, advice);  // a hint: it may fail
}

void MappedFile::read_ahead(FileRange range) const {
    advise(range, MADV_WILLNEED);
}

void MappedFile::let_go(FileRange range) const {
    advise(range, MADV_DONTNEED);
}

std::string MappedFile::text(std::uint64_t offset, std::uint64_t count, std::string_view key) const {
    std::string out(count, '\0');
    char* const to = out.data();
    visit(offset, count, key, [to](std::span<const std::byte> bytes) {
        if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
    });
    return out;
}

std::string read_text_file(const std::string& path, std::uint64_t limit) {
    const auto file = MappedFile::open(path);
    if (file->size() > limit) {
        throw Error::input("The file is larger than such a file can be",
                           {.file = path,
                            .expected = "at most " + std::to_string(limit) + " bytes",
                            .found = std::to_string(file->size())});
    }
    return file->text(0, file->size());
}

}  // namespace deadscope
