"""A worker: runs jobs, and beside them maintains leases, deadlines, lost jobs, lost messages and webhooks."""
