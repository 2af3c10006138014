# Run these inside the project's environment: `uv run just check`, or with .venv/bin on the PATH.

set shell := ["bash", "-euo", "pipefail", "-c"]

# Servers of this machine, for a second run of the store tests; they make databases of their own in them.
machine_postgres := env("REFERRAL_TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/test")
machine_mariadb := env("REFERRAL_TEST_MARIADB_URL", "mysql://root@127.0.0.1:3306/test")

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

# The tests that need a server, against the machine's own PostgreSQL and MariaDB where they are up.
test-machine:
    #!/usr/bin/env bash
    set -euo pipefail
    export REFERRAL_TEST_REQUIRE_SERVERS=1
    marks=()
    if REFERRAL_TEST_POSTGRES_URL='{{ machine_postgres }}' python -m tests.answering postgres; then
        export REFERRAL_TEST_POSTGRES_URL='{{ machine_postgres }}'
        marks+=(postgres)
    fi
    if REFERRAL_TEST_MARIADB_URL='{{ machine_mariadb }}' python -m tests.answering mariadb; then
        export REFERRAL_TEST_MARIADB_URL='{{ machine_mariadb }}'
        marks+=(mariadb)
    fi
    if [ ${#marks[@]} -gt 0 ]; then
        expression="${marks[*]}"
        python -m pytest -m "${expression// / or }"
    fi

# The whole suite; what follows goes to pytest: `just test -n0 tests/unit`.
test *arguments:
    python -m pytest {{ arguments }}

# The mutation score of ledger/ and decisions/, up to an hour of one core; a mutant's name tries that one alone.
mutate *arguments:
    mutmut run {{ arguments }}
    mutmut results

# The benchmarks, each with its floor in the same run.
bench *arguments:
    python benchmarks/run.py {{ arguments }}
