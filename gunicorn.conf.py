"""What `gunicorn app:api` reads in this folder: the settings of app/cli/gunicorn_settings.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))  # gunicorn puts the project on the path only after this

from app.cli.gunicorn_settings import *
