"""Killing commands of the command line at random moments, and looking at what is left."""
