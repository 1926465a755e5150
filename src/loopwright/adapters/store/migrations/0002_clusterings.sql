-- How each clustering was done: its method, embedder and cut. The payload is null where that was not told.

CREATE TABLE clusterings (
    number {serial},
    payload {bytes}
);
