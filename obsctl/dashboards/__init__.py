"""Dashboards as values: what each panel asks. Readers know these values, whoever draws them."""
