"""Seeded random templates: expressions and statements put together from everything the subset has."""

ATOMS = ["s", "u", "n", "f", "l", "e", "none_", "t", "d", "msgs", "html", "lines", "spaces", "undefined_", "d.a", "d['C']", "msgs[0]", "l[0]", "1", "0", "-3", "2.5",
         "'a'", "'Ab c'", "''", "'a,b,,c'", "'é你🙂ß'", "' x\\n'", "none", "true", "false", "[]", "{}", "[1, 2, 3]", "['b', 'A', 'a']", "(1, 'x')",
         "{'k': 1, 'j': [2]}", "[[1, 2], [3, 4]]", "[none, 1, 'a']", "range(4)", "'12'", "'%s-%s'", "'{}/{}'", "[0.1, 1e20, -0.0]", "loop_", "18446744073709551615"]
BINARY = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]
FILTERS = ["abs", "capitalize", "count", "default", "default('q')", "default('q', true)", "dictsort", "dictsort(by='value')", "e", "first", "float", "float(1.5)", "format(1, 2)",
           "indent", "indent(2, true)", "indent('>', blank=true)", "int", "int(5)", "items", "join", "join('-')", "join(attribute='role')", "last", "length", "list", "lower",
           "map('upper')", "map(attribute='role')", "map(attribute=0)", "map('length')", "map('string')", "max", "min", "reject('odd')", "reject('none')", "rejectattr('x')",
           "replace('a', 'b')", "replace('', '.', 2)", "replace(',', '')", "reverse", "round", "round(1)", "round(1, 'floor')", "safe", "select", "select('string')", "select('gt', 1)",
           "selectattr('role', 'equalto', 'user')", "sort", "sort(reverse=true)", "sort(case_sensitive=true)", "string", "sum", "title", "tojson", "tojson(indent=2)",
           "tojson(sort_keys=true)", "tojson(ensure_ascii=true)", "trim", "trim('a ')", "unique", "upper", "center(9)", "escape", "forceescape"]
TESTS = ["defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "true", "false", "mapping", "sequence", "iterable", "callable", "odd", "even",
         "divisibleby 2", "eq 1", "ne 'a'", "lt 3", "ge 2", "in [1, 'a', none]", "sameas none", "lower", "upper", "escaped", "divisibleby(3)", "equalto('a')"]
METHODS = ["upper()", "lower()", "title()", "capitalize()", "strip()", "lstrip()", "rstrip()", "strip('a')", "split()", "split(',')", "split(none, 1)", "split(',', 1)", "rsplit(',', 1)",
           "rsplit()", "splitlines()", "splitlines(true)", "startswith('a')", "endswith('c')", "startswith(('a', 'A'))", "find('a')", "find('b', 1)", "rfind('a')", "index('a')",
           "count('a')", "replace('a', 'bb')", "replace('', '-')", "join(['x', 'y'])", "join(l)", "isdigit()", "isalpha()", "isspace()", "isupper()", "islower()", "isalnum()",
           "partition(',')", "rpartition(' ')", "removeprefix('a')", "zfill(6)", "ljust(4)", "center(7)", "format(1, 2)", "format(n)", "items()", "keys()", "values()", "get('k')",
           "get('zz', 3)", "get(1)", "index(1)", "count(1)", "copy()", "role", "nope", "x.y", "a", "0", "items", "append(1)"]
SUBSCRIPTS = ["[0]", "[-1]", "[9]", "['a']", "['role']", "['nope']", "[1:]", "[:2]", "[::-1]", "[-2:]", "[::2]", "[none]", "[1.0]", "[true]", "[2:0:-1]", "[:none]"]


class Generator:
    def __init__(self, rng):
        self.rng = rng

    def expr(self, depth):
        kind = self.rng.random()
        if depth == 0 or kind < 0.12:
            return self.rng.choice(ATOMS)
        sub = lambda: self.expr(depth - 1)
        if kind < 0.34:
            return f"{self.wrap(sub())} | {self.rng.choice(FILTERS)}"
        if kind < 0.5:
            return f"{self.wrap(sub())}.{self.rng.choice(METHODS)}"
        if kind < 0.6:
            return f"{self.wrap(sub())}{self.rng.choice(SUBSCRIPTS)}"
        if kind < 0.76:
            return f"{self.wrap(sub())} {self.rng.choice(BINARY)} {self.wrap(sub())}"
        if kind < 0.84:
            return f"({self.wrap(sub())} is {self.rng.choice(['', '', 'not '])}{self.rng.choice(TESTS)})"
        if kind < 0.88:
            return f"{sub()} if {sub()} else {sub()}"
        if kind < 0.9:
            return f"not {sub()}"
        if kind < 0.92:
            return f"-{self.wrap(sub())}"
        return self.rng.choice([f"[{sub()}, {sub()}]", f"{{'a': {sub()}, 'b': {sub()}}}", f"({sub()}, {sub()})", f"dict(a={sub()})", f"'%s|%r' % ({sub()}, {sub()})"])

    def wrap(self, expr):
        return expr if self.rng.random() < 0.25 else f"({expr})"

    def statement(self, depth):
        kind = self.rng.random()
        space = self.rng.choice(["", "", " ", "\n", "\n  ", " \n"])
        dash = lambda: self.rng.choice(["", "", "-", "+"])
        if depth == 0 or kind < 0.45:
            return f"{space}{{{{{self.rng.choice(['', '-'])} {self.expr(2)} {self.rng.choice(['', '-'])}}}}}"
        body = "".join(self.statement(depth - 1) for _ in range(self.rng.randint(1, 3)))
        tag = lambda text: f"{{%{dash()} {text} {dash()}%}}"
        if kind < 0.6:
            return space + tag(f"if {self.expr(2)}") + body + (tag("else") + self.statement(0) if self.rng.random() < 0.5 else "") + tag("endif")
        if kind < 0.78:
            target = self.rng.choice(["x", "x", "k, v"])
            where = f" if {self.expr(1)}" if self.rng.random() < 0.2 else ""
            inner = self.rng.choice(["", "{{ loop.index }}{{ loop.last }}", "{{ x }}", "{{ loop.nextitem }}", "{% if loop.index > 2 %}{% break %}{% endif %}", "{{ loop.length }}"])
            return space + tag(f"for {target} in {self.expr(2)}{where}") + inner + body + (tag("else") + "E" if self.rng.random() < 0.3 else "") + tag("endfor")
        if kind < 0.88:
            return space + tag(f"set s = {self.expr(2)}") + self.rng.choice(["", "text ", "\n"]) + body
        if kind < 0.94:
            return space + tag("set q") + body + tag("endset") + "[{{ q }}]"
        return space + tag("macro m(a, b=2)") + "{{ a }}{{ b }}" + body + tag("endmacro") + "{{ m(n) }}{{ m(1, b=s) }}"

    def template(self):
        return "".join(self.statement(2) for _ in range(self.rng.randint(1, 3))) if self.rng.random() < 0.5 else f"{{{{ {self.expr(3)} }}}}"
