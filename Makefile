# Each target installs the packages that it needs.
.PHONY: run test lint test-rust test-rust-long test-rust-alone test-check-long test-players test-plays test-plays-alone soak test-cluster kubernetes helm image image-full cluster package deb bench program packages players schemathesis aiortc vmaf

# Where `make run` stores streams and the API token.
STATE = $${BARSTONE_STATE_DIR:-$${XDG_STATE_HOME:-$$HOME/.local/state}/barstone}
TIMED = node tests/timed.mjs run
LONG_TEST = replicas_publish_the_same_bytes
ALONE_TESTS = all_four_manifests_keep each_condition_of each_fault_of this_server_breaks_no_rule clients_of_all_formats_play \
	faults_of_this_server nothing_is_lost_on_the_way added_latency segments_are_as_defined requests_for_much_of_the_past
LONGEST = tests/edge.test.mjs
ALONE = tests/check_edge.test.mjs tests/check_others.test.mjs tests/low_latency.test.mjs tests/page.test.mjs tests/play.test.mjs tests/probe.test.mjs tests/whep.test.mjs tests/whep_network.test.mjs

run:
	docker/install-packages.sh build run
	BARSTONE_STATE_DIR="$(STATE)" cargo run --release --locked

test: packages players schemathesis aiortc vmaf
	node tests/timed.mjs begin
	cargo fmt --check
	cargo test --locked --no-run
	$(MAKE) lint test-rust test-rust-long test-rust-alone test-players
	node tests/timed.mjs report

# With `--examples` (there are none), Cargo chooses the same features of dependencies as for tests, so that it does not compile
# dependencies twice. Beside a compiler, tests are late.
lint:
	nice cargo clippy --quiet --all-targets --locked -- -D warnings
	RUSTDOCFLAGS='-D warnings' nice cargo doc --quiet --no-deps --lib --bins --examples --locked

# One test more than there are cores, because many tests wait. With two tests per core, slow machines encode late.
test-rust: export RUST_TEST_THREADS ?= $(shell expr 1 + $$(nproc))
test-rust:
	$(TIMED) cargo test --locked --no-fail-fast -- --skip $(LONG_TEST) $(ALONE_TESTS:%=--skip %)

# Compares the media of replicas for two minutes. Three processes encode 33 streams, so nothing runs beside this test.
test-rust-long:
	$(TIMED) cargo test --locked --test replicas -- $(LONG_TEST)

# Tests that judge when a server answers, or that it answers every client: beside nothing else, because on a busy machine a
# server is late, and skips segments.
test-rust-alone: export RUST_TEST_THREADS ?= 1
test-rust-alone:
	$(TIMED) cargo test --locked --no-fail-fast --test check --test low_latency --test program -- $(ALONE_TESTS)

# Checks all formats under all conditions, and both shipped caches, for two minutes each instead of seconds.
test-check-long: export CHECK_SECONDS ?= 120
test-check-long: packages players
	cargo test --locked --test check -- each_condition_of
	node --test tests/check_edge.test.mjs

test-players: test-plays test-plays-alone

# Tests with small pictures: two files at a time, the longest file first.
test-plays:
	$(TIMED) node tests/plays.mjs 2 $(LONGEST) $(filter-out $(LONGEST) $(ALONE),$(wildcard tests/*.test.mjs))

# Tests that judge latency and stalls of the default stream: one file at a time.
test-plays-alone:
	$(TIMED) node tests/plays.mjs 1 $(ALONE)

# Runs the same tests ten times, and prints how often each test failed.
soak: packages players schemathesis aiortc vmaf
	node tests/timed.mjs begin
	cargo test --locked --no-run
	tests/soak.sh 10

# Tests that take longer, or that need root.
test-cluster: kubernetes image cluster

kubernetes: tests/kubernetes/venv/.installed tests/kubernetes/venv/bin/compose-spec
	tests/kubernetes/venv/bin/python -m unittest discover -s tests/kubernetes

# Tests the chart with Helm. A build of Helm takes minutes, so no other target calls this one.
helm: tests/kubernetes/venv/.installed
	command -v helm >/dev/null || [ -x tests/kubernetes/venv/bin/helm ] \
		|| GOBIN=$(CURDIR)/tests/kubernetes/venv/bin go install helm.sh/helm/v3/cmd/helm@v3.19.0
	PATH="$$PATH:$(CURDIR)/tests/kubernetes/venv/bin" PYTHONPATH=tests/kubernetes \
		tests/kubernetes/venv/bin/python -m unittest discover -s tests/helm

# Tests images with the program that the tests use, in place of the Dockerfile's first stage.
image: tests/kubernetes/venv/.installed program
	docker/install-packages.sh image-test
	docker/test-image.sh "$${BARSTONE_BIN:-target/debug/barstone}"

# Tests images with the program that the Dockerfile builds.
image-full: tests/kubernetes/venv/.installed
	docker/install-packages.sh image-test
	docker/test-image.sh

# Needs root, for network namespaces.
cluster: packages players program
	docker/install-packages.sh cluster
	tests/cluster/run.sh

# Installs the Debian package, with the program that the tests use, in fresh roots. Needs root, and Debian 12 as this system.
package: program
	docker/install-packages.sh image-test
	packages/debian/test.sh "$${BARSTONE_BIN:-target/debug/barstone}" bookworm trixie

# The Debian package for this system.
deb:
	docker/install-packages.sh build run
	cargo build --profile dist --locked
	packages/debian/build.sh target/dist/barstone .

# The program that the tests use, with their features of dependencies (see `lint`), so that Cargo compiles them once.
program: packages
	[ -n "$$BARSTONE_BIN" ] || cargo build --locked --bins --examples

# Writes docs/measurements.md. BENCH="archive http" runs these benches alone.
bench: packages players
	cargo build --profile dist --locked
	node benches/run.mjs $(BENCH)

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

aiortc: tests/aiortc/venv/.installed

tests/aiortc/venv/.installed: tests/aiortc/requirements.txt | packages
	python3 -m venv --clear tests/aiortc/venv
	tests/aiortc/venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	touch $@

vmaf: tests/vmaf/venv/.installed

# An ffmpeg with libvmaf, which Debian's lacks, as tests/vmaf/venv/bin/ffmpeg.
tests/vmaf/venv/.installed: tests/vmaf/requirements.txt | packages
	python3 -m venv --clear tests/vmaf/venv
	tests/vmaf/venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	ln -s $$(tests/vmaf/venv/bin/python -c 'import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())') tests/vmaf/venv/bin/ffmpeg
	touch $@

tests/kubernetes/venv/.installed: tests/kubernetes/requirements.txt | packages
	python3 -m venv --clear tests/kubernetes/venv
	tests/kubernetes/venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	command -v kubectl >/dev/null || command -v kustomize >/dev/null \
		|| GOBIN=$(CURDIR)/tests/kubernetes/venv/bin go install sigs.k8s.io/kustomize/kustomize/v5@v5.5.0
	touch $@

# The validator of the Compose Specification, which "docker compose" calls as well.
tests/kubernetes/venv/bin/compose-spec: | tests/kubernetes/venv/.installed
	GOBIN=$(CURDIR)/tests/kubernetes/venv/bin go install github.com/compose-spec/compose-go/v2/cmd@v2.16.2
	mv tests/kubernetes/venv/bin/cmd $@
