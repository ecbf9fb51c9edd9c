"""Documents of any format as paragraphs, headings and tables: text, Markdown, HTML, CSV, Word and PDF."""
