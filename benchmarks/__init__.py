"""How fast is it, beside what? Every subject runs beside its rival in one process, interleaved; the figure kept is the ratio."""
