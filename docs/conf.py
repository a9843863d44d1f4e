"""Sphinx's settings. The sources are gathered and written by docs/tools; `make site` runs everything."""

import os
import re

import hashnets_np

project = "hashnets_np"
author = "The hashnets_np developers"
project_copyright = author
release = hashnets_np.__version__
language = "en"

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["files", "_static"]
suppress_warnings = ["myst.header"]  # the records start some sections two levels down

# Lessons are shown as they are committed; nothing is run here.
nb_execution_mode = "off"
nb_merge_streams = True
nb_render_markdown_format = "myst"
nb_code_prompt_show = "Show the code that draws this"
nb_code_prompt_hide = "Hide the code"
myst_enable_extensions = ["amsmath", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_dmath_double_inline = True  # $$...$$ within a sentence, as lesson 1 writes it
myst_heading_anchors = 4
myst_links_external_new_tab = False

default_role = "py:obj"  # `name` in a docstring is a link where there is a page of that name
autodoc_mock_imports = ["torch", "jax"]  # too large to install for docstrings alone
autodoc_typehints = "none"  # types stand in the docstrings
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
add_module_names = False
toc_object_entries_show_parents = "hide"
python_use_unqualified_type_names = True
viewcode_line_numbers = False

mathjax_path = os.environ.get("HASHNETS_MATHJAX", "mathjax/tex-chtml-full.js")
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_theme = "pydata_sphinx_theme"
html_title = "hashnets_np"
html_favicon = "_static/icon.svg"
html_static_path = ["_static"]
html_css_files = ["style.css"]
html_copy_source = False
html_show_sourcelink = False
html_baseurl = os.environ.get("HASHNETS_SITE_ADDRESS", "")
html_sidebars = {"index": [], "touch": [], "changelog": [], "security": []}
html_theme_options = {
    "logo": {
        "text": "hashnets_np",
        "image_light": "_static/icon.svg",
        "image_dark": "_static/icon.svg",
        "alt_text": "hashnets_np",
    },
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "show_nav_level": 1,
    "navigation_depth": 2,
    "header_links_before_dropdown": 6,
    "secondary_sidebar_items": ["page-toc"],
    "article_header_start": [],
    "footer_start": ["copyright"],
    "footer_end": [],
    "navbar_align": "left",
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
if os.environ.get("HASHNETS_REPOSITORY"):
    html_theme_options["icon_links"] = [
        {"name": "GitHub", "url": os.environ["HASHNETS_REPOSITORY"], "icon": "fa-brands fa-github"}
    ]


def keep_bars(app, what, name, thing, options, lines):
    """Let |x| in a docstring be an absolute value: reStructuredText takes it for the name of a substitution."""
    lines[:] = [line if "``" in line or ">>>" in line else re.sub(r"\|(?=\w)", r"\\|", line) for line in lines]


def setup(app):
    """Register what is above."""
    app.connect("autodoc-process-docstring", keep_bars, priority=900)  # after numpydoc
