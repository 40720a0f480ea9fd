// Where the explorer can be drawn: a display's window, or memory alone (GLFW's null platform with EGL).
// Chosen before anything else graphical starts, so that what is missing is an error in words and not an
// abort.
#pragma once

#include <vector>

namespace deadscope {

bool display_announced();  // DISPLAY or WAYLAND_DISPLAY is set

// Each starts GLFW and proves with a hidden window that OpenGL 3.3 is there; the hints stay for the window
// that follows. Errors: Error::resource saying what to install.
void prepare_display();
void prepare_for_pictures();  // in memory; where that cannot be had, a hidden window on the display

// A framebuffer object of a given size that the explorer is drawn into instead of its window.
// Thread rule: the thread of the OpenGL context.
class OffscreenTarget {
public:
    OffscreenTarget(int width, int height);  // Errors: Error::resource where the driver refuses the size
    ~OffscreenTarget();
    OffscreenTarget(const OffscreenTarget&) = delete;
    OffscreenTarget& operator=(const OffscreenTarget&) = delete;

    void bind() const;  // draws go here until release()
    void release() const;
    std::vector<unsigned char> pixels() const;  // [height, width, 3], top row first

private:
    int width_, height_;
    unsigned framebuffer_ = 0, colour_ = 0;
};

}  // namespace deadscope
