"""Tables, figures and the report page. Reads the files of finished runs, nothing else; no torch."""
