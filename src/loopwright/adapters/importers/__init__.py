"""Files of traces, in the formats people have, read as streams."""
