//! Jobs written in code over keyed streams. The first argument says which: `skew` aggregates in
//! one phase, in two, or with salt; `rules` is a keyed stream with a broadcast one; `states` has
//! windows and joins whose state is to be asked for; `refused` keys records that cannot all be
//! read.

mod refused;
mod rules;
mod skew;
mod states;

use sandbar_sdk::prelude::*;

fn argument(args: &[String], position: usize) -> Result<&str> {
    let found = args.get(position).map(String::as_str);
    found.ok_or_else(|| Error::fatal(format!("argument {position} is missing")))
}

sandbar_sdk::job! {
    fn keyed_streams(env: &mut StreamExecutionEnvironment, args: &[String]) -> Result<()> {
        match argument(args, 0)? {
            "skew" => skew::define(env, argument(args, 1)?, argument(args, 2)?),
            "rules" => rules::define(env, argument(args, 1)?, argument(args, 2)?),
            "refused" => refused::define(env, argument(args, 1)?),
            "states" => states::define(env, argument(args, 1)?),
            other => Err(Error::fatal(format!("there is no job '{other}'"))),
        }
    }
}
