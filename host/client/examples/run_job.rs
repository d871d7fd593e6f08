//! Runs a job from a Rust program, in this process or on a cluster:
//!
//! ```text
//! cargo run -p sandbar-client --example run_job -- local word_count.wasm book.txt all
//! cargo run -p sandbar-client --example run_job -- 127.0.0.1:8081 word_count.wasm book.txt all
//! ```
//!
//! What the job prints goes to standard output, or to the TaskManagers' of the cluster.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use sandbar_client::{Env, JobStatus};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(place), Some(job)) = (arguments.next(), arguments.next()) else {
        return Err("give `local` or host:port, then a job, then its arguments".into());
    };
    let env = match place.as_str() {
        "local" => Env::local(),
        address => Env::remote(address),
    };
    let result = env.set("parallelism.default", "2").run(job, arguments)?;

    let mut told = std::io::stderr().lock();
    writeln!(told, "{} {}", result.name, result.status)?;
    for (name, sum) in result.accumulators.sums() {
        writeln!(told, "{name}: {sum}")?;
    }
    if let Some(failure) = &result.failure {
        writeln!(told, "{failure}")?;
    }
    Ok(match result.status == JobStatus::Finished {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}
