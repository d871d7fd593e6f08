//! Operators of one record: filter, map, flat map, project.

use jaq_json::Val;
use sandbar_sdk::prelude::*;
use serde::Deserialize;

use crate::expression::Expression;
use crate::record::parse;

/// Config of `filter`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FilterConfig {
    r#where: String,
}

/// Keeps the records for which an expression holds, as they are.
pub(crate) struct Filter(Expression);

impl Filter {
    pub(crate) fn new(config: &FilterConfig) -> Result<Filter> {
        Ok(Filter(Expression::compile(&config.r#where)?))
    }
}

impl FilterFunction<TextSlice> for Filter {
    fn filter(&mut self, record: &TextSlice) -> Result<bool> {
        self.0.holds(parse(record)?)
    }
}

/// Config of `map` and `flat-map`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MapConfig {
    expression: String,
}

/// Makes exactly one record of each.
pub(crate) struct Map(Expression);

impl Map {
    pub(crate) fn new(config: &MapConfig) -> Result<Map> {
        Ok(Map(Expression::compile(&config.expression)?))
    }
}

impl MapFunction<TextSlice, TextSlice> for Map {
    fn map(&mut self, record: TextSlice) -> Result<TextSlice> {
        let made = self.0.one(parse(&record)?)?;
        self.0.json(&made)
    }
}

/// Makes any number of records of each.
pub(crate) struct FlatMap(Expression);

impl FlatMap {
    pub(crate) fn new(config: &MapConfig) -> Result<FlatMap> {
        Ok(FlatMap(Expression::compile(&config.expression)?))
    }
}

impl FlatMapFunction<TextSlice, TextSlice> for FlatMap {
    fn flat_map(&mut self, record: TextSlice, out: &mut Collector<TextSlice>) -> Result<()> {
        self.0.each(parse(&record)?, |made| {
            out.collect(self.0.json(&made)?);
            Ok(())
        })
    }
}

/// Config of `project`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProjectConfig {
    fields: Vec<String>,
}

/// Keeps some members of an object, in the order of the config.
pub(crate) struct Project {
    expression: Expression,
}

impl Project {
    pub(crate) fn new(config: &ProjectConfig) -> Result<Project> {
        let member = |field: &String| {
            let name = Val::from(field.clone());
            format!("{name}: .[{name}]")
        };
        let members: Vec<String> = config.fields.iter().map(member).collect();
        Ok(Project { expression: Expression::compile(&format!("{{{}}}", members.join(", ")))? })
    }
}

impl MapFunction<TextSlice, TextSlice> for Project {
    fn map(&mut self, record: TextSlice) -> Result<TextSlice> {
        let made = self.expression.one(parse(&record)?)?;
        self.expression.json(&made)
    }
}
