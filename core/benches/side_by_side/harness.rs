//! Times cases in turn, so that what slows the machine down for a while slows all of them.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use rayon::ThreadPool;

/// A case is repeated for so long in each round, so that the clock does not matter.
const ROUND: Duration = Duration::from_millis(4);

/// What one call does, into a buffer that all cases use in turn; it returns a count of bytes.
type Call<'a> = Box<dyn FnMut(&mut [u8]) -> u64 + 'a>;

pub(crate) struct Case<'a> {
    /// Who does it: `libseal`, or what it is compared with.
    who: &'static str,
    operation: String,
    size: u64,
    threads: usize,
    call: Call<'a>,
    /// What the last call returned.
    count: u64,
}

impl<'a> Case<'a> {
    pub(crate) fn new(
        who: &'static str,
        operation: impl Into<String>,
        size: usize,
        call: impl FnMut(&mut [u8]) -> u64 + 'a,
    ) -> Self {
        Self {
            who,
            operation: operation.into(),
            size: size as u64,
            threads: 1,
            call: Box::new(call),
            count: 0,
        }
    }

    /// Each call runs in the pool, or on the calling thread alone.
    pub(crate) fn in_pool(
        pool: Option<&'a ThreadPool>,
        who: &'static str,
        operation: impl Into<String>,
        size: usize,
        mut call: impl FnMut(&mut [u8]) -> u64 + Send + 'a,
    ) -> Self {
        let Some(pool) = pool else {
            return Self::new(who, operation, size, call);
        };
        let lent = move |out: &mut [u8]| pool.install(|| call(out));
        Self {
            threads: pool.current_num_threads(),
            ..Self::new(who, operation, size, lent)
        }
    }

    fn time(&mut self, out: &mut [u8], calls: u32) -> Duration {
        let start = Instant::now();
        for _ in 0..calls {
            self.count = black_box((self.call)(out));
        }
        start.elapsed() / calls
    }

    fn calls_in_a_round(&mut self, out: &mut [u8]) -> u32 {
        // The first call touches the memory; where it takes long anyway, that is all there is to know.
        if self.time(out, 1) > 10 * ROUND {
            return 1;
        }
        let once = self.time(out, 1).as_nanos().max(1);
        u32::try_from(ROUND.as_nanos() / once).map_or(1, |calls| calls.clamp(1, 100_000))
    }

    fn print(&self, provider: &str, rounds: &[Duration]) {
        let seconds: Vec<_> = rounds
            .iter()
            .map(|round| round.as_secs_f64().to_string())
            .collect();
        println!(
            r#"{{"language": "Rust", "who": "{}", "provider": "{provider}", "operation": "{}", "size": {}, "threads": {}, "count": {}, "seconds": [{}]}}"#,
            self.who,
            self.operation,
            self.size,
            self.threads,
            self.count,
            seconds.join(", ")
        );
    }
}

/// Prints a line of JSON for each case.
pub(crate) fn measure(provider: &str, mut cases: Vec<Case<'_>>, out_len: usize, rounds: usize) {
    let mut out = vec![1; out_len];
    let calls: Vec<_> = cases
        .iter_mut()
        .map(|case| case.calls_in_a_round(&mut out))
        .collect();
    let mut times = vec![Vec::new(); cases.len()];
    for _ in 0..rounds {
        for ((case, calls), times) in cases.iter_mut().zip(&calls).zip(&mut times) {
            times.push(case.time(&mut out, *calls));
        }
    }
    for (case, times) in cases.iter().zip(&times) {
        case.print(provider, times);
    }
}
