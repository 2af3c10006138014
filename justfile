# Run these inside the project's environment: `uv run just check`, or with .venv/bin on the PATH.

set shell := ["bash", "-euo", "pipefail", "-c"]

# A PostgreSQL server of this machine, for a second run of the store tests; they make databases of their own in it.
machine_postgres := env("REFERRAL_TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/test")

# List the recipes.
default:
    @just --list

# Everything that must hold, but for the whole suite (`just test`).
check: format-check lint types layers style test-machine

# Rewrite the sources as the formatter and the linter's safe mends have it.
fix:
    python -m ruff check --fix
    python -m ruff format

format-check:
    python -m ruff format --check

lint:
    python -m ruff check

types:
    python -m mypy --strict
    python -m pyright --verifytypes referral_engine --ignoreexternal

layers:
    lint-imports

style:
    python tools/measure_style.py src/referral_engine --limit file_max=400 --limit function_max=70 --limit function_p90=30 --limit cycles=0 --limit fan_out=12 --limit annotated=100 --limit doc_public=95 --limit doc_modules=100

# The tests that need a server, against the machine's own PostgreSQL where it is up.
test-machine:
    #!/usr/bin/env bash
    set -euo pipefail
    if python -c 'import sys, psycopg; psycopg.connect(sys.argv[1], connect_timeout=3).close()' '{{ machine_postgres }}' 2>/dev/null; then
        export REFERRAL_TEST_POSTGRES_URL='{{ machine_postgres }}' REFERRAL_TEST_REQUIRE_SERVERS=1
        python -m pytest -m postgres
    else
        echo "No PostgreSQL answers at {{ machine_postgres }}: the store tests were not run a second time."
    fi

# The whole suite; what follows goes to pytest: `just test -n0 tests/unit`.
test *arguments:
    python -m pytest {{ arguments }}

# The benchmarks, each with its floor in the same run.
bench *arguments:
    python benchmarks/run.py {{ arguments }}
