//! Partitioner and key of an edge: a key asks for hash, hash and custom ask for a key, keyed
//! operators ask for hash, and broadcast inputs for broadcast.

use sandbar_model::job_graph::{KeyRule, Partitioner};
use sandbar_model::plugin::OperatorKind;

use super::formats::{Giver, JSON, Taker};
use super::{Asks, Builder, Draft, kind_name};
use crate::error::KeyProblem;
use crate::place;
use crate::spec::{DetailedInput, KeySpec, SelectorKey};
use crate::stream_graph::EdgeKey;

/// What an edge's own words settle; the partitioner may still follow from the parallelism.
pub(super) struct Keying {
    pub(super) partitioner: Option<Partitioner>,
    pub(super) key: Option<EdgeKey>,
}

/// The edge whose key is looked at.
#[derive(Clone, Copy)]
pub(super) struct Keyed<'e> {
    /// The producer, if its format is known.
    pub(super) giver: Option<Giver<'e>>,
    /// Uid of the producer.
    pub(super) source_uid: &'e str,
    pub(super) target: &'e Draft<'e>,
    pub(super) input: u32,
    /// Where the edge is written.
    pub(super) path: &'e str,
}

impl Builder<'_> {
    /// Partitioner and key; none after an error.
    pub(super) fn keying(&mut self, detailed: &DetailedInput, edge: Keyed<'_>) -> Option<Keying> {
        let given = detailed.partitioner.map(Partitioner::from);
        let key_path = place::field(edge.path, "key");
        let uid = edge.target.node.uid.clone();
        let is_keyed = match edge.target.takes.asks(edge.input) {
            Asks::Broadcast => return self.broadcast(given, detailed.key.is_some(), edge),
            Asks::Keys => true,
            Asks::Nothing => false,
        };
        let partitioner_name =
            |partitioner: Partitioner| partitioner.ship_strategy().to_ascii_lowercase();
        match (given, &detailed.key) {
            (Some(other), _) if is_keyed && other != Partitioner::Hash => {
                let partitioner = partitioner_name(other);
                self.error(edge.path, KeyProblem::NotHash { uid, partitioner });
                None
            }
            (Some(Partitioner::Hash), None) => {
                self.error(edge.path, KeyProblem::HashWithoutKey);
                None
            }
            (None, None) if is_keyed => {
                let (input, source_uid) = (edge.input, edge.source_uid.to_owned());
                self.error(edge.path, KeyProblem::Missing { uid, input, source_uid });
                None
            }
            (None | Some(Partitioner::Hash), Some(key)) => {
                let key = self.key(key, OperatorKind::KeySelector, edge, &key_path)?;
                Some(Keying { partitioner: Some(Partitioner::Hash), key: Some(key) })
            }
            (Some(Partitioner::Custom), Some(key @ KeySpec::Selector(_))) => {
                let key = self.key(key, OperatorKind::Partitioner, edge, &key_path)?;
                Some(Keying { partitioner: Some(Partitioner::Custom), key: Some(key) })
            }
            (Some(Partitioner::Custom), _) => {
                self.error(edge.path, KeyProblem::CustomWithoutSelector);
                None
            }
            (Some(other), Some(_)) => {
                let partitioner = partitioner_name(other);
                self.error(&key_path, KeyProblem::NotUsed { partitioner });
                None
            }
            (partitioner, None) => Some(Keying { partitioner, key: None }),
        }
    }

    /// The edge into a broadcast input, which needs no word for what can be nothing else.
    fn broadcast(
        &mut self,
        given: Option<Partitioner>,
        has_key: bool,
        edge: Keyed<'_>,
    ) -> Option<Keying> {
        let (uid, input) = (edge.target.node.uid.clone(), edge.input);
        let source_uid = edge.source_uid.to_owned();
        match given {
            Some(other) if other != Partitioner::Broadcast => {
                let found = format!("the partitioner `{}`", other.ship_strategy().to_lowercase());
                let problem = KeyProblem::NotBroadcast { uid, input, source_uid, found };
                self.error(edge.path, problem);
                None
            }
            Some(_) | None if has_key => {
                let found = "a key".to_owned();
                let problem = KeyProblem::NotBroadcast { uid, input, source_uid, found };
                self.error(&place::field(edge.path, "key"), problem);
                None
            }
            Some(_) | None => Some(Keying { partitioner: Some(Partitioner::Broadcast), key: None }),
        }
    }

    fn key(
        &mut self,
        key: &KeySpec,
        kind: OperatorKind,
        edge: Keyed<'_>,
        path: &str,
    ) -> Option<EdgeKey> {
        match key {
            KeySpec::Word(_) => Some(EdgeKey::Rule(KeyRule::Value)),
            KeySpec::Json(key) => {
                let pointer = key.json.clone();
                if !(pointer.is_empty() || pointer.starts_with('/')) {
                    self.error(path, KeyProblem::Pointer { pointer });
                    return None;
                }
                if let Some(Giver { uid, format, .. }) = edge.giver
                    && format != JSON
                {
                    let (source_uid, format) = (uid.to_owned(), format.to_owned());
                    self.error(path, KeyProblem::NotJson { source_uid, format });
                    return None;
                }
                Some(EdgeKey::Rule(KeyRule::Json(pointer)))
            }
            KeySpec::Bytes(key) => {
                let (start, end) = key.bytes;
                if start >= end {
                    self.error(path, KeyProblem::NoBytes { start, end });
                    return None;
                }
                Some(EdgeKey::Rule(KeyRule::Bytes { start, end }))
            }
            KeySpec::Selector(selector) => self.selector(selector, kind, edge, path),
        }
    }

    fn selector(
        &mut self,
        key: &SelectorKey,
        expected: OperatorKind,
        edge: Keyed<'_>,
        path: &str,
    ) -> Option<EdgeKey> {
        let Some(plugin) = key.plugin.as_deref().or(edge.target.plugin()) else {
            let (selector, uid) = (key.selector.clone(), edge.target.node.uid.clone());
            self.error(path, KeyProblem::SelectorWithoutPlugin { selector, uid });
            return None;
        };
        let description = self.find_operator(plugin, &key.selector, path)?;
        let operator = key.selector.clone();
        if description.kind != expected {
            let (kind, expected) = (kind_name(description.kind), kind_name(expected));
            self.error(path, KeyProblem::SelectorKind { operator, kind, expected });
            return None;
        }
        if let Some(giver) = edge.giver {
            let formats: Vec<String> =
                description.inputs.iter().map(|input| input.format.clone()).collect();
            let taker = Taker { name: &key.selector, plugin: Some(plugin), formats: &formats };
            self.check_formats(giver, taker, path);
        }
        let plugin = plugin.to_owned();
        Some(EdgeKey::Selector { plugin, operator, kind: expected })
    }
}
