// Every setting of the program: its name in studio.toml, its default, its limits, its help. `studio config show` lists
// them; environment variables follow from the names (base/config.h).
//
// Secrets are no settings: keys come by flags, STUDIO_KEY, STUDIO_KEY_FILE or the data folder
// (keys.h), the hub's token by HF_TOKEN.
#pragma once

#include <string>
#include <vector>

#include "base/config.h"

namespace studio::cli {

const std::vector<Setting>& all_settings();

// The files read when none is named: /etc/studio/studio.toml, then ~/.config/studio/config.toml, which wins.
std::vector<std::string> default_config_files();

// This process's environment, with HF_ENDPOINT standing for STUDIO_HUB_HUGGINGFACE where that is not set.
std::vector<std::pair<std::string, std::string>> settings_environment();

// "~/x" -> "/home/me/x"; $HOME must be set for it.
std::string expand_home(const std::string& path);

}  // namespace studio::cli
