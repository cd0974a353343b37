# Thin targets; each installs what it needs that is missing.
.PHONY: run test test-cluster kubernetes image cluster bench packages players schemathesis

run:
	docker/install-packages.sh build run
	cargo run --release --locked

test: packages players schemathesis
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --locked
	cargo test --locked
	node --test --test-concurrency=1 tests/*.test.mjs

# What takes longer, or changes the machine.
test-cluster: kubernetes image cluster

kubernetes: tests/kubernetes/venv/.installed
	tests/kubernetes/venv/bin/python -m unittest discover -s tests/kubernetes

image: tests/kubernetes/venv/.installed
	docker/install-packages.sh image-test
	docker/test-image.sh

# As root, for network namespaces.
cluster: packages players
	docker/install-packages.sh cluster
	cargo build --release --locked
	BARSTONE_BIN=$(CURDIR)/target/release/barstone tests/cluster/run.sh

bench: packages players
	cargo build --release --locked
	cargo bench --locked --bench '*'
	node benches/latency.mjs
	node benches/edge.mjs

packages:
	docker/install-packages.sh build run test

players: tests/players/node_modules/.installed

tests/players/node_modules/.installed: tests/players/package-lock.json | packages
	npm ci --prefix tests/players --ignore-scripts --no-audit --no-fund
	touch $@

schemathesis: tests/schemathesis/venv/.installed

tests/schemathesis/venv/.installed: tests/schemathesis/requirements.txt | packages
	python3 -m venv --clear tests/schemathesis/venv
	tests/schemathesis/venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	touch $@

tests/kubernetes/venv/.installed: tests/kubernetes/requirements.txt | packages
	python3 -m venv --clear tests/kubernetes/venv
	tests/kubernetes/venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	command -v kubectl >/dev/null || command -v kustomize >/dev/null \
		|| GOBIN=$(CURDIR)/tests/kubernetes/venv/bin go install sigs.k8s.io/kustomize/kustomize/v5@v5.5.0
	touch $@
