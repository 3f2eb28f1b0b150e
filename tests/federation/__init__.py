"""Several territories through a year by their real files: do all books agree at the end? (Rules 115-151)"""
