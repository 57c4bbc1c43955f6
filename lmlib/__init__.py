"""Language models, from counting to attention: the library of the course book."""

__version__ = "0.1.0"
