//! What a reader may take: memory is counted, not guessed.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use packhorse_core::job::JobType;
use packhorse_core::manifest::{MANIFEST_BYTES_MAX, read};

/// Counts what is allocated now, and the most there ever was.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);
/// All tests of this binary share the counters, so each holds this.
static ALONE: Mutex<()> = Mutex::new(());

/// Waits for the other tests; one that failed does not matter.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

// SAFETY: every call is handed to the system's allocator unchanged.
#[allow(
    unsafe_code,
    reason = "an allocator that counts cannot be written without"
)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(now, Ordering::Relaxed);
        // SAFETY: the caller's promise is the system allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is the system allocator's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What a manifest of a megabyte may take while it is read.
const BYTES_MAX: usize = 160 * 1024 * 1024;

fn filled(unit: &str) -> String {
    unit.repeat(MANIFEST_BYTES_MAX / unit.len())
}

#[test]
fn no_manifest_takes_more_memory_than_a_fixed_multiple_of_its_limit() {
    let _alone = alone();
    let keys: String = (0..100_000).map(|n| format!("k{n}: \n")).collect();
    let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
    for n in 1..30 {
        let before = n - 1;
        bomb += &format!("a{n}: &a{n} [{}]\n", format!("*a{before},").repeat(9));
    }
    for (name, text) in [
        (
            "a scalar of a megabyte",
            format!("bucket: {}", "x".repeat(MANIFEST_BYTES_MAX - 8)),
        ),
        (
            "100,000 keys",
            keys[..keys.len().min(MANIFEST_BYTES_MAX)].to_owned(),
        ),
        ("an alias bomb", bomb),
        ("deep lists", filled("[")),
        ("deep mappings", filled("{a: ")),
        ("nested dashes", filled("- ")),
        ("commas", format!("[{}", "a,".repeat(49_000))),
        ("missing blanks", filled("bucket:x\n")),
        (
            "sets",
            format!("operations:\n{}", "  - exportBucket: abc\n".repeat(40_000)),
        ),
        (
            "unknown members",
            format!("customs:\n{}", "  k: 1\n".repeat(100_000)),
        ),
    ] {
        let job_type = match name {
            "sets" => JobType::Export,
            _ => JobType::Import,
        };
        let before = NOW.load(Ordering::Relaxed);
        MOST.store(before, Ordering::Relaxed);
        let answer = read(&text, job_type).unwrap_err();
        let taken = MOST.load(Ordering::Relaxed) - before;
        assert!(taken < BYTES_MAX, "{name} takes {} MB", taken >> 20);
        assert!(answer.len() <= 300, "{name}: {} problems", answer.len());
    }
}
