#include "nn/pickle.h"

#include <algorithm>
#include <bit>
#include <unordered_map>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal::nn {

namespace {

constexpr std::size_t kMaxBytes = std::size_t{64} << 20;
constexpr std::size_t kMaxValues = std::size_t{4} << 20;
constexpr std::size_t kMaxReferences = std::size_t{16} << 20;
constexpr std::size_t kMaxMarks = 1000;
constexpr std::size_t kMaxNameLength = 1000;
constexpr std::size_t kMaxNames = 1000;
constexpr int kNewestProtocol = 4;

enum class Opcode : std::uint8_t {
  mark = '(',
  stop = '.',
  pop = '0',
  pop_mark = '1',
  binfloat = 'G',
  binint = 'J',
  binint1 = 'K',
  binint2 = 'M',
  none = 'N',
  binpersid = 'Q',
  reduce = 'R',
  binunicode = 'X',
  append = 'a',
  build = 'b',
  global = 'c',
  empty_list = ']',
  empty_dict = '}',
  appends = 'e',
  binget = 'h',
  long_binget = 'j',
  binput = 'q',
  long_binput = 'r',
  setitem = 's',
  tuple = 't',
  empty_tuple = ')',
  setitems = 'u',
  binbytes = 'B',
  short_binbytes = 'C',
  proto = 0x80,
  newobj = 0x81,
  tuple1 = 0x85,
  tuple2 = 0x86,
  tuple3 = 0x87,
  newtrue = 0x88,
  newfalse = 0x89,
  long1 = 0x8a,
  long4 = 0x8b,
  short_binunicode = 0x8c,
  binunicode8 = 0x8d,
  binbytes8 = 0x8e,
  empty_set = 0x8f,
  additems = 0x90,
  frozenset = 0x91,
  newobj_ex = 0x92,
  stack_global = 0x93,
  memoize = 0x94,
  frame = 0x95,
};

}  // namespace

bool PickleValue::is_call_of(std::string_view name) const {
  return kind == Kind::reduced && items.size() == 2 && items[0]->is_global(name) && items[1]->is(Kind::tuple);
}

const PickleValue* PickleValue::find(std::string_view key) const {
  if (kind != Kind::dict) return nullptr;
  for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
    if (items[i]->is(Kind::text) && items[i]->text == key) return items[i + 1];
  }
  return nullptr;
}

/// Interprets the opcodes; nothing here recurses, so nesting costs no stack.
class PickleMachine {
 public:
  PickleMachine(Pickle& out, ByteView bytes, std::string_view what) : out_(out), reader_(bytes, what), what_(what) {}

  void run() {
    while (!stopped_) step(Opcode{reader_.read<std::uint8_t>()});
    out_.size_ = reader_.offset();
  }

 private:
  using Kind = PickleValue::Kind;

  [[noreturn]] void fail(std::string_view problem) const {
    throw Error(ErrorCode::bad_input,
                fmt::format("{}: pickle broken before offset {}: {}", what_, reader_.offset(), problem));
  }

  PickleValue& push(Kind kind) {
    if (out_.values_.size() >= kMaxValues) fail(fmt::format("more than {} values", kMaxValues));
    PickleValue& value = out_.values_.emplace_back();
    value.kind = kind;
    push_reference(&value);
    return value;
  }
  void push_reference(PickleValue* value) {
    if (++references_ > kMaxReferences) fail(fmt::format("more than {} references", kMaxReferences));
    stack_.push_back(value);
  }
  PickleValue* pop() {
    if (stack_.size() <= floor()) fail("the stack is empty");
    PickleValue* value = stack_.back();
    stack_.pop_back();
    return value;
  }
  PickleValue& top() {
    if (stack_.size() <= floor()) fail("the stack is empty");
    return *stack_.back();
  }
  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }

  /// Everything above the last mark, which goes too.
  std::vector<PickleValue*> pop_to_mark() {
    if (marks_.empty()) fail("no mark");
    const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<PickleValue*> taken(first, stack_.end());
    stack_.erase(first, stack_.end());
    marks_.pop_back();
    return taken;
  }

  void push_integer(std::int64_t number) { push(Kind::integer).integer = number; }
  void push_text(Kind kind, std::uint64_t length) {
    const ByteView bytes = reader_.take(length);
    push(kind).text = as_text(bytes);
  }
  void push_long(std::size_t length);
  void push_tuple(std::size_t count);
  void push_global(std::string_view module, std::string_view name);
  std::string_view read_line();
  void memoize(std::uint32_t index) { memo_[index] = &top(); }
  void recall(std::uint32_t index);
  void extend(const std::vector<PickleValue*>& items, Kind container);
  void reduce();

  void step(Opcode opcode);
  bool step_number(Opcode opcode);
  bool step_text(Opcode opcode);
  bool step_container(Opcode opcode);
  bool step_memo(Opcode opcode);
  bool step_object(Opcode opcode);
  bool step_control(Opcode opcode);

  Pickle& out_;
  ByteReader reader_;
  std::string what_;
  std::vector<PickleValue*> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint32_t, PickleValue*> memo_;
  std::size_t references_ = 0;
  bool stopped_ = false;
};

void PickleMachine::push_long(std::size_t length) {
  const ByteView bytes = reader_.take(length);
  if (length > sizeof(std::int64_t)) {
    push(Kind::opaque);
    return;
  }
  std::uint64_t number = length > 0 && (bytes[length - 1] & 0x80) != 0 ? ~std::uint64_t{0} : 0;
  for (std::size_t i = length; i-- > 0;) number = number << 8 | bytes[i];
  push_integer(static_cast<std::int64_t>(number));
}

void PickleMachine::push_tuple(std::size_t count) {
  std::vector<const PickleValue*> items(count);
  for (std::size_t i = count; i-- > 0;) items[i] = pop();
  push(Kind::tuple).items = std::move(items);
}

std::string_view PickleMachine::read_line() {
  const std::size_t start = reader_.offset();
  std::size_t length = 0;
  while (reader_.read<std::uint8_t>() != '\n') {
    if (++length > kMaxNameLength) fail("a name without end");
  }
  reader_.seek(start);
  const std::string_view line = as_text(reader_.take(length));
  reader_.take(1);
  return line;
}

void PickleMachine::push_global(std::string_view module, std::string_view name) {
  if (module.size() > kMaxNameLength || name.size() > kMaxNameLength) fail("a name is too long");
  const std::string& text = *out_.global_names_.insert(fmt::format("{} {}", module, name)).first;
  if (out_.global_names_.size() > kMaxNames) fail("too many different names of code");
  push(Kind::global).text = text;
}

void PickleMachine::recall(std::uint32_t index) {
  const auto found = memo_.find(index);
  if (found == memo_.end()) fail(fmt::format("memo {} was never set", index));
  push_reference(found->second);
}

/// Objects of unknown classes may receive items, which are dropped; a number or a text may not.
void PickleMachine::extend(const std::vector<PickleValue*>& items, Kind container) {
  PickleValue& target = top();
  if (target.is(container)) {
    if (container == Kind::dict && items.size() % 2 != 0) fail("a key without a value");
    target.items.insert(target.items.end(), items.begin(), items.end());
  } else if (!target.is(Kind::reduced) && !target.is(Kind::opaque)) {
    fail("items for something that holds none");
  }
}

void PickleMachine::reduce() {
  const PickleValue* arguments = pop();
  const PickleValue* callable = pop();
  if (callable->is_global("collections OrderedDict") && arguments->is(Kind::tuple) && arguments->items.empty()) {
    push(Kind::dict);
  } else {
    push(Kind::reduced).items = {callable, arguments};
  }
}

void PickleMachine::step(Opcode opcode) {
  if (step_number(opcode) || step_text(opcode) || step_container(opcode) || step_memo(opcode) || step_object(opcode) ||
      step_control(opcode)) {
    return;
  }
  throw Error(ErrorCode::unsupported,
              fmt::format("{}: pickle opcode 0x{:02x} before offset {} is not among those that a "
                          "state dict needs",
                          what_, static_cast<int>(opcode), reader_.offset()));
}

bool PickleMachine::step_number(Opcode opcode) {
  switch (opcode) {
    case Opcode::none:
      push(Kind::none);
      return true;
    case Opcode::newtrue:
      push(Kind::boolean).integer = 1;
      return true;
    case Opcode::newfalse:
      push(Kind::boolean).integer = 0;
      return true;
    case Opcode::binint:
      push_integer(reader_.read<std::int32_t>());
      return true;
    case Opcode::binint1:
      push_integer(reader_.read<std::uint8_t>());
      return true;
    case Opcode::binint2:
      push_integer(reader_.read<std::uint16_t>());
      return true;
    case Opcode::long1:
      push_long(reader_.read<std::uint8_t>());
      return true;
    case Opcode::long4:
      push_long(reader_.read<std::uint32_t>());
      return true;
    case Opcode::binfloat: {
      std::uint64_t bits = 0;
      for (const std::uint8_t byte : reader_.take(sizeof(bits))) bits = bits << 8 | byte;
      push(Kind::real).real = std::bit_cast<double>(bits);
      return true;
    }
    default:
      return false;
  }
}

bool PickleMachine::step_text(Opcode opcode) {
  switch (opcode) {
    case Opcode::short_binunicode:
      push_text(Kind::text, reader_.read<std::uint8_t>());
      return true;
    case Opcode::binunicode:
      push_text(Kind::text, reader_.read<std::uint32_t>());
      return true;
    case Opcode::binunicode8:
      push_text(Kind::text, reader_.read<std::uint64_t>());
      return true;
    case Opcode::short_binbytes:
      push_text(Kind::bytes, reader_.read<std::uint8_t>());
      return true;
    case Opcode::binbytes:
      push_text(Kind::bytes, reader_.read<std::uint32_t>());
      return true;
    case Opcode::binbytes8:
      push_text(Kind::bytes, reader_.read<std::uint64_t>());
      return true;
    default:
      return false;
  }
}

bool PickleMachine::step_container(Opcode opcode) {
  switch (opcode) {
    case Opcode::empty_list:
      push(Kind::list);
      return true;
    case Opcode::empty_dict:
      push(Kind::dict);
      return true;
    case Opcode::empty_set:
      push(Kind::opaque);
      return true;
    case Opcode::empty_tuple:
      push_tuple(0);
      return true;
    case Opcode::tuple1:
      push_tuple(1);
      return true;
    case Opcode::tuple2:
      push_tuple(2);
      return true;
    case Opcode::tuple3:
      push_tuple(3);
      return true;
    case Opcode::tuple: {
      const auto items = pop_to_mark();
      push(Kind::tuple).items.assign(items.begin(), items.end());
      return true;
    }
    case Opcode::frozenset:
      pop_to_mark();
      push(Kind::opaque);
      return true;
    case Opcode::append: {
      PickleValue* item = pop();
      extend({item}, Kind::list);
      return true;
    }
    case Opcode::appends: {
      const auto items = pop_to_mark();
      extend(items, Kind::list);
      return true;
    }
    case Opcode::additems: {
      const auto items = pop_to_mark();
      extend(items, Kind::opaque);
      return true;
    }
    case Opcode::setitem: {
      PickleValue* value = pop();
      PickleValue* key = pop();
      extend({key, value}, Kind::dict);
      return true;
    }
    case Opcode::setitems: {
      const auto items = pop_to_mark();
      extend(items, Kind::dict);
      return true;
    }
    default:
      return false;
  }
}

bool PickleMachine::step_memo(Opcode opcode) {
  switch (opcode) {
    case Opcode::binput:
      memoize(reader_.read<std::uint8_t>());
      return true;
    case Opcode::long_binput:
      memoize(reader_.read<std::uint32_t>());
      return true;
    case Opcode::memoize:
      memoize(static_cast<std::uint32_t>(memo_.size()));
      return true;
    case Opcode::binget:
      recall(reader_.read<std::uint8_t>());
      return true;
    case Opcode::long_binget:
      recall(reader_.read<std::uint32_t>());
      return true;
    default:
      return false;
  }
}

bool PickleMachine::step_object(Opcode opcode) {
  switch (opcode) {
    case Opcode::global: {
      const std::string_view module = read_line();
      push_global(module, read_line());
      return true;
    }
    case Opcode::stack_global: {
      const PickleValue* name = pop();
      const PickleValue* module = pop();
      if (!name->is(Kind::text) || !module->is(Kind::text)) fail("a name of code that is no text");
      push_global(module->text, name->text);
      return true;
    }
    case Opcode::reduce:
      reduce();
      return true;
    case Opcode::newobj:
      pop();
      pop();
      push(Kind::opaque);
      return true;
    case Opcode::newobj_ex:
      pop();
      pop();
      pop();
      push(Kind::opaque);
      return true;
    case Opcode::build: {
      const PickleValue* state = pop();
      if (PickleValue& object = top(); object.is(Kind::reduced) || object.is(Kind::opaque)) object.state = state;
      return true;
    }
    case Opcode::binpersid: {
      const PickleValue* id = pop();
      PickleValue& reference = push(Kind::persistent);
      reference.items = {id};
      out_.persistent_.push_back(&reference);
      return true;
    }
    default:
      return false;
  }
}

bool PickleMachine::step_control(Opcode opcode) {
  switch (opcode) {
    case Opcode::proto:
      if (const int protocol = reader_.read<std::uint8_t>(); protocol < 2 || protocol > kNewestProtocol) {
        fail(fmt::format("protocol {}, expected 2 to {}", protocol, kNewestProtocol));
      }
      return true;
    case Opcode::frame:
      reader_.take(sizeof(std::uint64_t));
      return true;
    case Opcode::mark:
      if (marks_.size() >= kMaxMarks) fail(fmt::format("nested deeper than {}", kMaxMarks));
      marks_.push_back(stack_.size());
      return true;
    case Opcode::pop:
      pop();
      return true;
    case Opcode::pop_mark:
      pop_to_mark();
      return true;
    case Opcode::stop:
      out_.root_ = pop();
      stopped_ = true;
      return true;
    default:
      return false;
  }
}

Pickle::Pickle(ByteView bytes, std::string_view what) {
  if (bytes.size() > kMaxBytes) {
    throw Error(ErrorCode::too_large,
                fmt::format("{}: a pickle of {} bytes, the limit is {}", what, bytes.size(), kMaxBytes));
  }
  PickleMachine(*this, bytes, what).run();
}

}  // namespace sagittal::nn
