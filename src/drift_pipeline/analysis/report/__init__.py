"""The report and the tables as text.

- `page`: one page with everything.
- `text_tables`, `markup`: tables as cells of text, as Markdown and as LaTeX.
- `printed`: Table 1 and the gains in every kind of text.
"""
