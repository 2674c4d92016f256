"""Puts the experiments into a wheel, as graphrec/experiments; in a clone they stand beside the package."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

EXPERIMENTS = Path("experiments")
SUFFIXES = (".yaml", ".py", ".csv")


class BuildWithExperiments(build_py):
    """Builds the package, then copies the YAML files, scripts and small tables of the experiments into it."""

    def run(self) -> None:
        """Build and copy; an editable installation finds the experiments where they are."""
        super().run()
        if self.editable_mode:
            return
        package = Path(self.build_lib) / "graphrec"
        for file in sorted(EXPERIMENTS.rglob("*")):
            if file.suffix in SUFFIXES:
                self.mkpath(str(package / file.parent))
                self.copy_file(str(file), str(package / file))


setup(cmdclass={"build_py": BuildWithExperiments})
