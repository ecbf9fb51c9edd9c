"""A service that processes documents: cleaned text, key terms, tables, language and word counts, as a new document."""
