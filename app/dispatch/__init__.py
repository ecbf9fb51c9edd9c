"""Two ways to have work done, inline and queued, behind one interface and through one `execute`."""
