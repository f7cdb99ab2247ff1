-- Where the long texts of a span are, when they are kept in object storage: the key of the object that holds those of its trace.
ALTER TABLE traces.spans ADD COLUMN bodies_key text;
