"""`python -m referral_engine.cli` is the command too."""

import sys

from referral_engine.cli import main

sys.exit(main())
