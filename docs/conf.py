# SPDX-License-Identifier: MIT
"""Build of the documentation. Warnings are errors (see the Makefile).

``-D language=zh_CN`` builds the Chinese site, which belongs into the folder zh-cn of the English.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # for the extensions here

project = "fc-async"
author = "The fc-async authors"
copyright = "2026, the fc-async authors"  # noqa: A001 -- Sphinx's name

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "chinese_site",
    "cli_reference",
    "markdown_twins",
    "plain_markdown",
]
source_suffix = {".md": "markdown"}
# Decision records are read in the repository.
exclude_patterns = ["_build", "decisions"]
nitpicky = False
# Quotes and ellipses; two hyphens stay, because options of commands begin with them.
smartquotes_action = "qe"
templates_path = ["_templates"]

# Translations: one catalog a page, without line numbers, which would change with every edit.
locale_dirs = ["locale"]
gettext_compact = False
gettext_location = False
# Entries of the index are words that readers search for.
gettext_additional_targets = ["index"]

myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3

autodoc_typehints = "description"
autodoc_member_order = "bysource"

# The commands of a block, without prompts and output.
copybutton_prompt_text = "$ "

html_theme = "furo"
# Where the site is published, for canonical and alternate addresses; a build at home has none.
html_baseurl = os.environ.get("FC_ASYNC_SITE", "")
html_title = "fc-async"
html_css_files = ["theme.css"]
html_static_path = ["_static/theme.css"]
html_favicon = "../console/src/icon.svg"
# A page comes before an object of the API: a search for "replay" began with methods.
html_search_scorer = str(Path(__file__).with_name("search_scores.js"))
# Copied as it is: schemas that editors fetch by their address.
html_extra_path = ["published"]
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "sidebar/languages.html",
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}
