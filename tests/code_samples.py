"""A program in each language, and the units that functions are cut into."""

from __future__ import annotations

PYTHON = '''\
"""Module."""
import os
import sys

X = 1

# About f.
@cache
def f(
    a,
):
    """Doc."""
    return a


class A(B):
    """Doc."""

    y = 2

    def g(self):
        return 1
'''
JAVASCRIPT = """\
import a from "a";

/** Adds. */
export function add(x, y) {
  return x + y;
}

class Foo extends Bar {
  z = 1;
  method() {
    return a;
  }
}
const f = async (q) => {
  await q;
};
module.exports = { f };
"""
TYPESCRIPT = """\
import { A } from "./a";
interface I { a: string }
namespace N {
  export abstract class C<T> {
    @dec()
    private m(): void {
      return;
    }
  }
}
type X = string | number;
"""
JAVA = """\
package a.b;
import x.Y;

/** Doc. */
@Foo
public class A {
  private int x;

  @Override
  public int m() {
    return x;
  }

  enum E { P; int f() { return 1; } }
}
"""
GO = """\
package main

import "fmt"

// T is.
type T struct {
	a int
}

// M does.
func (t *T) M() error {
	return nil
}
"""
C = """\
#ifndef X_H
#define X_H
#include <a.h>

struct point {
  int x;
};

/* add */
static int
add(int a, int b)
{
  return a + b;
}
#ifdef Q
void g(void) { }
#else
void h(void) { }
#endif
#endif
"""
CPP = """\
#include <vector>
namespace a {
template <typename T>
class V : public W {
 public:
  int get() const { return x; }
};  // V
}  // namespace a
"""
RUST = """\
use std::io;

/// Doc
#[derive(Debug)]
pub struct P {
    x: i32,
}

impl P {
    /// New.
    pub fn new() -> Self {
        P { x: 1 }
    }
}
mod tests {
    #[test]
    fn t() {}
}
"""

# (kind, parent, first and last characters) of each unit.
GOLDEN = {
    "python": (
        PYTHON,
        [
            ("block", -1, '"""Module."""\n'),
            ("block", -1, "import os\nimport sys\n\n"),
            ("block", -1, "X = 1\n\n"),
            ("function", -1, "# About f.\n...return a\n\n\n"),
            ("class", -1, 'class A(B):\n    """Doc."""\n\n'),
            ("block", 4, "    y = 2\n\n"),
            ("function", 4, "    def g(self):\n        return 1\n"),
        ],
    ),
    "javascript": (
        JAVASCRIPT,
        [
            ("block", -1, 'import a from "a";\n\n'),
            ("function", -1, "/** Adds. */\n...}\n\n"),
            ("class", -1, "class Foo extends Bar {\n"),
            ("block", 2, "  z = 1;\n"),
            ("function", 2, "  method() {\n    return a;\n  }\n"),
            ("close", 2, "}\n"),
            ("function", -1, "const f = async (q) => {\n  await q;\n};\n"),
            ("block", -1, "module.exports = { f };\n"),
        ],
    ),
    "typescript": (
        TYPESCRIPT,
        [
            ("block", -1, 'import { A } from "./a";\n'),
            ("class", -1, "interface I { a: string }\n"),
            ("scope", -1, "namespace N {\n"),
            ("class", 2, "  export abstract class C<T> {\n"),
            ("function", 3, "    @dec()\n...    }\n"),
            ("close", 3, "  }\n"),
            ("close", 2, "}\n"),
            ("block", -1, "type X = string | number;\n"),
        ],
    ),
    "java": (
        JAVA,
        [
            ("block", -1, "package a.b;\nimport x.Y;\n\n"),
            ("class", -1, "/** Doc. */\n@Foo\npublic class A {\n"),
            ("block", 1, "  private int x;\n\n"),
            ("function", 1, "  @Override\n...  }\n\n"),
            ("class", 1, "  enum E { P; int f() { return 1; } }\n"),
            ("close", 1, "}\n"),
        ],
    ),
    "go": (
        GO,
        [
            ("block", -1, 'package main\n\nimport "fmt"\n\n'),
            ("block", -1, "// T is.\n...}\n\n"),
            ("function", -1, "// M does.\n...}\n"),
        ],
    ),
    "c": (
        C,
        [
            ("scope", -1, "#ifndef X_H\n"),
            ("block", 0, "#define X_H\n"),
            ("block", 0, "#include <a.h>\n\n"),
            ("class", 0, "struct point {\n  int x;\n};\n\n"),
            ("function", 0, "/* add */\n...}\n"),
            ("scope", 0, "#ifdef Q\n"),
            ("function", 5, "void g(void) { }\n"),
            ("scope", 5, "#else\n"),
            ("function", 7, "void h(void) { }\n"),
            ("close", 5, "#endif\n"),
            ("close", 0, "#endif\n"),
        ],
    ),
    "cpp": (
        CPP,
        [
            ("block", -1, "#include <vector>\n"),
            ("scope", -1, "namespace a {\n"),
            ("class", 1, "template <typename T>\nclass V : public W {\n"),
            ("block", 2, " public:\n"),
            ("function", 2, "  int get() const { return x; }\n"),
            ("close", 2, "};  // V\n"),
            ("close", 1, "}  // namespace a\n"),
        ],
    ),
    "rust": (
        RUST,
        [
            ("block", -1, "use std::io;\n\n"),
            ("class", -1, "/// Doc\n...}\n\n"),
            ("class", -1, "impl P {\n"),
            ("function", 2, "    /// New.\n...    }\n"),
            ("close", 2, "}\n"),
            ("scope", -1, "mod tests {\n"),
            ("function", 5, "    #[test]\n    fn t() {}\n"),
            ("close", 5, "}\n"),
        ],
    ),
}
