# Packages for those who build with ESP-IDF, PlatformIO, Zephyr or Conan, in dist/.

esp_idf_targets := \
    riscv32imc-unknown-none-elf \
    riscv32imac-unknown-none-elf \
    riscv32imafc-unknown-none-elf

device_targets := \
    thumbv6m-none-eabi \
    thumbv7m-none-eabi \
    thumbv7em-none-eabi \
    thumbv7em-none-eabihf \
    thumbv8m.base-none-eabi \
    thumbv8m.main-none-eabi \
    thumbv8m.main-none-eabihf \
    $(esp_idf_targets)

# The folder in an archive is called as the package is: ESP-IDF takes the one for the other.
define pack_package
	@SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) tests/packages/pack.sh '$(build)/package/$(1)/libseal' \
	    dist/libseal-$(1)-$(version).tar.gz
endef

# Packs for an ecosystem of devices, with the libraries for the targets.
define device_package
	$(call heading,Package for $(1))
	@ffi-c/package/stage.sh $(1) '$(version)' '$(build)' '$(build)/package/$(1)/libseal' $(2)
	$(pack_package)
endef

.PHONY: dist-esp-idf
dist-esp-idf: $(addprefix lib-,$(esp_idf_targets))  ## Pack the component for ESP-IDF, with libraries for its RISC-V chips
	$(call device_package,esp-idf,$(esp_idf_targets))

.PHONY: dist-platformio
dist-platformio: $(addprefix lib-,$(device_targets))  ## Pack the library for PlatformIO, with libraries for Cortex-M and RISC-V
	$(call device_package,platformio,$(device_targets))

.PHONY: dist-zephyr
dist-zephyr: $(addprefix lib-,$(device_targets))  ## Pack the module for Zephyr, with libraries for Cortex-M and RISC-V
	$(call device_package,zephyr,$(device_targets))

# What the C library is built of. Of the Python package only the manifest and what cargo looks for beside it.
conan_sources := Cargo.toml Cargo.lock LICENSE-APACHE LICENSE-MIT core include py/Cargo.toml py/src/lib.rs \
    ffi-c/Cargo.toml ffi-c/*.rs ffi-c/src ffi-c/header ffi-c/hide_symbols.sh ffi-c/package

.PHONY: dist-conan
dist-conan:  ## Pack the recipe for Conan, with the sources of the C library
	$(call heading,Package for conan)
	@git ls-files --error-unmatch Cargo.toml >/dev/null 2>&1 || { \
	    echo "the sources are those that git knows: clone the repository with git" >&2; exit 1; }
	@ffi-c/package/stage.sh conan '$(version)' '$(build)' '$(build)/package/conan/libseal'
	@mkdir -p '$(build)/package/conan/libseal/sources' && git ls-files -z $(conan_sources) | \
	    xargs -0 cp -P --parents -t '$(build)/package/conan/libseal/sources'
	$(call pack_package,conan)

.PHONY: test-ecosystems
test-ecosystems:
	@missing=$$(PYTHON=$(PYTHON) tests/missing_packages.sh ecosystems); if [ -z "$$missing" ]; then $(MAKE) ecosystems; else \
	    echo "skipped: the ecosystems; to test them as well: sudo apt-get install -y $$missing"; fi

.PHONY: ecosystems
ecosystems: lib dist-esp-idf dist-platformio dist-zephyr dist-conan $(python_ready) $(packaging_ready)  ## Test the packages for ESP-IDF, PlatformIO, Zephyr and Conan with the tools of each
	$(call heading,Ecosystems)
	PACKAGES=$(PACKAGES) LIBSEAL_RELEASE=$(release) $(python) -m pytest -n logical --dist loadfile tests/ecosystems
	@mkdir -p build/release && printf 'libseal-%s-$(version).tar.gz\t%s\t%s\n' \
	    esp-idf 'ESP32-C2, C3, C5, C6, C61, H2, P4' 'packed with compote; example run with stubs of ESP-IDF; no chip' \
	    platformio 'Cortex-M, 32-bit RISC-V' 'packed with pio; projects built with pio run in QEMU; no board' \
	    zephyr 'Cortex-M, 32-bit RISC-V' "west, Kconfig; $(if $(ZEPHYR_BASE),sample run in QEMU,no Zephyr here to build the sample); no board" \
	    conan 'the Linux that it is built on' 'conan create with test_package, static and shared' > build/release/ecosystems.tsv
