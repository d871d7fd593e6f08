//! An operator's config against its schema.

use sandbar_model::plugin::OperatorDescription;
use serde_json::Value;

use super::Builder;
use crate::error::SettingsProblem;
use crate::place;
use crate::schema;
use crate::spec::OperatorSpec;

impl Builder<'_> {
    pub(super) fn check_config(
        &mut self,
        spec: &OperatorSpec,
        description: &OperatorDescription,
        path: &str,
    ) {
        let config_path = place::field(path, "config");
        let operator = spec.operator.clone();
        if description.config_schema.is_empty() {
            if spec.config.as_ref().is_some_and(|config| !is_nothing(config)) {
                self.error(&config_path, SettingsProblem::ConfigNotTaken { operator });
            }
            return;
        }
        let Ok(schema) = serde_json::from_str::<Value>(&description.config_schema) else {
            let plugin = spec.plugin.clone();
            self.error(path, SettingsProblem::ConfigSchema { plugin, operator });
            return;
        };
        // Without a config, an empty one must do.
        let empty = Value::Object(serde_json::Map::new());
        let config = spec.config.as_ref().unwrap_or(&empty);
        for violation in schema::check(&schema, config, &config_path) {
            let problem = violation.problem;
            let problem = SettingsProblem::Config { operator: operator.clone(), problem };
            self.error(&violation.path, problem);
        }
    }
}

fn is_nothing(config: &Value) -> bool {
    config.is_null() || config.as_object().is_some_and(serde_json::Map::is_empty)
}
