# SPDX-License-Identifier: MIT
"""Start of the fork server: ``python <this folder> <control fd>``.

Loads the folder as the package ``_fc_worker``, so that its modules can import each other although
the project cannot be imported. Removes the folder from the path: otherwise user code would find
these files before the standard library's.
"""

import importlib.util
import os
import sys


def main() -> None:
    """Load the package and serve until the runtime ends."""
    folder = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 -- pathlib would cost start-up time
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != folder]  # noqa: PTH100 -- same
    spec = importlib.util.spec_from_file_location(
        "_fc_worker",
        os.path.join(folder, "__init__.py"),  # noqa: PTH118 -- same
        submodule_search_locations=[folder],
    )
    if spec is None or spec.loader is None:
        raise SystemExit(f"{folder} is not a package")
    package = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = package
    spec.loader.exec_module(package)
    importlib.import_module("_fc_worker.forks").serve(int(sys.argv[1]))


if __name__ == "__main__":
    main()
