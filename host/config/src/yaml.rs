//! Flattens YAML text into settings, keeping how each was written so that two settings of one
//! option can be named.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::error::ConfigError;

/// One value at the end of a path of mappings.
pub(crate) struct Setting {
    /// The path joined with dots.
    pub(crate) key: String,
    /// The value as text.
    pub(crate) value: String,
    depth: usize,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = if self.depth > 1 { " (nested)" } else { "" };
        write!(f, "{}: {}{form}", self.key, self.value)
    }
}

/// All settings of a text, in its order, including several of one key.
///
/// # Errors
/// The text is no YAML mapping, or a key has no value.
pub(crate) fn settings(text: &str) -> Result<Vec<Setting>, ConfigError> {
    let invalid = |message: String| ConfigError::Yaml { message };
    let tree: Tree = serde_yaml_ng::from_str(text).map_err(|error| invalid(error.to_string()))?;
    let mut settings = Vec::new();
    match tree {
        Tree::Nothing => {}
        Tree::Mapping(entries) => flatten("", 1, entries, &mut settings)?,
        Tree::Scalar(_) | Tree::List(_) => {
            return Err(invalid("expected a mapping such as `parallelism.default: 2`".to_owned()));
        }
    }
    Ok(settings)
}

fn flatten(
    prefix: &str,
    depth: usize,
    entries: Vec<(String, Tree)>,
    settings: &mut Vec<Setting>,
) -> Result<(), ConfigError> {
    for (name, tree) in entries {
        let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
        match tree {
            Tree::Mapping(inner) if !inner.is_empty() => {
                flatten(&key, depth + 1, inner, settings)?;
            }
            Tree::Scalar(value) => settings.push(Setting { key, value, depth }),
            Tree::List(values) => {
                settings.push(Setting { key, value: values.join(";"), depth });
            }
            Tree::Nothing | Tree::Mapping(_) => return Err(ConfigError::NoValue { key }),
        }
    }
    Ok(())
}

/// YAML without types: unlike `serde_yaml_ng::Value` it keeps repeated keys.
enum Tree {
    Nothing,
    Scalar(String),
    List(Vec<String>),
    Mapping(Vec<(String, Tree)>),
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Tree, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping, a list or a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Scalar(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Scalar(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Scalar(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Scalar(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Scalar(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Nothing)
    }

    /// What `serde_yaml_ng` calls for a text without a document.
    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Tree, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = access.next_element::<String>()? {
            values.push(value);
        }
        Ok(Tree::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Tree, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, tree)) = access.next_entry::<String, Tree>()? {
            entries.push((key, tree));
        }
        Ok(Tree::Mapping(entries))
    }
}
