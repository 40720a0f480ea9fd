// What the environment says about the hub, by the names that the Python library (huggingface_hub) reads:
// where it is, who asks, whether the network may be used at all.
#pragma once

#include <string>

namespace deadscope {

struct HubSettings {
    std::string endpoint = "https://huggingface.co";  // HF_ENDPOINT, without a slash at its end
    // HF_TOKEN, HUGGING_FACE_HUB_TOKEN, or the file that `hf auth login` writes. A secret: it goes into the
    // requests to the endpoint's own host and nowhere else, into no message, report or session.
    std::string token;
    std::string cache;              // hub_cache_folder()
    bool offline = false;           // HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE: no socket is opened
    double connect_timeout_s = 10;  // HF_HUB_ETAG_TIMEOUT
    double stall_timeout_s = 10;    // HF_HUB_DOWNLOAD_TIMEOUT: without a byte
    int retries = 5;  // after the first try, each after longer; a download that goes on starts anew
    double first_delay_s = 0.5;   // before the first retry; doubled each time, 8 s at most
    double longest_delay_s = 60;  // that a server may ask for (Retry-After); beyond it the request fails
};

// Errors: Error::usage for an endpoint that is no http(s) address, or a token that could not be one.
HubSettings hub_settings();

}  // namespace deadscope
