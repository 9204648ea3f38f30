"""Makes a copy of a template ready to be rendered: cookiecutter runs this in the copy.

cookiecutter does not render a file that it takes for binary. It judges by the first 512 or 1024
bytes, which may end within a character of a Chinese text. Such a text therefore begins with a
longer comment of jinja, which rendering removes (https://pypi.org/project/binaryornot/).
"""

from pathlib import Path

ASCII_START = b"{#" + b" " * 1024 + b"#}"
PROJECT = Path("{{cookiecutter.project_slug}}")

(PROJECT / "gitignore").rename(PROJECT / ".gitignore")  # git refuses links with this name
for file in PROJECT.rglob("*"):
    if file.is_file() and not (content := file.read_bytes()).isascii():
        file.write_bytes(ASCII_START + content)
