// See desktop_chooser.h.
#include "app/dialogs/desktop_chooser.h"

#include <portable_file_dialogs/portable_file_dialogs.h>

namespace deadscope {

struct DesktopChooser::Chooser {
    std::unique_ptr<pfd::open_file> files;
    std::unique_ptr<pfd::select_folder> folder;

    ~Chooser() {
        // An open chooser would be waited for otherwise, and the window could not close.
        if (files && !files->ready(0)) files->kill();
        if (folder && !folder->ready(0)) folder->kill();
    }
};

DesktopChooser::DesktopChooser() = default;
DesktopChooser::~DesktopChooser() = default;

bool DesktopChooser::available() {
    return pfd::settings::available();
}

void DesktopChooser::choose_folder(const std::string& title) {
    chooser_ = std::make_unique<Chooser>();
    chooser_->folder = std::make_unique<pfd::select_folder>(title);
}

void DesktopChooser::choose_files(const std::string& title, const std::vector<std::string>& filters,
                                  bool several) {
    chooser_ = std::make_unique<Chooser>();
    chooser_->files = std::make_unique<pfd::open_file>(title, "", filters,
                                                       several ? pfd::opt::multiselect : pfd::opt::none);
}

std::vector<std::string> DesktopChooser::take() {
    std::vector<std::string> chosen;
    if (chooser_ && chooser_->files && chooser_->files->ready(0)) {
        chosen = chooser_->files->result();
        chooser_.reset();
    } else if (chooser_ && chooser_->folder && chooser_->folder->ready(0)) {
        chosen.push_back(chooser_->folder->result());
        chooser_.reset();
    }
    std::erase(chosen, "");  // nothing was chosen
    return chosen;
}

}  // namespace deadscope
