# Thin targets; each installs what it needs that is missing.
.PHONY: run test bench packages players

run:
	docker/install-packages.sh build run
	cargo run --release --locked

test: packages players
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --locked
	cargo test --locked
	cargo build --locked
	node --test --test-concurrency=1 tests/*.test.mjs

bench: packages players
	cargo build --release --locked
	cargo bench --locked --bench '*'
	node benches/latency.mjs

packages:
	docker/install-packages.sh build run test

players: tests/players/node_modules/.installed

tests/players/node_modules/.installed: tests/players/package-lock.json | packages
	npm ci --prefix tests/players --ignore-scripts --no-audit --no-fund
	touch $@
