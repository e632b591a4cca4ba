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

# Packs for an ecosystem, with the libraries for the targets. The folder in the archive is called as the
# package is: ESP-IDF takes the one for the other.
define device_package
	$(call heading,Package for $(1))
	@ffi-c/package/stage.sh $(1) '$(version)' '$(build)' '$(build)/package/$(1)/libseal' $(2)
	@SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) tests/packages/pack.sh \
	    '$(build)/package/$(1)/libseal' dist/libseal-$(1)-$(version).tar.gz
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
