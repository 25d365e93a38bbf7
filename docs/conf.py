"""The documentation's site: `make docs` builds it. Pages are plain Markdown and are read in the repository too."""
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

project = "Sagittal"
copyright = "the Sagittal authors"
version = release = re.search(r"^project\(\w+ VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text(), re.MULTILINE).group(1)

extensions = ["myst_parser", "sphinx_copybutton"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 4
exclude_patterns = ["requirements.txt"]
nitpicky = True
highlight_language = "text"

html_theme = "furo"
html_title = f"Sagittal {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_use_index = html_copy_source = html_show_sourcelink = False
html_show_sphinx = False
html_theme_options = {
    "footer_icons": [],
    "light_css_variables": {"color-brand-primary": "#00677f", "color-brand-content": "#00677f"},
    "dark_css_variables": {"color-brand-primary": "#5cc8e0", "color-brand-content": "#5cc8e0"},
}

LINK = re.compile(r"\[([^\]]+)\]\(([^)#:]+\.md)(?:#[^)]*)?\)")


def lead_outside(app, docname, source):
    """Markdown beside docs/ is no page of the site: a link to it becomes one to the file, which the site holds as it is."""
    folder = (Path(app.srcdir) / docname).parent

    def replaced(link):
        inside = (folder / link[2]).resolve().is_relative_to(app.srcdir)
        return link[0] if inside else "{download}`%s <%s>`" % (link[1].replace("`", ""), link[2])

    source[0] = LINK.sub(replaced, source[0])


def setup(app):
    app.connect("source-read", lead_outside)
