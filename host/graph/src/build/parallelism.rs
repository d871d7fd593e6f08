//! Parallelism and max parallelism: an operator's own setting, else the job's, else the caller's.

use sandbar_model::key_group::{MAX_PARALLELISM_LIMIT, default_max_parallelism};

use super::Builder;
use crate::error::SettingsProblem;
use crate::place;

/// What an operator sets itself.
#[derive(Clone, Copy, Default)]
pub(super) struct OwnParallelism {
    pub(super) parallelism: Option<u32>,
    pub(super) max_parallelism: Option<u32>,
    /// A source's limit.
    pub(super) limit: Option<u32>,
}

/// What an operator gets.
#[derive(Clone, Copy)]
pub(super) struct Parallelism {
    pub(super) parallelism: u32,
    pub(super) max_parallelism: u32,
}

impl Builder<'_> {
    /// Checks the job's own settings, so that operators need not repeat their errors.
    pub(super) fn check_job_parallelism(&mut self) {
        self.usable("parallelism", self.spec.parallelism, "parallelism", u32::MAX);
        let max_parallelism = self.spec.max_parallelism;
        self.usable("max-parallelism", max_parallelism, "max parallelism", MAX_PARALLELISM_LIMIT);
    }

    /// Works out the parallelism of what is written at `path`.
    pub(super) fn parallelism(&mut self, path: &str, own: OwnParallelism) -> Parallelism {
        let own_path = place::field(path, "parallelism");
        let max_path = place::field(path, "max-parallelism");
        let own_parallelism = self.usable(&own_path, own.parallelism, "parallelism", u32::MAX);
        let is_own = own_parallelism.is_some();
        let inherited = || {
            let of_job = self.spec.parallelism.filter(|parallelism| *parallelism > 0);
            let inherited = of_job.unwrap_or(self.settings.default_parallelism.max(1));
            own.limit.map_or(inherited, |limit| inherited.min(limit))
        };
        let parallelism = own_parallelism.unwrap_or_else(inherited);
        let limit = MAX_PARALLELISM_LIMIT;
        let own_max = self.usable(&max_path, own.max_parallelism, "max parallelism", limit);
        let is_usable = |max: &u32| (1..=MAX_PARALLELISM_LIMIT).contains(max);
        let max_parallelism = own_max
            .or(self.spec.max_parallelism.filter(is_usable))
            .or(self.settings.max_parallelism.filter(is_usable))
            .unwrap_or_else(|| default_max_parallelism(parallelism.min(MAX_PARALLELISM_LIMIT)));
        if parallelism > max_parallelism {
            let place = match (is_own, own_max.is_some()) {
                (true, _) => &own_path,
                (false, true) => &max_path,
                (false, false) => path,
            };
            let problem = SettingsProblem::AboveMaxParallelism { parallelism, max_parallelism };
            self.error(place, problem);
        }
        Parallelism { parallelism, max_parallelism }
    }

    /// A setting, unless it is 0 or above the limit, which is an error.
    fn usable(
        &mut self,
        path: &str,
        setting: Option<u32>,
        what: &'static str,
        limit: u32,
    ) -> Option<u32> {
        let number = setting?;
        if number == 0 {
            self.error(path, SettingsProblem::Zero { what });
            return None;
        }
        if number > limit {
            let problem = SettingsProblem::MaxParallelismLimit { max_parallelism: number, limit };
            self.error(path, problem);
            return None;
        }
        Some(number)
    }
}
