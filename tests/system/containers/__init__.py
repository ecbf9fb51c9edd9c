"""The container files: what they say (no engine needed), nginx by its template, and the stacks by `drive.py`."""
