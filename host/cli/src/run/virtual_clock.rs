//! The argument `--virtual-clock`: where virtual time starts, and for which targets there is one.

use anyhow::bail;
use sandbar_config::ExecutionTarget;

use super::RunArgs;

/// Reads a time as RFC 3339 has them; milliseconds since the Unix epoch.
pub(super) fn parse(text: &str) -> Result<i64, String> {
    let time = text.parse::<jiff::Timestamp>();
    time.map(jiff::Timestamp::as_millisecond).map_err(|_| {
        format!(
            "{text} is no time with an offset, such as 2024-01-01T00:00:00Z; if it is the job, \
             name it before --virtual-clock"
        )
    })
}

/// Refuses a virtual clock for a job that does not run in this process.
pub(super) fn check(args: &RunArgs, target: ExecutionTarget) -> anyhow::Result<()> {
    if args.virtual_clock.is_some() && target != ExecutionTarget::Local {
        bail!(
            "--virtual-clock needs all tasks in this process, and with {} they would run on a \
             cluster; leave out --virtual-clock, or run the job with the target local",
            asked(args)
        );
    }
    Ok(())
}

/// What asks for a cluster.
fn asked(args: &RunArgs) -> &'static str {
    args.needing_cluster().unwrap_or("this target")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn virtual_time_starts_at_a_moment_with_an_offset() {
        assert_eq!(parse("1970-01-01T00:00:00Z"), Ok(0));
        assert_eq!(parse("2024-01-01T01:00:00.250+01:00"), Ok(1_704_067_200_250));
        assert_eq!(parse("1969-12-31T23:59:59Z"), Ok(-1000));
        for wrong in ["job.toml", "2024-01-01", "1704067200000", ""] {
            assert!(parse(wrong).unwrap_err().contains("no time with an offset"), "{wrong}");
        }
    }
}
