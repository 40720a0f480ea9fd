// Writing through a temporary neighbour; see output_file.h.
#include "core/base/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "core/base/error.h"

namespace deadscope {

OutputFile::OutputFile(std::string path) : path_(std::move(path)) {
    struct stat status {};
    if (stat(path_.c_str(), &status) == 0 && !S_ISREG(status.st_mode))
        throw Error::input(
            "the output is not a regular file",
            {.file = path_, .expected = "a file's name", .hint = "give a path of a file to be written"});
    temporary_ = path_ + ".part." + std::to_string(getpid());
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ < 0) {
        const std::string why = std::strerror(errno);
        temporary_.clear();
        throw Error::input(
            "the output cannot be created",
            {.file = path_, .found = why, .hint = "is the folder there, and may it be written to?"});
    }
}

OutputFile::~OutputFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void OutputFile::fail(std::string_view action) const {
    const std::string why = std::strerror(errno);
    throw Error::resource("the output could not be " + std::string(action) + ".",
                          {.file = path_, .found = why, .hint = "is the disk full?"});
}

void OutputFile::write(std::span<const std::byte> bytes) {
    write_at(end_, bytes);
}

void OutputFile::write(std::string_view text) {
    write(std::as_bytes(std::span(text)));
}

void OutputFile::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
    std::size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t n = ::pwrite(descriptor_, bytes.data() + done, bytes.size() - done,
                                   static_cast<off_t>(offset + done));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) fail("written");
        done += static_cast<std::size_t>(n);
    }
    if (offset + bytes.size() > end_) end_ = offset + bytes.size();
}

void OutputFile::commit() {
    const int descriptor = descriptor_;
    descriptor_ = -1;
    if (::close(descriptor) != 0) fail("written");
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail("renamed into place");
    temporary_.clear();
}

void refuse_output_over_input(const std::string& path, const std::string& input) {
    namespace fs = std::filesystem;
    std::error_code ignored;
    if (path.empty() || input.empty()) return;
    // Of a folder (a checkpoint's, pictures'), every file that is there is one.
    const fs::path parent = fs::path(path).has_parent_path() ? fs::path(path).parent_path() : fs::path(".");
    const bool inside = fs::is_directory(input, ignored) && fs::exists(path, ignored) &&
                        fs::equivalent(parent, input, ignored);
    if (inside || fs::equivalent(path, input, ignored))
        throw Error::usage("the output would overwrite an input",
                           {.file = path, .hint = "choose another output path"});
}

}  // namespace deadscope
