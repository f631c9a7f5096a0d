#!/usr/bin/env python3
"""Writes the N-th fenced block of a language in a Markdown file to a file, so that a build can compile it.

usage: tools/extract_sample.py MARKDOWN LANGUAGE N OUTPUT
"""

import pathlib
import re
import sys


def main() -> int:
    markdown, language, number, output = sys.argv[1:]
    blocks = re.findall(rf"^```{re.escape(language)}\n(.*?)^```", pathlib.Path(markdown).read_text(),
                        re.MULTILINE | re.DOTALL)
    if len(blocks) < int(number):
        print(f"{markdown} has {len(blocks)} blocks of {language}, not {number}", file=sys.stderr)
        return 1
    target = pathlib.Path(output)
    text = blocks[int(number) - 1]
    if not target.exists() or target.read_text() != text:
        target.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
