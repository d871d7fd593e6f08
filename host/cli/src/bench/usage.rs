//! What a process uses up, as Linux tells. A process is named by its number, or `self`.

use anyhow::Context;

/// Clock ticks per second of /proc/PID/stat: fixed at 100 on Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// User and system time so far, in seconds.
pub(super) fn cpu_seconds(process: &str) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))
        .context("needs Linux's /proc, and the process to be there")?;
    // The name in parentheses may hold blanks: fields are counted behind it.
    let (_, fields) = stat.rsplit_once(')').context("unexpected /proc/PID/stat")?;
    let field = |index: usize| -> f64 {
        fields.split_whitespace().nth(index).and_then(|text| text.parse().ok()).unwrap_or(0.0)
    };
    Ok((field(11) + field(12)) / TICKS_PER_SECOND)
}

/// A number of /proc/PID/status in kilobytes, such as `VmHWM:`.
pub(super) fn status_kb(process: &str, name: &str) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))
        .context("needs Linux's /proc, and the process to be there")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .and_then(|text| text.parse().ok())
        .with_context(|| format!("no {name} in /proc/{process}/status"))
}

/// Open files.
pub(super) fn open_files(process: &str) -> anyhow::Result<usize> {
    let folder = format!("/proc/{process}/fd");
    Ok(std::fs::read_dir(folder).context("needs Linux's /proc")?.count())
}

/// The smallest, the middle and the largest of some figures; zeros for none.
pub(super) fn spread(figures: &[f64]) -> [f64; 3] {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.as_slice() {
        [] => [0.0; 3],
        all => [all[0], all[all.len() / 2], all[all.len() - 1]],
    }
}

/// The figure below which this part of them lies.
pub(super) fn percentile(sorted: &[f64], part: f64) -> f64 {
    let rank = (sorted.len() as f64 * part).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_the_nearest_rank() {
        let figures: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(percentile(&figures, 0.5), 50.0);
        assert_eq!(percentile(&figures, 0.99), 99.0);
        assert_eq!(percentile(&figures, 0.999), 100.0);
        assert_eq!(percentile(&[], 0.5), 0.0);
        assert_eq!(spread(&[3.0, 1.0, 2.0]), [1.0, 2.0, 3.0]);
    }

    #[test]
    fn this_process_uses_something() {
        assert!(cpu_seconds("self").unwrap() >= 0.0);
        assert!(status_kb("self", "VmHWM:").unwrap() > 0);
        assert!(open_files("self").unwrap() > 2);
        assert!(status_kb("self", "VmNothing:").unwrap_err().to_string().contains("VmNothing"));
    }
}
