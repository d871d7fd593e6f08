//! Ids of vertices as people see them, in plans and over REST: 32 hexadecimal digits, made of a
//! vertex's position and the uid of its head, so that the same graph has the same ids in every run.
//!
//! Law: never changes. People keep such ids in scripts and dashboards.

use crate::VertexId;
use crate::job_graph::{JobGraph, JobVertex};

/// FNV-1a, 128 bits. Source: RFC 9923.
const OFFSET_BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// The id of a vertex.
pub fn vertex_id(vertex: &JobVertex) -> String {
    let uid = vertex.operators.first().map_or("", |head| head.uid.as_str());
    hex_id([&vertex.id.0.to_le_bytes()[..], uid.as_bytes()].concat().as_slice())
}

/// The id of a vertex by its position; that of an empty vertex for a position that is not there.
pub fn vertex_id_at(graph: &JobGraph, position: VertexId) -> String {
    graph.vertices.get(position.index()).map_or_else(|| hex_id(&[]), vertex_id)
}

/// 32 hexadecimal digits that stand for some bytes.
pub fn hex_id(bytes: &[u8]) -> String {
    let hash = |hash: u128, byte: &u8| (hash ^ u128::from(*byte)).wrapping_mul(PRIME);
    format!("{:032x}", bytes.iter().fold(OFFSET_BASIS, hash))
}

#[cfg(test)]
mod tests {
    use super::hex_id;

    #[test]
    fn ids_are_fnv_1a() {
        // The vectors of RFC 9923 for the empty string and for "a".
        assert_eq!(hex_id(b""), "6c62272e07bb014262b821756295c58d");
        assert_eq!(hex_id(b"a"), "d228cb696f1a8caf78912b704e4a8964");
    }
}
