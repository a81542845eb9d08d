# `make help` lists what there is.

PREFIX  ?= /usr/local
DESTDIR ?=
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

# What "make charm" packs, for which architecture and into which directory.
CHARM_FILE    ?= charm/charmcraft.yaml
CHARM_PROGRAM ?= ./cmd/lxd-pool-charm
CHARM_ARCH    ?= amd64
CHARM_OUT     ?= build/charm

# Where things go, below DESTDIR. systemd and its friends do not look in every PREFIX.
bindir      := $(PREFIX)/bin
mandir      := $(PREFIX)/share/man/man1
bashdir     := $(PREFIX)/share/bash-completion/completions
zshdir      := $(PREFIX)/share/zsh/site-functions
fishdir     := $(PREFIX)/share/fish/vendor_completions.d
unitdir     := $(if $(filter /usr,$(PREFIX)),/usr/lib/systemd/system,/etc/systemd/system)
sysusersdir := $(if $(filter /usr,$(PREFIX)),/usr/lib/sysusers.d,/etc/sysusers.d)

staticcheck := honnef.co/go/tools/cmd/staticcheck@v0.8.2
scripts     := tests/lib/* tests/spread/lib/* .ci/run
systemd     := cmd/lxd-poold/systemd

# A recipe begins with $(go): it puts a Go that is new enough first in PATH, or stops with what to do.
go = set -e; go=$$(tests/lib/go-up); export PATH="$${go%/*}:$$PATH";

.DEFAULT_GOAL := build
.PHONY: snap snap/tree snap/version charm charm/kubernetes charm/tree charm/tree/kubernetes build build/man test quickstart stop bench lint docs install uninstall clean help

build: ## build bin/lxd-pool and bin/lxd-poold
	@$(go) go build -trimpath -ldflags '-X main.version=$(VERSION)' -o bin/ ./cmd/lxd-pool ./cmd/lxd-poold

test: ## run every check, on a real LXD that is set up if it is missing
	@tests/lib/test

quickstart: ## set up LXD, start the daemon, fill a pool, lease a container and give it back
	@tests/lib/quickstart

stop: ## undo quickstart
	@tests/lib/stop

bench: build ## measure beside LXD's own tools, on a real LXD, and write docs/benchmarks.md
	@tests/lib/lxd-up
	@tests/lib/lxd-images
	@$(go) go run ./tests/bench

lint: ## gofmt, go vet, staticcheck, and shellcheck where it is installed
	@$(go) unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "not gofmt'ed: $$unformatted"; exit 1; }; \
	  go vet ./...; go run $(staticcheck) ./...; \
	  if command -v shellcheck >/dev/null; then shellcheck -x $(scripts); fi

docs: build ## write the reference of the commands into docs/reference/cli
	@rm -rf docs/reference/cli
	@bin/lxd-pool docs docs/reference/cli

snap: ## pack the snap into build/snap, with snapcraft if it is there, else with snapd's own packer
	@tests/lib/snap-pack

# What is in the snap but for its metadata, below TREE. The part in snap/snapcraft.yaml makes it too.
snap/tree:
	@[ -n '$(TREE)' ] || { echo 'name the directory with TREE='; exit 1; }
	@$(go) export CGO_ENABLED=0; mkdir -p '$(TREE)/bin'; \
	  build() { go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o "$$@"; }; \
	  build '$(TREE)/bin/' ./cmd/lxd-pool ./cmd/lxd-poold; build '$(TREE)/bin/lxd-pool-hook' ./hooks
	@mkdir -p '$(TREE)/share/bash-completion' '$(TREE)/snap/hooks'
	@'$(TREE)/bin/lxd-pool' completion bash >'$(TREE)/share/bash-completion/lxd-pool'
	@for hook in $$('$(TREE)/bin/lxd-pool-hook' list); do ln -sfn ../../bin/lxd-pool-hook '$(TREE)/snap/hooks/'$$hook; done

snap/version: # at most 32 characters, as snapd wants it
	@echo '$(VERSION)' | cut -c 1-32

charm: ## pack the charm into build/charm, with charmcraft if it is there; CHARM_ARCH=arm64 for the other one
	@CHARM_FILE='$(CHARM_FILE)' CHARM_PROGRAM='$(CHARM_PROGRAM)' CHARM_ARCH='$(CHARM_ARCH)' CHARM_OUT='$(CHARM_OUT)' \
	  VERSION='$(VERSION)' tests/lib/charm-pack

kubernetes := CHARM_FILE=charm/kubernetes/charmcraft.yaml CHARM_PROGRAM=./cmd/lxd-pool-k8s-charm

charm/kubernetes: ## pack the charm for Kubernetes into build/charm, in the same way
	@$(MAKE) -s charm $(kubernetes)

# What is in a charm but for its metadata, below TREE. The part in its charmcraft.yaml makes it too. Beside a program
# under another licence than ours is the text of that one.
charm/tree:
	@[ -n '$(TREE)' ] || { echo 'name the directory with TREE='; exit 1; }
	@mkdir -p '$(TREE)'
	@$(go) CGO_ENABLED=0 GOOS=linux GOARCH='$(CHARM_ARCH)' \
	  go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o '$(TREE)/dispatch' '$(CHARM_PROGRAM)'
	@echo '$(VERSION)' >'$(TREE)/version'
	@install -m 644 charm/icon.svg '$(dir $(CHARM_FILE))README.md' LICENSE $(wildcard $(CHARM_PROGRAM)/COPYING) '$(TREE)'

charm/tree/kubernetes:
	@$(MAKE) -s charm/tree $(kubernetes)

build/man: build
	@rm -rf build; mkdir -p build/completion
	@for shell in bash zsh fish; do bin/lxd-pool completion $$shell >build/completion/$$shell; done
	@bin/lxd-pool man build/man

install: build/man ## install programs, man pages, completions and units below DESTDIR and PREFIX
	install -D -m 755 -t $(DESTDIR)$(bindir) bin/lxd-pool bin/lxd-poold
	install -D -m 644 -t $(DESTDIR)$(mandir) build/man/*.1
	install -D -m 644 build/completion/bash $(DESTDIR)$(bashdir)/lxd-pool
	install -D -m 644 build/completion/zsh $(DESTDIR)$(zshdir)/_lxd-pool
	install -D -m 644 build/completion/fish $(DESTDIR)$(fishdir)/lxd-pool.fish
	install -D -m 644 $(systemd)/lxd-pool.sysusers $(DESTDIR)$(sysusersdir)/lxd-pool.conf
	install -D -m 644 -t $(DESTDIR)$(unitdir) $(systemd)/lxd-poold.service $(systemd)/lxd-poold.socket
	sed -i 's|/usr/bin/|$(bindir)/|' $(DESTDIR)$(unitdir)/lxd-poold.service

uninstall: ## remove what install installed; state and group stay
	rm -f $(addprefix $(DESTDIR)$(bindir)/,lxd-pool lxd-poold) $(DESTDIR)$(mandir)/lxd-pool*.1
	rm -f $(DESTDIR)$(bashdir)/lxd-pool $(DESTDIR)$(zshdir)/_lxd-pool $(DESTDIR)$(fishdir)/lxd-pool.fish
	rm -f $(DESTDIR)$(sysusersdir)/lxd-pool.conf $(addprefix $(DESTDIR)$(unitdir)/,lxd-poold.service lxd-poold.socket)

clean: ## remove what build and install made in the tree
	rm -rf bin build

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "%-12s %s\n", $$1, $$2}' Makefile
