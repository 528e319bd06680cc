"""A package without content, for pre-commit.

A hook of `language: python` installs the root of the repository. This root then asks for the wheel of the same release, which
holds the compiled program, so that nothing is compiled on the machine of whoever commits. The wheel itself is described in
packaging/python/pyproject.toml.
"""

from setuptools import setup

VERSION = "0.1.0"

setup(
    name="hoplint-pre-commit",
    version=VERSION,
    packages=[],
    py_modules=[],
    install_requires=[f"hoplint=={VERSION}"],
)
