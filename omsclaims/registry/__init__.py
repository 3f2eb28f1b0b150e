"""How does a registry package become tables, and tables a package? Formats as data; reader, writer, protocols."""
