//! Deterministic parallel loops over scoped threads.
//!
//! Work is cut into chunks whose size does not depend on the number of threads; every chunk
//! writes only what is its own, and results come back in the order of the chunks. So the number
//! of threads can change the time and nothing else. With one thread no thread is started, which
//! is also how this runs where there are none (wasm).

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::control::Control;
use crate::error::{Error, ErrorKind, Result};

/// What the loops need to know from the caller.
#[derive(Clone, Copy)]
pub(crate) struct Workers<'a> {
    pub(crate) threads: usize,
    pub(crate) control: &'a Control<'a>,
}

impl Workers<'_> {
    /// Runs `work` on every task of `tasks`, in any order, and returns the results in the order
    /// of the tasks. `scratch` makes one reusable buffer a thread. Stops at the first error or
    /// when cancelled.
    pub(crate) fn map<T, S, R>(
        &self,
        stage: &str,
        tasks: Vec<T>,
        scratch: impl Fn() -> S + Sync,
        work: impl Fn(usize, T, &mut S) -> Result<R> + Sync,
    ) -> Result<Vec<R>>
    where
        T: Send,
        R: Send,
    {
        let total = tasks.len();
        // Where threads cannot be started, the results are the same with one.
        let threads = if cfg!(target_family = "wasm") {
            1
        } else {
            self.threads
        };
        let step = (total / 100).max(1);
        if threads <= 1 || total <= 1 {
            let mut buffer = scratch();
            let mut results = Vec::with_capacity(total);
            for (i, task) in tasks.into_iter().enumerate() {
                self.control.check()?;
                results.push(work(i, task, &mut buffer)?);
                if (i + 1) % step == 0 || i + 1 == total {
                    self.control.report(stage, i as u64 + 1, total as u64);
                }
            }
            return Ok(results);
        }

        let queue = Mutex::new(tasks.into_iter().enumerate());
        let done = Mutex::new((Vec::<Option<R>>::new(), 0usize));
        lock(&done).0.resize_with(total, || None);
        let failure: Mutex<Option<Error>> = Mutex::new(None);
        let stop = AtomicBool::new(false);
        let run = || {
            let mut buffer = scratch();
            while !stop.load(Ordering::Relaxed) {
                let Some((i, task)) = lock(&queue).next() else {
                    return;
                };
                match self
                    .control
                    .check()
                    .and_then(|()| work(i, task, &mut buffer))
                {
                    Ok(result) => {
                        let finished = {
                            let mut done = lock(&done);
                            if let Some(slot) = done.0.get_mut(i) {
                                *slot = Some(result);
                            }
                            done.1 += 1;
                            done.1
                        };
                        if finished % step == 0 || finished == total {
                            self.control.report(stage, finished as u64, total as u64);
                        }
                    }
                    Err(error) => {
                        lock(&failure).get_or_insert(error);
                        stop.store(true, Ordering::Relaxed);
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..threads.min(total) {
                scope.spawn(run);
            }
            run();
        });
        if let Some(error) = failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        let results: Vec<R> = done
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
            .0
            .into_iter()
            .flatten()
            .collect();
        if results.len() != total {
            return Err(Error::new(
                ErrorKind::Internal,
                format!("{stage}: {} of {total} chunks finished", results.len()),
            ));
        }
        Ok(results)
    }

    /// Fills `data` chunk by chunk; `work` gets the index of the chunk and the chunk.
    pub(crate) fn fill<T: Send>(
        &self,
        stage: &str,
        data: &mut [T],
        chunk: usize,
        work: impl Fn(usize, &mut [T]) -> Result<()> + Sync,
    ) -> Result<()> {
        let tasks: Vec<&mut [T]> = data.chunks_mut(chunk.max(1)).collect();
        self.map(stage, tasks, || (), |i, part, ()| work(i, part))?;
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_at_any_number_of_threads() {
        let control = Control::new();
        for threads in [1, 2, 7] {
            let workers = Workers {
                threads,
                control: &control,
            };
            let out = workers.map(
                "test",
                (0..1000u64).collect(),
                || 0u64,
                |i, t, s| {
                    *s += 1;
                    Ok(t * 2 + i as u64)
                },
            );
            assert_eq!(out.unwrap(), (0..1000).map(|i| i * 3).collect::<Vec<_>>());
            let mut data = vec![0usize; 103];
            workers
                .fill("test", &mut data, 10, |c, part| {
                    part.fill(c);
                    Ok(())
                })
                .unwrap();
            assert!(data.iter().enumerate().all(|(i, &v)| v == i / 10));
        }
    }

    #[test]
    fn the_first_error_stops_the_loop_and_cancelling_does_too() {
        let stop = AtomicBool::new(false);
        let control = Control::new().with_cancel(&stop);
        for threads in [1, 3] {
            let workers = Workers {
                threads,
                control: &control,
            };
            let err = workers
                .map(
                    "test",
                    (0..100).collect(),
                    || (),
                    |_, t: i32, ()| {
                        if t == 5 {
                            Err(Error::new(ErrorKind::Io, "five"))
                        } else {
                            Ok(())
                        }
                    },
                )
                .unwrap_err();
            assert_eq!(err.kind(), ErrorKind::Io);
        }
        stop.store(true, Ordering::Relaxed);
        let workers = Workers {
            threads: 2,
            control: &control,
        };
        let err = workers
            .map("test", vec![1, 2], || (), |_, _, ()| Ok(()))
            .unwrap_err();
        assert_eq!(err.kind(), ErrorKind::Cancelled);
    }
}
