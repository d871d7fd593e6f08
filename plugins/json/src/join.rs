//! `interval-join` and `window-join`: pairs of records of two inputs with the same key.

use jaq_json::{Map, Val};
use sandbar_sdk::join::{
    IntervalJoin, JoinContext, JoinType, ProcessJoinFunction, WindowJoin, WindowJoinOperator,
};
use sandbar_sdk::prelude::*;
use serde::Deserialize;

use crate::expression::Expression;
use crate::record::parse;
use crate::window::{Windows, with_assigner};

/// What a joined record is unless the config says otherwise: members of the right one win.
const SELECT: &str = ".left + .right";

/// Config of `interval-join`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct IntervalConfig {
    lower_ms: i64,
    upper_ms: i64,
    #[serde(default)]
    r#type: JoinSpec,
    select: Option<String>,
}

/// Config of `window-join`.
#[derive(Deserialize)]
pub(crate) struct WindowConfig {
    #[serde(flatten)]
    windows: Windows,
    select: Option<String>,
}

/// Which records come out without a partner.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum JoinSpec {
    #[default]
    Inner,
    LeftOuter,
    RightOuter,
    FullOuter,
}

impl From<JoinSpec> for JoinType {
    fn from(spec: JoinSpec) -> JoinType {
        match spec {
            JoinSpec::Inner => JoinType::Inner,
            JoinSpec::LeftOuter => JoinType::LeftOuter,
            JoinSpec::RightOuter => JoinType::RightOuter,
            JoinSpec::FullOuter => JoinType::FullOuter,
        }
    }
}

/// Makes one record of a pair, or of a record without a partner, which is null then.
pub(crate) struct Select(Expression);

impl Select {
    fn new(code: Option<&str>) -> Result<Select> {
        Ok(Select(Expression::compile(code.unwrap_or(SELECT))?))
    }

    fn emit(&self, left: &str, right: &str, out: &mut Collector<String>) -> Result<()> {
        let side = |record: &str| if record.is_empty() { Ok(Val::Null) } else { parse(record) };
        let members = [("left", side(left)?), ("right", side(right)?)];
        let both: Map =
            members.into_iter().map(|(name, val)| (name.to_owned().into(), val)).collect();
        let made = self.0.one(Val::obj(both))?;
        out.collect(self.0.json(&made)?.to_string());
        Ok(())
    }
}

impl ProcessJoinFunction<String, String, String> for Select {
    fn process(
        &mut self,
        left: &String,
        right: &String,
        _ctx: &mut JoinContext<'_>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        self.emit(left, right, out)
    }

    fn process_unmatched_left(
        &mut self,
        left: &String,
        _ctx: &mut JoinContext<'_>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        self.emit(left, "", out)
    }

    fn process_unmatched_right(
        &mut self,
        right: &String,
        _ctx: &mut JoinContext<'_>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        self.emit("", right, out)
    }
}

/// Makes the interval join of a config.
///
/// # Errors
/// The expression is none.
pub(crate) fn interval_join(
    config: &IntervalConfig,
) -> Result<IntervalJoin<String, String, Select>> {
    Ok(IntervalJoin::between(config.lower_ms, config.upper_ms)
        .join_type(config.r#type.into())
        .process(Select::new(config.select.as_deref())?))
}

/// Makes the window join of a config.
///
/// # Errors
/// The expression is none.
pub(crate) fn window_join(
    config: &WindowConfig,
) -> Result<WindowJoinOperator<String, String, String, String>> {
    let select = Select::new(config.select.as_deref())?;
    let windows = &config.windows;
    Ok(with_assigner!(windows, assigner => WindowJoin::of(assigner)
        .allowed_lateness(windows.lateness())
        .process(select)))
}
