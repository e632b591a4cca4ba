# Everything that is given away, in dist/.

commit := $(shell git rev-parse HEAD 2>/dev/null)

.PHONY: release
release: release-tree release-tools  ## Build, test and list everything that is given away, in dist
	rm -rf dist build/release build/wheels/ready
	$(MAKE) source wheels sdist crate dist-esp-idf dist-platformio dist-zephyr dist-conan
	@for target in $(release_targets); do $(MAKE) dist-c TARGET=$$target || exit; done
	$(MAKE) firmware DEVICES=all
	$(MAKE) test-wheels test-crate test-c-packages test-ecosystems
	$(call heading,Release)
	@$(tools) -m tests.packages.release --dist dist --tests build/release --version $(version) --commit $(commit)

.PHONY: test-packages
test-packages: export PACKAGES = quick
test-packages:  ## Test what is given away, in a short form: packages for this machine, and for devices
	$(MAKE) test-wheels test-crate test-c-packages test-ecosystems
	$(call heading,List of packages)
	$(tools) -m pytest tests/packages

# What is released can be made again from its commit.
.PHONY: release-tree
release-tree:
	@test -n '$(commit)' || { echo "a release is made from a commit: clone the repository with git" >&2; exit 1; }
	@changed=$$(git status --porcelain); test -z "$$changed" || { \
	    printf 'a release is made from a commit: commit or remove these first:\n%s\n' "$$changed" >&2; exit 1; }

# Now, and not after half an hour.
.PHONY: release-tools
release-tools:
	@missing=$$(DEVICES=all PYTHON=$(PYTHON) tests/missing_packages.sh all); test -z "$$missing" || { \
	    echo "tools for a release are missing; install them: sudo apt-get install -y $$missing" >&2; exit 1; }
	@for target in $(wheel_targets); do $(call need_std,$$target); done

# For those who build it themselves, and for Yocto. Only what is committed.
.PHONY: source
source:  ## Pack the sources in dist
	@test -n '$(commit)' || { echo "the sources are packed from a commit: clone the repository with git" >&2; exit 1; }
	@mkdir -p dist
	git archive --format=tar --prefix=libseal-source-$(version)/ --output=dist/source.tar HEAD
	gzip -9n <dist/source.tar >dist/libseal-source-$(version).tar.gz.part
	@mv dist/libseal-source-$(version).tar.gz.part dist/libseal-source-$(version).tar.gz && rm dist/source.tar
