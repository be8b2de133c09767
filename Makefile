# Everything a newcomer types. Each target may be run again; the second time is quick.
#   make run      install what is missing, build, fetch the default model, start studio
#   make test     install what tests need, build, run them all, counts last
#   make show-X   the long form of one promise (make show lists them)
#   make test-sanitizers   all of it under the address, undefined-behaviour and thread sanitizers (an hour and a half)
SHELL := /bin/bash
.PHONY: run build test test-sanitizers show format bench clean help

help:
	@sed -n 's/^#   //p' Makefile

build:
	@scripts/build.sh

run:
	@scripts/run.sh $(ARGS)

test:
	@scripts/build.sh --tests
	@python3 tests/run.py $(SUITES)

test-sanitizers:
	@scripts/build.sh --tests
	@tests/sanitizers/all.py $(KINDS)

show:
	@python3 tests/run.py --list

show-%:
	@scripts/build.sh --tests
	@python3 tests/run.py --show $*

bench:
	@scripts/build.sh --bench
	@bench/run.sh $(ARGS)

format:
	@git ls-files '*.cc' '*.h' | xargs clang-format-19 -i

clean:
	@rm -rf build
