from tests.unit.trace.golden import write

write()
