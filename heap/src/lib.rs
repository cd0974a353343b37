//! Two calls of glibc's allocator that no safe crate offers, in a package of their own, because the program itself forbids
//! unsafe code. Rust, GStreamer and the encoders all allocate there. With another C library both functions do nothing.

/// Allocates blocks of at least `bytes` directly from the operating system, so that they return there as soon as they are
/// freed. Without this call glibc raises its threshold to the size of the largest block that was freed. Says whether glibc
/// takes the value.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "a call of the C library")]
pub fn set_mmap_threshold(bytes: i32) -> bool {
    // SAFETY: mallopt takes no pointers. It sets an integer while it holds the allocator's lock.
    unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, bytes) == 1 }
}

/// Returns whole pages that are free to the operating system. Meanwhile, threads that allocate may wait for milliseconds. Says
/// whether any were free.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "a call of the C library")]
pub fn trim() -> bool {
    // SAFETY: malloc_trim takes no pointers, may be called by any thread, and leaves allocated blocks alone.
    unsafe { libc::malloc_trim(0) == 1 }
}

/// Does nothing: only glibc has this setting.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub const fn set_mmap_threshold(_bytes: i32) -> bool {
    false
}

/// Does nothing: only glibc has this call.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub const fn trim() -> bool {
    false
}
