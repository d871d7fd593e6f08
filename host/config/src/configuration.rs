//! What the user set: a map from option key to value as text, by canonical key, so that a value
//! under an option's older name is overridden like one under its key.

use std::collections::BTreeMap;

use crate::error::ConfigError;
use crate::option::{ConfigOption, OptionEntry};
use crate::options;
use crate::value::ConfigValue;
use crate::yaml;

/// Below this similarity (0 to 1, `strsim::jaro_winkler`) a known key is no help as a hint.
const HINT_SIMILARITY_MIN: f64 = 0.8;

/// Start of the keys that are the user's own, for operators to read: no option has such a key.
const OWN_KEY_PREFIX: &str = "user.";

/// Options that were set, by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    values: BTreeMap<String, String>,
}

/// A key that no option has: mistyped, or the user's own without saying so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownKey {
    /// As the user wrote it.
    pub key: String,
    /// The known key it resembles most, if it resembles one.
    pub nearest: Option<&'static str>,
}

impl std::fmt::Display for UnknownKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "there is no option `{}`", self.key)?;
        match self.nearest {
            Some(nearest) => write!(f, "; did you mean `{nearest}`?"),
            None => write!(f, "; begin keys of your own with `{OWN_KEY_PREFIX}`"),
        }
    }
}

impl Configuration {
    /// Makes a configuration in which nothing is set.
    pub fn new() -> Configuration {
        Configuration::default()
    }

    /// Reads YAML: flat (`a.b: c`), nested or mixed. An empty text sets nothing; the elements of
    /// a list are joined with `;`, as Flink writes lists.
    ///
    /// # Errors
    /// The text is no YAML mapping, a key has no value, or one option is set twice.
    pub fn from_yaml(text: &str) -> Result<Configuration, ConfigError> {
        let mut written: BTreeMap<String, yaml::Setting> = BTreeMap::new();
        for setting in yaml::settings(text)? {
            let key = options::canonical_key(&setting.key).to_owned();
            match written.get(&key) {
                Some(first) => {
                    let (first, second) = (first.to_string(), setting.to_string());
                    return Err(ConfigError::Duplicate { key, first, second });
                }
                None => written.insert(key, setting),
            };
        }
        let values = written.into_iter().map(|(key, setting)| (key, setting.value)).collect();
        Ok(Configuration { values })
    }

    /// Takes over pairs of key and value, such as those of a job; a later pair overrides.
    pub fn from_pairs<K, V>(pairs: impl IntoIterator<Item = (K, V)>) -> Configuration
    where
        K: AsRef<str>,
        V: Into<String>,
    {
        let mut configuration = Configuration::new();
        for (key, value) in pairs {
            configuration.set(key.as_ref(), value);
        }
        configuration
    }

    /// Splits `key=value`, the argument of `-D`, at the first `=`.
    ///
    /// # Errors
    /// There is no `=`, or nothing on one side of it.
    pub fn parse_override(text: &str) -> Result<(String, String), ConfigError> {
        match text.split_once('=').map(|(key, value)| (key.trim(), value.trim())) {
            Some((key, value)) if !key.is_empty() && !value.is_empty() => {
                Ok((key.to_owned(), value.to_owned()))
            }
            Some(_) | None => Err(ConfigError::Override { text: text.to_owned() }),
        }
    }

    /// Sets one option, whether it was set before or not; `key` may be an older name.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        self.values.insert(options::canonical_key(key).to_owned(), value.into());
    }

    /// Lays another configuration over this one: where both set an option, the other's value
    /// holds.
    pub fn merge(&mut self, over: Configuration) {
        self.values.extend(over.values);
    }

    /// The value of an option, or its default.
    ///
    /// # Errors
    /// The value that was set is not of the option's type.
    pub fn get<T: ConfigValue>(&self, option: &ConfigOption<T>) -> Result<T, ConfigError> {
        let Some(value) = self.values.get(option.key()) else {
            return Ok(option.default_value());
        };
        T::parse(value).ok_or_else(|| ConfigError::Value {
            key: option.key().to_owned(),
            value: value.clone(),
            expected: T::EXPECTED.to_owned(),
        })
    }

    /// The text that was set for a key, which may be the user's own; none when it was not set.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.values.get(options::canonical_key(key)).map(String::as_str)
    }

    /// Everything that was set, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// What holds, by key: defaults, and over them what was set.
    pub fn effective(&self) -> BTreeMap<String, String> {
        let default = |info: &OptionEntry| Some((info.key.to_owned(), info.default?.to_owned()));
        let in_effect = options::all().filter(|info| info.in_effect);
        let mut values: BTreeMap<String, String> = in_effect.filter_map(default).collect();
        values.extend(self.values.clone());
        values
    }

    /// Everything that was set, by key.
    pub fn into_map(self) -> BTreeMap<String, String> {
        self.values
    }

    /// Every known option that has a value of the wrong type.
    pub fn errors(&self) -> Vec<ConfigError> {
        options::all()
            .filter_map(|info| {
                let value = self.values.get(info.key).filter(|value| !info.accepts(value))?;
                Some(ConfigError::Value {
                    key: info.key.to_owned(),
                    value: value.clone(),
                    expected: info.expected.to_owned(),
                })
            })
            .collect()
    }

    /// The options that are set and not yet in effect.
    pub fn idle_keys(&self) -> Vec<&'static str> {
        options::all()
            .filter(|info| !info.in_effect && self.values.contains_key(info.key))
            .map(|info| info.key)
            .collect()
    }

    /// The keys that no option has and that do not begin with `user.`: warnings, since operators
    /// may read them all the same.
    pub fn unknown_keys(&self) -> Vec<UnknownKey> {
        self.values
            .keys()
            .filter(|key| options::find(key).is_none() && !key.starts_with(OWN_KEY_PREFIX))
            .map(|key| UnknownKey { key: key.clone(), nearest: nearest_key(key) })
            .collect()
    }
}

fn nearest_key(key: &str) -> Option<&'static str> {
    options::all()
        .map(|info| (strsim::jaro_winkler(key, info.key), info.key))
        .filter(|(similarity, _)| *similarity >= HINT_SIMILARITY_MIN)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, nearest)| nearest)
}

#[cfg(test)]
mod tests;
