#include "base/template/builtins.h"

#include <cstdio>

#include "base/template/lexer.h"

namespace holdfast::templates {
namespace {

Result<Value> fn_eq(const CallContext&, Args args) {
  if (args.size() < 2) return invalid("missing argument for comparison");
  for (const auto& other : args.subspan(1)) {
    if (HF_TRY(values_equal(args[0], other))) return Value(true);
  }
  return Value(false);
}
Result<Value> fn_ne(const CallContext&, Args args) {
  return Value(!HF_TRY(values_equal(args[0], args[1])));
}
Result<Value> fn_lt(const CallContext&, Args args) {
  return Value(HF_TRY(values_less(args[0], args[1])));
}
// le and gt are made of lt and eq, so that NaN compares as in Go.
Result<bool> less_or_equal(Args args) {
  if (HF_TRY(values_less(args[0], args[1]))) return true;
  return values_equal(args[0], args[1]);
}
Result<Value> fn_le(const CallContext&, Args args) { return Value(HF_TRY(less_or_equal(args))); }
Result<Value> fn_gt(const CallContext&, Args args) { return Value(!HF_TRY(less_or_equal(args))); }
Result<Value> fn_ge(const CallContext&, Args args) {
  return Value(!HF_TRY(values_less(args[0], args[1])));
}

// The executor stops at the first argument that decides; here the last is left.
Result<Value> fn_last(const CallContext&, Args args) { return args.back(); }
Result<Value> fn_not(const CallContext&, Args args) { return Value(!args[0].truth()); }

const std::string* text_of(const Value& v) {
  if (const auto* safe = v.as<SafeText>()) return &safe->text;
  return v.as<std::string>();
}

Result<Value> fn_len(const CallContext&, Args args) {
  const auto size = [](std::size_t n) { return Value(static_cast<std::int64_t>(n)); };
  if (const auto* list = args[0].as_list()) return size(list->items.size());
  if (const auto* map = args[0].as_map()) return size(map->items.size());
  if (const auto* text = text_of(args[0])) return size(text->size());
  if (args[0].is_nil()) return invalid("len of nil pointer");
  return invalid("len of type " + args[0].type_name());
}

Result<Value> fn_index(const CallContext&, Args args) {
  if (args[0].is_nil()) return invalid("index of untyped nil");
  Value value = args[0];
  for (const auto& at : args.subspan(1)) value = HF_TRY(index_value(value, at));
  return value;
}

Result<Value> fn_slice(const CallContext&, Args args) {
  const auto* text = text_of(args[0]);
  const auto* list = args[0].as_list();
  if (args[0].is_nil()) return invalid("slice of untyped nil");
  if (args.size() > 4) return invalid("too many slice indexes: " + std::to_string(args.size() - 1));
  if (text == nullptr && list == nullptr)
    return invalid("can't slice item of type " + args[0].type_name());
  if (text != nullptr && args.size() == 4) return invalid("cannot 3-index slice a string");
  const auto size = static_cast<std::int64_t>(text != nullptr ? text->size() : list->items.size());
  std::int64_t bounds[3] = {0, size, size};
  for (std::size_t i = 1; i < args.size(); ++i) {
    const auto* at = args[i].as<std::int64_t>();
    if (args[i].is_nil()) return invalid("cannot index slice/array with nil");
    if (at == nullptr) return invalid("cannot index slice/array with type " + args[i].type_name());
    if (*at < 0 || *at > size) return invalid("index out of range: " + std::to_string(*at));
    bounds[i - 1] = *at;
  }
  for (int i = 0; i < 2; ++i) {
    if (bounds[i] > bounds[i + 1] && (i == 0 || args.size() == 4)) {
      return invalid("invalid slice index: " + std::to_string(bounds[i]) + " > " +
                     std::to_string(bounds[i + 1]));
    }
  }
  if (text != nullptr) {
    std::string part = text->substr(static_cast<std::size_t>(bounds[0]),
                                    static_cast<std::size_t>(bounds[1] - bounds[0]));
    if (const auto* safe = args[0].as<SafeText>())
      return Value(SafeText{safe->kind, std::move(part)});
    return Value(std::move(part));
  }
  return Value::list({list->items.begin() + bounds[0], list->items.begin() + bounds[1]},
                     list->type);
}

Result<Value> fn_print(const CallContext& context, Args args) {
  return Value(go_sprint(args, context.text_size_max));
}
Result<Value> fn_println(const CallContext& context, Args args) {
  return Value(go_sprintln(args, context.text_size_max));
}
Result<Value> fn_printf(const CallContext& context, Args args) {
  return Value(go_sprintf(*args[0].as<std::string>(), args.subspan(1), context.text_size_max));
}

// One text as it is, several as print joins them.
std::string joined(const CallContext& context, Args args) {
  if (args.size() == 1) {
    if (const auto* text = args[0].as<std::string>()) return *text;
    if (args[0].is_nil()) return "<no value>";
  }
  return go_sprint(args, context.text_size_max);
}
Result<Value> fn_html(const CallContext& context, Args args) {
  return Value(html_escape(joined(context, args)));
}
Result<Value> fn_js(const CallContext& context, Args args) {
  return Value(js_escape(joined(context, args)));
}
Result<Value> fn_urlquery(const CallContext& context, Args args) {
  return Value(query_escape(joined(context, args)));
}

Result<Value> fn_call(const CallContext& context, Args args) {
  if (args[0].is_nil()) return invalid("call of nil");
  const auto* function = args[0].as_function();
  if (function == nullptr) return invalid("non-function of type " + args[0].type_name());
  const auto wanted = function->params.size();
  const bool any = function->params.ends_with('*');
  const auto given = args.size() - 1;
  if (any ? given + 2 < wanted : given != wanted) {
    return invalid("wrong number of args: got " + std::to_string(given) + " want " +
                   (any ? "at least " : "") + std::to_string(any ? wanted - 2 : wanted));
  }
  return function->call(context, args.subspan(1));
}

const Functions& table() {
  static const Functions functions = {
      {"and", {"aa*", fn_last}},
      {"call", {"aa*", fn_call}},
      {"eq", {"aa*", fn_eq}},
      {"ge", {"aa", fn_ge}},
      {"gt", {"aa", fn_gt}},
      {"html", {"a*", fn_html}},
      {"index", {"aa*", fn_index}},
      {"js", {"a*", fn_js}},
      {"le", {"aa", fn_le}},
      {"len", {"a", fn_len}},
      {"lt", {"aa", fn_lt}},
      {"ne", {"aa", fn_ne}},
      {"not", {"a", fn_not}},
      {"or", {"aa*", fn_last}},
      {"print", {"a*", fn_print}},
      {"printf", {"sa*", fn_printf}},
      {"println", {"a*", fn_println}},
      {"slice", {"aa*", fn_slice}},
      {"urlquery", {"a*", fn_urlquery}},
  };
  return functions;
}

}  // namespace

const Function* find_builtin(std::string_view name) {
  const auto found = table().find(name);
  return found == table().end() ? nullptr : &found->second;
}

std::vector<std::string> builtin_names() {
  std::vector<std::string> names;
  for (const auto& [name, function] : table()) names.push_back(name);
  return names;
}

std::string html_escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '\0':
        out += "\xef\xbf\xbd";
        break;
      case '"':
        out += "&#34;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string js_escape(std::string_view text) {
  std::string out;
  char code[16];
  for (std::size_t i = 0, size = 0; i < text.size(); i += size) {
    const auto rune = decode_rune(text.substr(i), size);
    if (rune >= 0x80) {
      if (is_printable_rune(rune)) {
        out += text.substr(i, size);
      } else {
        std::snprintf(code, sizeof code, "\\u%04X", rune);
        out += code;
      }
      continue;
    }
    switch (rune) {
      case '\\':
      case '\'':
      case '"':
        out += '\\';
        out += static_cast<char>(rune);
        break;
      case '<':
      case '>':
      case '&':
      case '=':
        std::snprintf(code, sizeof code, "\\u%04X", rune);
        out += code;
        break;
      default:
        if (rune < 0x20) {
          std::snprintf(code, sizeof code, "\\u%04X", rune);
          out += code;
        } else {
          out += static_cast<char>(rune);
        }
    }
  }
  return out;
}

std::string query_escape(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      out += c;
    } else if (c == ' ') {
      out += '+';
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

}  // namespace holdfast::templates
