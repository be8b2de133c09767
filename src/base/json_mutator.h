// For fuzz targets whose input is JSON: a value, a key or the nesting of a document changes, and it stays a document.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/mutator.h"

namespace studio::fuzz {

class JsonMutator : Mutator {
 public:
  explicit JsonMutator(unsigned seed) : Mutator(seed) {}

  // The changed document, or nothing where the bytes are none.
  std::string mutate(std::string_view text) {
    auto parsed = parse_json(text);
    if (!parsed.ok()) return {};
    collect(*parsed);
    for (uint32_t rounds = 1 + below(3); rounds-- > 0;) change(*nodes_[below(nodes_.size())]);
    std::string out = to_json(*parsed);
    if (below(16) == 0) repeat_a_key(out);
    return out;
  }

 private:
  using Value = boost::json::value;

  void collect(Value& value) {
    nodes_.push_back(&value);
    if (auto* object = value.if_object()) {
      for (auto& entry : *object) {
        keys_.emplace_back(entry.key());
        collect(entry.value());
      }
    } else if (auto* array = value.if_array()) {
      for (Value& item : *array) collect(item);
    }
  }

  Value scalar() {
    switch (below(18)) {
      case 0:
        return nullptr;
      case 1:
        return true;
      case 2:
        return false;
      case 3:
        return 0;
      case 4:
        return -1;
      case 5:
        return 1;
      case 6:
        return std::numeric_limits<int32_t>::max();
      case 7:
        return int64_t{1} << (below(62));
      case 8:
        return std::numeric_limits<int64_t>::min();
      case 9:
        return std::numeric_limits<uint64_t>::max();
      case 10:
        return 0.5;
      case 11:
        return -0.0;
      case 12:
        return 1e308;
      case 13:
        return 5e-324;
      case 14:
        return boost::json::string();
      case 15:
        return boost::json::string(std::string(below(2000), 'a'));
      case 16:
        return boost::json::array();
      default:
        return boost::json::object();
    }
  }

  // After a change inside it, nodes below are gone: whoever changes the tree again picks from a fresh list.
  void change(Value& node) {
    Value* root = nodes_.front();
    switch (below(9)) {
      case 0:
        node = scalar();
        break;
      case 1:
        node = Value(*nodes_[below(nodes_.size())]);
        break;
      case 2:
        drop_from(node);
        break;
      case 3:
        add_to(node);
        break;
      case 4:
        rename_in(node);
        break;
      case 5:
        wrap(node, 1);
        break;
      case 6:
        wrap(node, below(70));
        break;
      case 7:
      case 8:
        change_text(node);
        break;
    }
    nodes_.clear();
    keys_.clear();
    collect(*root);
  }

  void drop_from(Value& node) {
    if (auto* object = node.if_object(); object != nullptr && !object->empty()) {
      object->erase(object->begin() + below(object->size()));
    } else if (auto* array = node.if_array(); array != nullptr && !array->empty()) {
      array->erase(array->begin() + below(array->size()));
    } else {
      node = scalar();
    }
  }

  void add_to(Value& node) {
    Value more = below(2) == 0 ? scalar() : Value(*nodes_[below(nodes_.size())]);
    if (auto* array = node.if_array()) {
      for (uint32_t copies = 1 + (below(8) == 0 ? below(100) : 0); copies-- > 0;) array->push_back(more);
    } else if (auto* object = node.if_object(); object != nullptr && !keys_.empty()) {
      (*object)[keys_[below(keys_.size())]] = more;
    } else {
      node = more;
    }
  }

  void rename_in(Value& node) {
    auto* object = node.if_object();
    if (object == nullptr || object->empty()) return change_text(node);
    std::string key(std::next(object->begin(), below(object->size()))->key());
    Value moved = (*object)[key];
    object->erase(key);
    (*object)[below(2) == 0 ? keys_[below(keys_.size())] : mutated(key)] = std::move(moved);
  }

  static void wrap(Value& node, uint32_t depth) {
    for (; depth > 0; --depth) {
      boost::json::array around;
      around.push_back(std::move(node));
      node = std::move(around);
    }
  }

  void change_text(Value& node) {
    if (node.is_string()) {
      node = boost::json::string(mutated(std::string(node.get_string())));
    } else if (node.is_int64()) {
      node = static_cast<int64_t>(static_cast<uint64_t>(node.get_int64()) + below(5) - 2);  // may wrap
    } else if (node.is_double()) {
      node = node.get_double() * (below(2) == 0 ? -1.5 : 1e10);
    } else {
      node = scalar();
    }
  }

  // What no tree can hold: a key twice.
  void repeat_a_key(std::string& text) {
    const size_t open = text.find("{\"", below(text.size()));
    const size_t close = open == std::string::npos ? open : text.find("\":", open + 2);
    if (close != std::string::npos) text.insert(open + 1, text.substr(open + 1, close + 2 - open - 1) + "null,");
  }

  std::vector<Value*> nodes_;
  std::vector<std::string> keys_;
};

}  // namespace studio::fuzz
