"""How does a registry package become tables, and tables a package? Formats as data, names, archives, reader, writer, protocols."""
