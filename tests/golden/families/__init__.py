"""The families of the goldens, a file each; see base.py for what one holds."""

import importlib
import pkgutil

from .base import Golden, Parts  # noqa: F401

_MODULES = [importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__) if m.name != "base"]

GOLDENS = [f for m in _MODULES for f in getattr(m, "GOLDENS", ())]
PARTS = {k: v for m in _MODULES for k, v in getattr(m, "PARTS", {}).items()}
FUZZ = {k: v for m in _MODULES for k, v in getattr(m, "FUZZ", {}).items()}
PREPARE = {k: v for m in _MODULES for k, v in getattr(m, "PREPARE", {}).items()}
ATTENTION = {k: v for m in _MODULES for k, v in getattr(m, "ATTENTION", {}).items()}
UNLIFTED = [pair for m in _MODULES for pair in getattr(m, "UNLIFTED", ())]


def all_goldens():
    goldens = [g for make in GOLDENS for g in make()]
    names = [g.name for g in goldens]
    assert len(set(names)) == len(names), "two goldens of one name"
    return goldens
