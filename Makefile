# `make` lists what can be asked for. The work itself stands in hack/, a script a target.
# CLUSTER=node|kind|existing|none and KUBERNETES=1.37|1.34 choose where; both may follow any target.
SHELL := bash
.DEFAULT_GOAL := help
export CLUSTER ?= node
ifdef KUBERNETES
export KUBERNETES
endif
HELM := PATH="$(CURDIR)/.tools/bin:$$PATH" helm

.PHONY: help
help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'
	@printf '\nCLUSTER=node (default), kind, existing (KUBECONFIG) or none; KUBERNETES=1.37 (default) or 1.34\n'

.PHONY: tools
tools: ## Build helm, the charts' checkers, cargo-deny and the node's programs into .tools/
	@hack/tools.sh

.PHONY: node-up
node-up: ## Start a Kubernetes node here (seconds, once the tools are built)
	@hack/cluster/up.sh

.PHONY: node-down
node-down: ## Remove it and everything it made
	@hack/cluster/down.sh

.PHONY: images
images: ## Build the images and load them into the cluster
	@hack/images.sh

.PHONY: charts
charts: ## Fetch the charts' dependencies from their neighbours
	@hack/tools.sh helm
	@for chart in charts/*/ examples/*/ examples/*/*/; do \
	  if grep -qs '^dependencies:' $$chart/Chart.yaml; then \
	    echo "helm dependency build $$chart"; $(HELM) dependency build $$chart >/dev/null || exit 1; \
	  fi; \
	done

.PHONY: fmt
fmt: ## Format the Rust code
	@cargo fmt --all

.PHONY: lint
lint: ## Clippy and shellcheck, warnings as errors
	@cargo fmt --all --check
	@cargo clippy --workspace --all-targets -- -D warnings
	@find hack .ci -name '*.sh' -o -path .ci/run 2>/dev/null | xargs shellcheck -x

.PHONY: check
check: ## All that needs no cluster: formats, lints, unit and chart tests
	@hack/check.sh

.PHONY: test
test: ## check, then every promise once on one cluster
	@hack/test.sh

.PHONY: test-full
test-full: ## test in its long versions: Kubernetes 1.34 too, many seeds
	@hack/test-full.sh

.PHONY: test-node
test-node: ## Only the tests on a node
	@hack/test-node.sh

.PHONY: matrix
matrix: ## The node tests on every Kubernetes there is a node for, one after the other
	@hack/matrix.sh

.PHONY: fuzz
fuzz: ## Mutated input to the injector; SECONDS=60 (default), 3600 before a release
	@hack/fuzz.sh $(SECONDS)

.PHONY: soak
soak: ## Agents come and go while all of ours is ended on the way; SECONDS=1800 (default), hours before a release
	@hack/soak.sh $(SECONDS)

.PHONY: bench
bench: ## Every figure beside its goal, for a quiet machine; fails when one is missed, and no test runs it
	@missed=; for part in hack/bench/*.sh; do echo "$$part"; $$part || missed="$$missed $$part"; done; \
	if [ -n "$$missed" ]; then echo "missed:$$missed" >&2; exit 1; fi

.PHONY: demo
demo: ## A watched agent, its posts as they arrive, and a summary
	@hack/demo.sh

.PHONY: ct
ct: ## chart-testing's lint over the charts
	@hack/ct.sh

.PHONY: package
package: ## The charts as archives in .cache/charts
	@hack/release.sh package

.PHONY: release-images release-manifests release-charts
release-images: ## For a release: this architecture's images, pushed to REGISTRY
	@hack/release.sh images
release-manifests: ## For a release: both architectures under one name, contents and signatures
	@hack/release.sh manifests
release-charts: ## For a release: the charts, pushed to REGISTRY and signed
	@hack/release.sh charts

.PHONY: clean
clean: ## Remove the node and all that was built, but the tools
	@hack/cluster/down.sh
	@rm -rf .cache target charts/*/charts
