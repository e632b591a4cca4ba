//! Addition in GF(2).

/// Adds `mask` to `out`, up to the end of the shorter one.
#[inline(never)]
pub(crate) fn xor(out: &mut [u8], mask: &[u8]) {
    let len = out.len().min(mask.len());
    let (out, _) = out.split_at_mut(len);
    let (mask, _) = mask.split_at(len);
    let (out_words, out) = out.as_chunks_mut();
    let (mask_words, mask) = mask.as_chunks();
    for (out, mask) in out_words.iter_mut().zip(mask_words) {
        *out = (u32::from_ne_bytes(*out) ^ u32::from_ne_bytes(*mask)).to_ne_bytes();
    }
    for (out, mask) in out.iter_mut().zip(mask) {
        *out ^= mask;
    }
}
