"""The two ways to run work, inline and queued, behind one interface and through one `execute`."""
