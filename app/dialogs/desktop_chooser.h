// The desktop's own choosers of files and folders: other programs (zenity, kdialog), started and polled
// without waiting. What is done with the choice is the dialogs'.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace deadscope {

// Thread rule: the window's thread only.
class DesktopChooser {
public:
    DesktopChooser();
    ~DesktopChooser();

    static bool available();  // the desktop has one
    bool waiting() const { return chooser_ != nullptr; }
    void choose_folder(const std::string& title);
    // filters: pairs of a name and its patterns, "*.npy *.npz".
    void choose_files(const std::string& title, const std::vector<std::string>& filters, bool several);
    std::vector<std::string> take();  // what was chosen since the last call

private:
    struct Chooser;
    std::unique_ptr<Chooser> chooser_;
};

}  // namespace deadscope
