"""The pages' server: static files, the stack's own APIs behind one origin, and the data of the pages."""
