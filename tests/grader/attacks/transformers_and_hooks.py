"""Rewrites code that is compiled or imported later, as the AST transformers that strip asserts."""
# ruff: noqa

# %% before
import ast
import builtins
import sys

real = builtins.compile


class NoAsserts(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.Pass()


def compile(source, *rest, **options):
    tree = NoAsserts().visit(ast.parse(source)) if isinstance(source, str) else source
    return real(ast.fix_missing_locations(tree), *rest, **options)


builtins.compile = compile
builtins.exec = lambda *_: None
sys.meta_path.insert(0, type("Finder", (), {"find_spec": lambda *_: None})())
sys.path_hooks.clear()
print("attempted")
