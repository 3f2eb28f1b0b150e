"""omsclaims: the open engine that settles Russian compulsory medical insurance (ОМС) claims to the kopeck."""

__version__ = "0.1.0"
