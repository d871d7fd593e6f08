//! Where a job is to run: what the arguments say, else what the configuration says.

use sandbar_config::options::cluster::EXECUTION_TARGET;
use sandbar_config::{ConfigValue, Configuration, ExecutionTarget};

/// Reads a target. One that Flink has and we do not is an error like any other.
pub(super) fn parse(text: &str) -> Result<ExecutionTarget, String> {
    ExecutionTarget::parse(text)
        .ok_or_else(|| format!("there is no target {text}, only {}", targets()))
}

/// Those that there are, as a sentence lists them.
fn targets() -> &'static str {
    "local, remote, application and per-job; Flink's targets on Kubernetes and YARN do not exist \
     here"
}

/// Chooses the target: `given` by argument, else that of the configuration. Arguments that only
/// a cluster can obey, `needing` one, choose `remote` where nothing else is said.
///
/// # Errors
/// Such an argument for a job in this process.
pub(super) fn choose(
    given: Option<ExecutionTarget>,
    configuration: &Configuration,
    needing: Option<&str>,
) -> anyhow::Result<ExecutionTarget> {
    let is_set = configuration.text(EXECUTION_TARGET.key()).is_some();
    let target = match (given, needing) {
        (Some(target), _) => target,
        (None, Some(_)) if !is_set => ExecutionTarget::Remote,
        (None, _) => configuration.get(&EXECUTION_TARGET)?,
    };
    match needing {
        Some(argument) if target == ExecutionTarget::Local => anyhow::bail!(
            "{argument} needs a cluster, and the target `local` runs the job in this process; \
             leave out {argument}, or give -t remote"
        ),
        Some(_) | None => Ok(target),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_of_flink_are_answered_with_ours() {
        assert_eq!(parse("per-job"), Ok(ExecutionTarget::PerJob));
        for wrong in ["kubernetes-session", "yarn-application", ""] {
            let error = parse(wrong).unwrap_err();
            assert!(error.contains("local, remote, application and per-job"), "{error}");
        }
    }

    #[track_caller]
    fn check(given: Option<&str>, set: &[(&str, &str)], needing: bool, expected: Option<&str>) {
        let given = given.map(|text| parse(text).unwrap());
        let configuration = Configuration::from_pairs(set.iter().copied());
        let chosen = choose(given, &configuration, needing.then_some("-d"));
        assert_eq!(chosen.ok(), expected.map(|text| parse(text).unwrap()));
    }

    #[test]
    fn arguments_win_over_the_configuration_and_a_cluster_is_implied() {
        let remote = [("execution.target", "remote")];
        let local = [("execution.target", "local")];
        check(None, &[], false, Some("local"));
        check(None, &[], true, Some("remote"));
        check(None, &remote, false, Some("remote"));
        check(Some("local"), &remote, false, Some("local"));
        check(Some("application"), &local, true, Some("application"));
        check(Some("local"), &[], true, None);
        check(None, &local, true, None);
    }
}
