"""The HTTP entrance. This module stays empty: gunicorn's master loads no Falcon."""
