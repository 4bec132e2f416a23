"""Pictures in the Prefect UI: a page of Markdown shows them in place, an image artifact its data as text below."""

import base64
import re

from prefect.artifacts import create_markdown_artifact


def show_picture(caption: str, picture: bytes, description: str = "") -> None:
    """Show a PNG or JPEG picture as an artifact of the run, under its caption; `description` is read below it."""
    key = re.sub("[^a-z0-9]+", "-", caption.lower()).strip("-")
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    data = base64.b64encode(picture).decode()
    page = f"## {caption}\n\n![{caption}](data:image/{kind};base64,{data})\n\n{description}"
    create_markdown_artifact(key=key, markdown=page, description=caption)
