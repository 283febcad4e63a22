"""What cprs knows of each programming language: the names its grammar gives to things.

Adding a language: its tree-sitter package in `pyproject.toml` and a `CodeLanguage` here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


def _set(names: str) -> frozenset[str]:
    return frozenset(names.split())


@dataclass(frozen=True, slots=True)
class CodeLanguage:
    """A language's node kinds, in the names of its tree-sitter grammar.

    `functions` and `classes` are definitions whose body is the field "body"; a class's head is
    worth keeping by itself, a `scopes`' (namespace, `#ifdef`) is not. `wrappers` are statements
    that may hold nothing but a definition (decorators, `export`, `const f = ...`). `transparent`
    nodes only group what a body holds. `leading` belong to the definition after them (comments,
    attributes). `imports` are grouped. `blocks` are other bodies in braces. `evidence` are
    patterns of lines that other texts rarely have; `own`, of a language that is a superset of
    another, those which that one does not have.
    """

    name: str
    extensions: tuple[str, ...]
    module: str
    functions: frozenset[str]
    classes: frozenset[str]
    leading: frozenset[str]
    imports: frozenset[str]
    evidence: tuple[str, ...]
    own: tuple[str, ...] = ()
    scopes: frozenset[str] = frozenset()
    wrappers: frozenset[str] = frozenset()
    transparent: frozenset[str] = frozenset()
    blocks: frozenset[str] = frozenset()
    entry: str = "language"


PYTHON = CodeLanguage(
    name="python",
    extensions=(".py", ".pyi", ".pyw"),
    module="tree_sitter_python",
    functions=_set("function_definition"),
    classes=_set("class_definition"),
    wrappers=_set("decorated_definition"),
    leading=_set("comment"),
    imports=_set("import_statement import_from_statement future_import_statement"),
    evidence=(
        r"(?:async )?def \w+\(.*(?:\):|->.*:|,|\($)",
        r"class \w+(?:\(.*\))?:",
        r"from [\w.]+ import [\w(*]",
        r"import \w[\w.]*(?: as \w+)?(?:, *[\w.]+)*$",
        r"(?:if|elif|for|while|with|try|except)\b.*:$",
        r"(?:self\.\w+ = |return |raise \w+\(|@\w+|#!.*python)",
    ),
)

_JS_FUNCTIONS = _set(
    "function_declaration generator_function_declaration method_definition function_expression "
    "generator_function arrow_function"
)
_JS_WRAPPERS = _set(
    "export_statement lexical_declaration variable_declaration variable_declarator "
    "expression_statement assignment_expression call_expression arguments "
    "parenthesized_expression field_definition public_field_definition await_expression "
    "unary_expression"
)
_JS_BLOCKS = _set("statement_block class_body object switch_body")
_JS_EVIDENCE = (
    r"(?:export )?(?:default )?(?:async )?function\*? ?\w*\(.*",
    r"(?:export )?(?:const|let|var) [\w{\[].*=",
    r"import .* from ['\"].*['\"];?$",
    r".*\brequire\(['\"].*",
    r"(?:export )?(?:default )?class \w+.*\{$",
    r".*(?:=>|\)) \{$",
    r"(?:\}\)?;|return .*;|if \(.*\) \{|module\.exports.*)$",
)

JAVASCRIPT = CodeLanguage(
    name="javascript",
    extensions=(".js", ".mjs", ".cjs", ".jsx"),
    module="tree_sitter_javascript",
    functions=_JS_FUNCTIONS,
    classes=_set("class_declaration class"),
    wrappers=_JS_WRAPPERS,
    leading=_set("comment decorator"),
    imports=_set("import_statement"),
    blocks=_JS_BLOCKS,
    evidence=_JS_EVIDENCE,
)

_TS_OWN = (
    r"(?:export )?(?:declare )?(?:interface|abstract class) \w+.*\{$",
    r"(?:export )?(?:declare )?type \w+(?:<.*>)? =.*",
    r".*[\w)\]]\??: (?:readonly )?(?:string|number|boolean|any|void|unknown|never)\b.*",
    r"import type .*",
    r"(?:private|public|protected|readonly) (?:static |async |readonly )*\w+.*",
)
_TS_CLASSES = _set(
    "class_declaration abstract_class_declaration class interface_declaration enum_declaration"
)

TYPESCRIPT = CodeLanguage(
    name="typescript",
    extensions=(".ts", ".mts", ".cts"),
    module="tree_sitter_typescript",
    entry="language_typescript",
    functions=_JS_FUNCTIONS,
    classes=_TS_CLASSES,
    scopes=_set("internal_module module"),
    wrappers=_JS_WRAPPERS | {"ambient_declaration"},
    leading=_set("comment decorator"),
    imports=_set("import_statement"),
    blocks=_JS_BLOCKS | {"interface_body", "enum_body", "object_type"},
    evidence=_JS_EVIDENCE,
    own=_TS_OWN,
)

TSX = CodeLanguage(
    name="tsx",
    extensions=(".tsx",),
    module="tree_sitter_typescript",
    entry="language_tsx",
    functions=_JS_FUNCTIONS,
    classes=_TS_CLASSES,
    scopes=TYPESCRIPT.scopes,
    wrappers=TYPESCRIPT.wrappers,
    leading=TYPESCRIPT.leading,
    imports=TYPESCRIPT.imports,
    blocks=TYPESCRIPT.blocks,
    evidence=(),  # told from TypeScript by its name alone
)

JAVA = CodeLanguage(
    name="java",
    extensions=(".java",),
    module="tree_sitter_java",
    functions=_set("method_declaration constructor_declaration compact_constructor_declaration"),
    classes=_set(
        "class_declaration interface_declaration enum_declaration record_declaration "
        "annotation_type_declaration"
    ),
    transparent=_set("enum_body_declarations"),
    leading=_set("line_comment block_comment"),
    imports=_set("import_declaration package_declaration"),
    blocks=_set(
        "block class_body interface_body enum_body constructor_body switch_block "
        "annotation_type_body"
    ),
    evidence=(
        r"(?:import|package) (?:static )?[a-z]\w*(?:\.\w+)+(?:\.\*)?;$",
        r"(?:(?:public|private|protected|abstract|final|static) )*"
        r"(?:class|interface|enum|record) \w+.*",
        r"(?:public|private|protected) .*\(.*\).*\{$",
        r"(?:private|public|protected|static|final).* \w+(?: = .*)?;$",
        r"@(?:Override|Test|Autowired|SuppressWarnings|Nullable|Deprecated)\b.*",
    ),
)

GO = CodeLanguage(
    name="go",
    extensions=(".go",),
    module="tree_sitter_go",
    functions=_set("function_declaration method_declaration"),
    classes=frozenset(),
    leading=_set("comment"),
    imports=_set("import_declaration package_clause"),
    blocks=_set("block field_declaration_list interface_type literal_value"),
    evidence=(
        r"package [a-z]\w*$",
        r"func (?:\(\w+ \*?[\w\[\]]+\) )?\w+(?:\[.*\])?\(.*",
        r"type \w+ (?:struct|interface|func|map|\[\]|[\w.]+).*",
        r"import (?:\(|\".*\")$",
        r".* := .*",
        r"if err != nil \{$",
    ),
)

_C_SCOPES = _set("linkage_specification preproc_ifdef preproc_if preproc_else preproc_elif")
_C_IMPORTS = _set("preproc_include")
_C_BLOCKS = _set(
    "compound_statement field_declaration_list enumerator_list declaration_list initializer_list"
)
_C_EVIDENCE = (
    r"# *(?:include *[<\"].*[>\"]|define \w+.*|ifn?def \w+|endif.*|pragma \w+.*)",
    r"(?:static |inline |extern |const |unsigned )*(?:void|int|char|long|bool|double|float|size_t"
    r"|struct \w+|\w+_t)\b[\s*&]+\w+(?:::\w+)?\(.*",
    r"(?:typedef )?(?:struct|union|enum)(?: class)?(?: \w+)?(?: \{)?$",
    r"(?:return\b.*|break|\w+->\w+.*|\w+(?:\[.*\])? = .*);$",
)

C = CodeLanguage(
    name="c",
    extensions=(".c", ".h"),
    module="tree_sitter_c",
    functions=_set("function_definition"),
    classes=_set("struct_specifier union_specifier enum_specifier"),
    scopes=_C_SCOPES,
    wrappers=_set("declaration type_definition"),
    leading=_set("comment"),
    imports=_C_IMPORTS,
    blocks=_C_BLOCKS,
    evidence=_C_EVIDENCE,
)

CPP = CodeLanguage(
    name="cpp",
    extensions=(".cpp", ".cc", ".cxx", ".c++", ".hpp", ".hh", ".hxx", ".h++", ".cu", ".cuh"),
    module="tree_sitter_cpp",
    functions=_set("function_definition"),
    classes=_set("class_specifier struct_specifier union_specifier enum_specifier"),
    scopes=_C_SCOPES | {"namespace_definition"},
    wrappers=_set("declaration type_definition template_declaration friend_declaration"),
    leading=_set("comment"),
    imports=_C_IMPORTS | {"using_declaration"},
    blocks=_C_BLOCKS,
    evidence=_C_EVIDENCE,
    own=(
        r"(?:using namespace|namespace) \w+(?:::\w+)*[ ;{]*$",
        r"template ?<.*>.*",
        r"(?:public|private|protected):$",
        r"class \w+(?: final)?(?: ?: ?(?:public|private) .*)?(?: \{)?$",
        r".*\bstd::\w+.*",
    ),
)

RUST = CodeLanguage(
    name="rust",
    extensions=(".rs",),
    module="tree_sitter_rust",
    functions=_set("function_item macro_definition"),
    classes=_set("struct_item enum_item union_item trait_item impl_item"),
    scopes=_set("mod_item foreign_mod_item"),
    leading=_set("line_comment block_comment attribute_item"),
    imports=_set("use_declaration extern_crate_declaration"),
    blocks=_set(
        "block declaration_list field_declaration_list enum_variant_list match_block token_tree"
    ),
    evidence=(
        r"(?:pub(?:\(\w+\))? )?(?:async |unsafe |const )*fn \w+(?:<.*>)?\(.*",
        r"(?:pub(?:\(\w+\))? )?(?:struct|enum|trait|mod) \w+.*[{;(]",
        r"(?:unsafe )?impl(?:<.*>)? .*\{$",
        r"(?:pub )?use (?:\w+::)+.*",
        r"let (?:mut )?\w+(?:: .*)? = .*",
        r"#!?\[\w+.*\]$",
    ),
)

LANGUAGES = (PYTHON, JAVASCRIPT, TYPESCRIPT, TSX, JAVA, GO, C, CPP, RUST)


def evidence(language: CodeLanguage) -> tuple[re.Pattern[str], ...]:
    """All patterns of a language, `own` last, each for a whole line without its indentation."""
    return tuple(re.compile(pattern) for pattern in (*language.evidence, *language.own))
