/* The public key, as it came from `aws kms get-public-key`, in the flash. */
    .section .rodata.public_key, "a"
    .global public_key, public_key_end
public_key:
    .incbin KEY
public_key_end:
